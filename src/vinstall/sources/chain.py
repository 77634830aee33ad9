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
from pathlib import Path
from typing import Protocol

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import UsageError
from vinstall.formats.simple_api import ProjectPage
from vinstall.net.response import OfflineError
from vinstall.sources.index import Index, PageState
from vinstall.sources.source import Source

STRATEGIES = ("first-index", "unsafe-first-match", "unsafe-best-match")


class Listing(Source, Protocol):
    """A source that can tell whether a page changed without reading it."""

    def state(self, name: NormalizedName) -> PageState | None:
        """What is known of the page of `name` without asking anybody, or None."""
        ...


class Chain:
    """Finds the pages of a project.  Thread-safe."""

    def __init__(
        self,
        *,
        indexes: Sequence[Listing],
        find_links: Sequence[Listing] = (),
        pinned: Sequence[tuple[str, Listing]] = (),
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

    def states(self, name: NormalizedName) -> tuple[tuple[str, PageState], ...] | None:
        """(source, state) of every page that `pages` would use, without asking anybody.

        None where somebody would have to be asked.
        """
        find_links, indexes = self._sources(name)
        found: list[tuple[str, PageState]] = []
        for source in (*find_links, *indexes):
            state = source.state(name)
            if state is None:
                return None
            found.append((source.name, state))
            if source in indexes and state.digest and self._first_only:
                break
        return tuple(found)

    def kept(self, name: NormalizedName) -> tuple[tuple[Path, float], ...] | None:
        """(file, fresh until) of each page that `pages` gave for `name`, or that was not there.

        None where one of them is not kept in a file of the cache, links of `--find-links` among
        them.
        """
        find_links, indexes = self._sources(name)
        if find_links:
            return None
        found: list[tuple[Path, float]] = []
        for index in indexes:
            if not isinstance(index, Index):
                return None
            kept = index.kept(name)
            if kept is None:
                return None
            found.append(kept)
            if self._first_only and index.project(name) is not None:
                break
        return tuple(found)

    def _sources(self, name: NormalizedName) -> tuple[tuple[Listing, ...], tuple[Listing, ...]]:
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
        if not known and out_of_reach is not None:
            raise out_of_reach


def _normalized(pattern: str) -> str:
    """A pattern as it is compared with normalised names; `*`, `?` and `[...]` keep their meaning."""
    return str(canonicalize_name(pattern))
