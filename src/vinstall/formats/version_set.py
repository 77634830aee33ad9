"""SpecifierSet ← text of others: what packaging takes, less what it fails at later."""

from __future__ import annotations

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet

from vinstall.pattern import pattern

_REFUSED = pattern(r"\d{1000}|[\x00-\x08\x0e-\x1f\x7f]")
"""`int` refuses more than 4,300 digits with a ValueError, and packaging reads them late; some
control characters are white space to `str.strip`, though not to the grammar."""


def parse_version_set(text: str) -> SpecifierSet:
    """The versions that `text` admits; empty for all.  Raises InvalidSpecifier."""
    if _REFUSED.search(text):
        raise InvalidSpecifier("a control character, or a number of a thousand digits")
    return SpecifierSet(text)


def restore_version_set(text: str) -> SpecifierSet:
    """The versions of a set that was written as `text`; half the work of `parse_version_set`.

    Made as a pickled one would be, without looking for faults.
    """
    if not hasattr(Specifier, "__setstate__"):  # packaging before 26.2
        return SpecifierSet(text)
    parts = []
    for one in text.split(",") if text else ():
        part = Specifier.__new__(Specifier)
        operator = one[:3] if one.startswith("===") else one[: 1 + (one[1:2] == "=")]
        part.__setstate__(((operator, one[len(operator) :]), None))
        parts.append(part)
    whole = SpecifierSet.__new__(SpecifierSet)
    whole.__setstate__((tuple(parts), None))
    return whole
