"""SpecifierSet ← text of others: what packaging takes, less what it fails at later."""

from __future__ import annotations

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from vinstall.pattern import pattern

_REFUSED = pattern(r"\d{1000}|[\x00-\x08\x0e-\x1f\x7f]")
"""`int` refuses more than 4,300 digits with a ValueError, and packaging reads them late; some
control characters are white space to `str.strip`, though not to the grammar."""


def parse_version_set(text: str) -> SpecifierSet:
    """The versions that `text` admits; empty for all.  Raises InvalidSpecifier."""
    if _REFUSED.search(text):
        raise InvalidSpecifier("a control character, or a number of a thousand digits")
    return SpecifierSet(text)
