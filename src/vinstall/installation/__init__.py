"""Plan, fetch, unpack, remove, apply: what changes an environment."""
