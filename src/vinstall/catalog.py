"""The one window through which resolution sees the world: releases, choices, metadata; lazy, memoised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.metadata import Metadata
from vinstall.formats.requirement import Requirement
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice


class Catalog(Protocol):
    """What resolution may ask.  Every method is memoised: equal questions get the identical object."""

    def versions(self, name: NormalizedName) -> Sequence[Version]:
        """All versions the answering source lists, newest first; empty where no source knows `name`."""
        ...

    def choices(self, name: NormalizedName, version: Version) -> Sequence[Choice]:
        """The choices of one release, best first; empty where nothing of it can be used.

        One choice, unless labels carry an `abi_dependency` (contract, section 7): then one for
        each label that adds a constraint, and the best of the rest.
        """
        ...

    def direct(self, requirement: Requirement) -> Choice:
        """The choice for a requirement with a URL or path."""
        ...

    def rejections(self, name: NormalizedName, version: Version) -> Sequence[Rejection]:
        """Why the files of one release were refused, most telling first."""
        ...

    def metadata(self, choice: Choice) -> Metadata:
        """Metadata of the chosen file, read from that file and no sibling."""
        ...

    def prefetch(self, names: Sequence[NormalizedName]) -> None:
        """A hint that these projects will be asked for; returns at once."""
        ...
