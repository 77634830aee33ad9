"""Names of lock files.  Spec: PEP 751 "File Name".  Apart from `pylock`, which costs more to load."""

from __future__ import annotations


def is_lock_name(filename: str) -> bool:
    """Whether `filename` is `pylock.toml` or `pylock.NAME.toml`, NAME without dots."""
    parts = filename.split(".")
    return parts[0] == "pylock" and parts[-1] == "toml" and len(parts) in (2, 3) and all(parts)
