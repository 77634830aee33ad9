"""The console script: the cheapest answers first, then the commands."""

from __future__ import annotations


def main() -> None:
    """Run vinstall on `sys.argv`; does not return."""
    raise NotImplementedError
