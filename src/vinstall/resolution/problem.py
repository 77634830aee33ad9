"""Problem: one question, and everything that helps to answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName

from vinstall.catalog import Catalog
from vinstall.observer import Observer
from vinstall.resolution.candidate import Ask
from vinstall.resolution.needs import Needs
from vinstall.resolution.options import ResolutionOptions
from vinstall.resolution.shortlist import Shortlist
from vinstall.values import frozen


@frozen
class Problem:
    """Made once per resolution; the shortlist and the needs remember what was looked at."""

    asks: Sequence[Ask]
    """What the user asks for; markers hold, overrides are applied."""
    requested: Mapping[NormalizedName, int]
    """The projects asked for, and the place of each in that order."""
    constraints: Mapping[NormalizedName, Sequence[Ask]]
    catalog: Catalog
    shortlist: Shortlist
    needs: Needs
    options: ResolutionOptions
    observer: Observer
