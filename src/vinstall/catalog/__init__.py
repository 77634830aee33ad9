"""The one window through which resolution sees the world: releases, choices, metadata; lazy, memoised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.metadata import Metadata
from vinstall.formats.requirement import Requirement
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice, SourceDistribution


class Catalog(Protocol):
    """What resolution may ask.  Every method is memoised: equal questions get the identical object.

    All methods may raise NetworkError and SourceError; they may be called from several threads.
    """

    def versions(self, name: NormalizedName) -> Sequence[Version]:
        """All versions the sources list, most preferred first; empty where no source knows `name`.

        Newest first, unless the index strategy puts all versions of one index before another's.
        """
        ...

    def too_new(self, name: NormalizedName) -> Sequence[Version]:
        """Versions that are as if not listed, because of `--exclude-newer`; newest first."""
        ...

    def choices(self, name: NormalizedName, version: Version) -> Sequence[Choice]:
        """The choices of one release, best first; empty where nothing of it can be used.

        One choice, unless labels carry an `abi_dependency` (contract, section 7): then one for
        each label that adds a constraint, and the best of the rest.
        """
        ...

    def direct(self, requirement: Requirement) -> Choice:
        """The choice for a requirement with a URL or path.

        Raises ResolutionError where the file cannot be used here, FormatError for a bad name.
        """
        ...

    def has_labels(self, name: NormalizedName) -> bool:
        """Whether any release of `name` has a wheel with a variant label.  Reads pages only."""
        ...

    def rejections(self, name: NormalizedName, version: Version) -> Sequence[Rejection]:
        """Why the files of one release were refused, most telling first."""
        ...

    def metadata(self, choice: Choice) -> Metadata:
        """Metadata of the chosen file, read from that file and no sibling.

        Raises FormatError where it cannot be used, BuildError where a source does not build.
        """
        ...

    def asked(self, name: NormalizedName) -> tuple[str, ...]:
        """The sources that are asked for `name`, as shown to the user."""
        ...

    def prefetch(self, requirements: Sequence[Requirement]) -> None:
        """A hint that these projects will be asked for, and in which versions; returns at once."""
        ...

    def read_ahead(self, name: NormalizedName, versions: Sequence[Version]) -> None:
        """A hint that the metadata of these releases will probably be asked for; returns at once."""
        ...

    def settle(self) -> None:
        """A hint that guesses about what will be asked were wrong: begin no more of them."""
        ...


class MetadataBuilder(Protocol):
    """Turns source distributions and source trees into metadata, by a build where it must."""

    def metadata(self, source: SourceDistribution) -> Metadata:
        """Metadata of what `source` builds into.  Raises BuildError; remembered by the builder."""
        ...
