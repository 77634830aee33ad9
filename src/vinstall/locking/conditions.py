"""Under which environments an answer stays the same: markers made from the markers it depended on.

A resolution evaluated markers; where each comparison in them comes out the same, so does the
resolution.  Names of systems are pinned to what they are, versions to the range between the
nearest bounds that were compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from packaging.markers import Marker as PackagingMarker
from packaging.version import Version

from vinstall.formats.marker import Marker, parse_marker

NAMES = (
    "os_name",
    "sys_platform",
    "platform_system",
    "platform_machine",
    "implementation_name",
    "platform_python_implementation",
)
"""The fields that hold names, in the order they are written."""
_VERSIONS = ("python_version", "python_full_version", "implementation_version")
_FIELD = "|".join(
    sorted((*NAMES, *_VERSIONS, "os.name", "sys.platform", "platform.machine"), reverse=True)
)
_OPERATOR = r"===|==|~=|!=|<=|>=|<|>|not\s+in|in"
_LITERAL = r"'[^']*'|\"[^\"]*\""
_COMPARISON = re.compile(
    rf"(?:({_FIELD})\s*({_OPERATOR})\s*({_LITERAL}))|(?:({_LITERAL})\s*({_OPERATOR})\s*({_FIELD}))"
)
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def conditions(environment: Mapping[str, str], markers: Iterable[Marker]) -> Marker | None:
    """A marker that holds in `environment` and in those where `markers` come out the same; None: all."""
    compared: dict[str, set[tuple[str, str]]] = {}
    for marker in markers:
        for field, operator, value in _comparisons(marker.text):
            compared.setdefault(field.replace(".", "_"), set()).add((operator, value))
    parts = [f"{name} == '{environment[name]}'" for name in NAMES if name in compared]
    for name in _VERSIONS:
        parts += _bounds(name, compared.get(name, set()), environment)
    return parse_marker(" and ".join(parts)) if parts else None


def _comparisons(text: str) -> Iterable[tuple[str, str, str]]:
    for match in _COMPARISON.finditer(text):
        if match[1] is not None:
            yield match[1], " ".join(match[2].split()), match[3][1:-1]
        else:
            operator = " ".join(match[5].split())
            yield match[6], _MIRRORED.get(operator, operator), match[4][1:-1]


def _bounds(
    name: str, compared: Iterable[tuple[str, str]], environment: Mapping[str, str]
) -> list[str]:
    lower: tuple[Version, str] | None = None
    upper: tuple[Version, str] | None = None
    others = []
    for operator, value in sorted(compared):
        text = f"{name} {operator} '{value}'"
        if operator in _OPPOSITE and not _holds(text, environment):
            operator = _OPPOSITE[operator]
            text = f"{name} {operator} '{value}'"
        version = _version(value)
        if version is None or operator not in _MIRRORED:
            if _holds(text, environment):
                others.append(text)
        elif operator in (">", ">="):
            lower = max(lower, (version, text)) if lower else (version, text)
        else:
            upper = min(upper, (version, text)) if upper else (version, text)
    return [bound[1] for bound in (lower, upper) if bound is not None] + others


def _holds(text: str, environment: Mapping[str, str]) -> bool:
    return PackagingMarker(text).evaluate({**environment, "extra": ""})


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None
