"""Patterns: regular expressions that are compiled when they are first used.

A module's patterns are for what may turn up in a text; most runs meet little of it.  Compiling
one takes 0.05 to 0.5 ms, and fifty stood in the way of every command.
"""

from __future__ import annotations

import re
from typing import cast


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`; a fault in `text` shows at the first use."""
    return cast("re.Pattern[str]", _Pattern(text, flags))


class _Pattern:
    """Takes the methods of the compiled pattern as its own, each when it is asked for."""

    def __init__(self, text: str, flags: int) -> None:
        self._given = (text, flags)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # asked by abstract classes and copies, of every attribute
            raise AttributeError(name)
        found: object = getattr(re.compile(*self._given), name)
        self.__dict__[name] = found
        return found
