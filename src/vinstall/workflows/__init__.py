"""One verb per file: Settings in, Report out."""
