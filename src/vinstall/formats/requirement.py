"""Requirement ⇄ one line.  Spec: PEP 508 / dependency specifiers, with PEP 825's markers."""

from __future__ import annotations

from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from vinstall.formats.marker import Marker


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A dependency specifier."""

    name: NormalizedName
    extras: frozenset[NormalizedName] = frozenset()
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    marker: Marker | None = None
    url: str | None = None
    """The URL of `name @ URL`, fragment included; None for a requirement by version."""


def parse_requirement(text: str) -> Requirement:
    """`text` as a requirement.  Raises FormatError; results for equal strings are shared."""
    raise NotImplementedError


def render_requirement(requirement: Requirement) -> str:
    """One line that parses to an equal requirement; extras sorted."""
    raise NotImplementedError
