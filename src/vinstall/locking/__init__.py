"""Resolution ⇄ Lock.  Spec: PEP 751; PEP 825 "Integration with pylock.toml"."""
