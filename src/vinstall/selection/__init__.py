"""Which wheel of a release, and why: pure."""
