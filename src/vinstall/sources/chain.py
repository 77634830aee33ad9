"""Chain: the sources of one run in their order.

The first index that knows a project answers for it: the index first, then the extra ones in the
order given.  Nothing is looked for in the later ones, so that a name somebody else registered
elsewhere changes nothing (`first-index`; the other two strategies ask them all).  Places of
`--find-links` are named file by file or folder by folder by the user; what they have comes on
top, as with pip.  Pages stay apart, one for each source: a release belongs to one source, and
variant metadata is never combined across them.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import UsageError
from vinstall.formats.simple_api import ProjectPage
from vinstall.net.response import OfflineError
from vinstall.sources.source import KeptFile, Source

STRATEGIES = ("first-index", "unsafe-first-match", "unsafe-best-match")


class Listing(Source, Protocol):
    """A source that can tell what its answers were read from."""

    def kept(self, name: NormalizedName) -> tuple[KeptFile, ...] | None:
        """What `project` read for `name`; while none of it changes, neither does the answer.

        None where that cannot be told.  Asks nobody once `project` has answered.
        """
        ...


class ListingIndex(Listing, Protocol):
    """An index that can be asked once more."""

    def ask_again(self, name: NormalizedName) -> ProjectPage | None:
        """The page of a project that `project` said is not known, if only an earlier run was told so."""
        ...


class Chain:
    """Finds the pages of a project.  Thread-safe."""

    def __init__(
        self,
        *,
        indexes: Sequence[ListingIndex],
        find_links: Sequence[Listing] = (),
        pinned: Sequence[tuple[str, ListingIndex]] = (),
        strategy: str = "first-index",
    ) -> None:
        """`pinned` are (pattern, index): projects whose name matches are looked for only there."""
        if strategy not in STRATEGIES:
            raise UsageError(
                f"`{strategy}` is no index strategy", hint=f"there are {', '.join(STRATEGIES)}"
            )
        self._indexes = tuple(indexes)
        self._find_links = tuple(find_links)
        self._pinned = tuple((_normalized(pattern), index) for pattern, index in pinned)
        self._first_only = strategy == "first-index"

    def pages(self, name: NormalizedName) -> tuple[ProjectPage, ...]:
        """The pages on `name`, most preferred first; empty where no source knows it.

        Pages of `--find-links` come first, for files at hand are preferred among equals.
        Raises NetworkError, SourceError or FormatError of the first source that fails.
        """
        return tuple(self._read(name))

    def asked(self, name: NormalizedName) -> tuple[str, ...]:
        """The sources that are asked for `name`, as shown to the user."""
        find_links, indexes = self._sources(name)
        return tuple(source.name for source in (*find_links, *indexes))

    def kept(self, name: NormalizedName) -> tuple[KeptFile, ...] | None:
        """What `pages` was read from for `name`: while none of it changes, neither does the answer.

        None where that cannot be told of one of the sources.
        """
        find_links, indexes = self._sources(name)
        found: list[KeptFile] = []
        for source in (*find_links, *indexes):
            kept = source.kept(name)
            if kept is None:
                return None
            found += kept
            if self._first_only and source in indexes and source.project(name) is not None:
                break
        return tuple(found)

    def _sources(
        self, name: NormalizedName
    ) -> tuple[tuple[Listing, ...], tuple[ListingIndex, ...]]:
        """(places with links, indexes) for `name`."""
        for pattern, index in self._pinned:
            if fnmatch.fnmatchcase(name, pattern):
                return (), (index,)
        return self._find_links, self._indexes

    def _read(self, name: NormalizedName) -> Iterator[ProjectPage]:
        find_links, indexes = self._sources(name)
        known = [page for place in find_links if (page := place.project(name)) is not None]
        yield from known
        out_of_reach: OfflineError | None = None
        for index in indexes:
            try:
                page = index.project(name)
            except OfflineError as error:
                out_of_reach = out_of_reach or error
                continue
            if page is not None:
                known.append(page)
                yield page
                if self._first_only:
                    break
        if known:
            return
        # Nobody is told that there is no such project on the word of an earlier run alone.
        found = (index.ask_again(name) for index in indexes)
        yield from islice(filter(None, found), 1 if self._first_only else None)
        if out_of_reach is not None:
            raise out_of_reach


def _normalized(pattern: str) -> str:
    """A pattern as it is compared with normalised names; `*`, `?` and `[...]` keep their meaning."""
    return str(canonicalize_name(pattern))
