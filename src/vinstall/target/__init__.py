"""The environment installed into."""
