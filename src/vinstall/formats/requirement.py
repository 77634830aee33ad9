"""Requirement ⇄ one line.  Spec: PEP 508 / dependency specifiers, with PEP 825's markers."""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError
from vinstall.formats.marker import Marker, parse_marker
from vinstall.formats.version_set import parse_version_set
from vinstall.pattern import pattern
from vinstall.values import field, frozen

_IDENTIFIER = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_GAP = "[ \t]*"
_HEAD = pattern(rf"{_GAP}({_IDENTIFIER}){_GAP}(?:\[([^\]]*)\])?{_GAP}", re.ASCII)
_EXTRA = pattern(rf"{_GAP}({_IDENTIFIER}){_GAP}", re.ASCII)
_URL = pattern(rf"@{_GAP}(\S+)(?:[ \t]+;(.*))?{_GAP}", re.DOTALL)
_VERSIONS = pattern(rf"(?:\(([^();]*)\){_GAP}|([^();]*))(?:;(.*))?", re.DOTALL)
_ODD_SPACE = pattern(r"[^\S \t]")
_CREDENTIALS = pattern(r"(?<=://)[^\s/?#]*(?=@)")


@frozen
class Requirement:
    """A dependency specifier."""

    name: NormalizedName
    extras: frozenset[NormalizedName] = frozenset()
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    marker: Marker | None = None
    url: str | None = None
    """The URL of `name @ URL`, fragment included; None for a requirement by version."""


@lru_cache(maxsize=8192)
def parse_requirement(text: str) -> Requirement:
    """`text` as a requirement.  Raises FormatError; results for equal strings are shared."""
    head = _HEAD.match(text)
    if head is None:
        raise _fault(text, "it does not start with the name of a project")
    extras = _extras(text, head[2])
    rest = text[head.end() :]
    url = None
    versions = ""
    if rest.startswith("@"):
        match = _URL.fullmatch(rest)
        if match is None:
            raise _fault(text, "after `@` stands a URL, then at most ` ; ` and a marker")
        url, marker = match[1], match[2]
    else:
        match = _VERSIONS.fullmatch(rest)
        if match is None:
            raise _fault(text, "after the name stand versions, then at most `;` and a marker")
        versions, marker = match[1] or match[2] or "", match[3]
    return Requirement(
        name=canonicalize_name(head[1]),
        extras=extras,
        specifier=_specifier(text, versions),
        marker=None if marker is None else _marker(text, marker),
        url=url,
    )


def render_requirement(requirement: Requirement) -> str:
    """One line that parses to an equal requirement; extras sorted."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    line = f"{requirement.name}{extras}"
    if requirement.url is not None:
        line += f" @ {requirement.url}"
    elif requirement.specifier:
        line += str(requirement.specifier)
    if requirement.marker is not None:
        line += f" ; {requirement.marker.text}"
    return line


def shown_requirement(text: str) -> str:
    """`text` fit for a message: one printable line, without the credentials of a URL."""
    line = _CREDENTIALS.sub("****", " ".join(text.split()))
    return line if line.isprintable() else ascii(line)[1:-1]


def _extras(text: str, listed: str | None) -> frozenset[NormalizedName]:
    if listed is None or not listed.strip(" \t"):
        return frozenset()
    matches = [_EXTRA.fullmatch(name) for name in listed.split(",")]
    names = [canonicalize_name(match[1]) for match in matches if match is not None]
    if len(names) != len(matches):
        raise _fault(text, f"`[{listed}]` is no list of extras")
    return frozenset(names)


def _specifier(text: str, versions: str) -> SpecifierSet:
    versions = versions.strip(" \t")
    try:
        return _specifier_set(versions)
    except InvalidSpecifier as error:
        single = re.match(r"=(?!=)", versions)
        raise FormatError(
            f"`{shown_requirement(text)}` is no requirement",
            context=(f"`{shown_requirement(versions)}` are no versions such as `>=1,<2`",),
            hint="write `==` for one version" if single else None,
        ) from error


@lru_cache(maxsize=4096)
def _specifier_set(versions: str) -> SpecifierSet:
    if not all(part.strip() for part in versions.split(",")[:-1]):
        raise InvalidSpecifier("nothing before a comma")
    if _ODD_SPACE.search(versions):
        raise InvalidSpecifier("white space other than spaces and tabs")
    return parse_version_set(versions)


def _marker(text: str, marker: str) -> Marker:
    try:
        return parse_marker(marker)
    except FormatError as error:
        raise FormatError(
            f"`{shown_requirement(text)}` is no requirement",
            context=(error.message, *error.context),
            hint=error.hint,
        ) from error


def _fault(text: str, why: str) -> FormatError:
    return FormatError(
        f"`{shown_requirement(text)}` is no requirement", context=(shown_requirement(why),)
    )
