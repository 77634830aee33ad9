"""Where files come from: indexes, folders, find-links pages, paths and URLs."""
