"""What the machine supports: the built-in variant providers and their registry."""
