"""Words that need no click: an installation whose options are spelled out, as nearly all are.

click takes a sixth of the time of a run that finds everything in the cache.  What is not plain
(a word of help, an abbreviation, options in one word, a mistake) is left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vinstall.cli import option_rows
from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INSTALL = "install"
"""The command where no other is named."""

COMMANDS = {
    "cache": ("vinstall.cli.cache_commands", "cache_group"),
    "check": ("vinstall.cli.environment_commands", "check"),
    "completion": ("vinstall.cli.environment_commands", "completion"),
    "config": ("vinstall.cli.knowledge_commands", "config"),
    "download": ("vinstall.cli.environment_commands", "download"),
    "explain": ("vinstall.cli.knowledge_commands", "explain"),
    "freeze": ("vinstall.cli.environment_commands", "freeze"),
    "host": ("vinstall.cli.knowledge_commands", "host"),
    "index": ("vinstall.cli.maker_commands", "index_group"),
    INSTALL: ("vinstall.cli.install_command", "install"),
    "list": ("vinstall.cli.environment_commands", "list_command"),
    "lock": ("vinstall.cli.lock_commands", "lock"),
    "sync": ("vinstall.cli.lock_commands", "sync"),
    "uninstall": ("vinstall.cli.environment_commands", "uninstall"),
    "wheel": ("vinstall.cli.maker_commands", "wheel_group"),
}
"""Where each command is; its module is imported when it is called."""

_TALK = frozenset({"-q", "--quiet", "-v", "--verbose", "-vv", "--no-color", "--isolated"})
"""Options that may stand before the command's name; none takes a value."""


def command_first(words: Sequence[str]) -> list[str]:
    """`words` beginning with the name of their command, `install` where none is named.

    As they are where they ask for help, or for nothing.
    """
    talk = 0
    while talk < len(words) and words[talk] in _TALK:
        talk += 1
    if talk == len(words) or words[talk] in ("--help", "-h", "--version", "-V"):
        return list(words)
    if words[talk] in COMMANDS:
        return [words[talk], *words[:talk], *words[talk + 1 :]]
    return [INSTALL, *words]


def plain_parameters(words: Sequence[str]) -> dict[str, Any] | None:
    """What click would hand to `install` for these words, in its order; None where it is to be asked."""
    command, *rest = command_first(words) or [""]
    if command != INSTALL:
        return None
    switches = _switches()
    found: dict[str, Any] = {}
    requirements = []
    left = iter(rest)
    for word in left:
        if len(word) < 2 or word[0] != "-":
            requirements.append(word)
            continue
        name, attached, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name not in switches:
            return None
        parameter, kind = switches[name]
        if kind.wants_value and not attached:
            following = next(left, None)
            if following is None:
                return None
            value = following
        elif attached and not kind.wants_value:
            return None
        found[parameter] = kind.put(found.get(parameter, kind.default), value)
    found["requirements"] = tuple(requirements)
    for parameter, kind in switches.values():
        found.setdefault(parameter, kind.default)
    return found


class _Kind(Row):
    """How an option is typed, and what comes of it."""

    put: Callable[[Any, str], Any]
    """What the parameter is afterwards: of what it was, and of the value."""
    default: Any
    """What it is where the option is not given."""
    wants_value: bool = False


_YES = _Kind(lambda _before, _value: True, default=False)
_COUNT = _Kind(lambda before, _value: before + 1, default=0)
_ONE = _Kind(lambda _before, value: value, default=None, wants_value=True)
_MANY = _Kind(lambda before, value: (*before, value), default=(), wants_value=True)
_EITHER = _Kind(lambda _before, _value: True, default=None)
_CONTRARY = _Kind(lambda _before, _value: False, default=None)


def _switches() -> dict[str, tuple[str, _Kind]]:
    """The options of `install` by what is typed: the name of the parameter, and the kind."""
    switches: dict[str, tuple[str, _Kind]] = {}
    for names, attributes in (row for _, rows in option_rows.INSTALL for row in rows):
        long, _, contrary = next(name for name in names if name[:2] == "--").partition("/")
        parameter = long[2:].replace("-", "_")
        if contrary:
            switches |= {long: (parameter, _EITHER), contrary: (parameter, _CONTRARY)}
        else:
            switches |= dict.fromkeys(names, (parameter, _kind(attributes)))
    return switches


def _kind(attributes: Mapping[str, Any]) -> _Kind:
    if "is_flag" in attributes:
        return _YES
    if "count" in attributes:
        return _COUNT
    return _MANY if "multiple" in attributes else _ONE
