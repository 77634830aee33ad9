"""resolvelib over a catalog, and the explanation of failures."""
