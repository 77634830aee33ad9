"""build_chain(): the sources a user named, as a Chain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vinstall.cache.files import Cache
from vinstall.errors import UsageError
from vinstall.net.client import HttpClient
from vinstall.observer import Observer
from vinstall.sources.chain import Chain, Listing, ListingIndex
from vinstall.sources.index import Index
from vinstall.sources.location import Location, parse_location
from vinstall.values import frozen


@frozen
class SourceChoice:
    """Where files shall come from, as the user wrote it."""

    index_url: str | None = None
    """None: pip's own default.  This one and the next may be `NAME=URL`."""
    extra_index_urls: tuple[str, ...] = ()
    no_index: bool = False
    find_links: tuple[str, ...] = ()
    index_for: tuple[str, ...] = ()
    """`PATTERN=URL`, or `PATTERN=NAME` of an index that was given a name."""
    strategy: str = "first-index"
    refresh: bool = False


def build_chain(
    choice: SourceChoice,
    *,
    base: Path,
    client: HttpClient,
    cache: Cache,
    observer: Observer | None = None,
) -> Chain:
    """The chain for `choice`; relative paths start from `base`.  Asks nobody anything yet.

    Raises UsageError for what is no address; SourceError where there is no default index.
    """
    builder = _Builder(choice, base, client, cache, observer or Observer())
    indexes = () if choice.no_index else builder.indexes()
    pinned = () if choice.no_index else tuple(map(builder.pinned, choice.index_for))
    return Chain(
        indexes=indexes,
        find_links=builder.find_links(),
        pinned=pinned,
        strategy=choice.strategy,
    )


class _Builder:
    """Makes one source for each address, however often it is named."""

    def __init__(
        self,
        choice: SourceChoice,
        base: Path,
        client: HttpClient,
        cache: Cache,
        observer: Observer,
    ) -> None:
        self._choice = choice
        self._base = base
        self._client = client
        self._cache = cache
        self._observer = observer
        self._made: dict[str, ListingIndex] = {}
        self._named: dict[str, ListingIndex] = {}

    def indexes(self) -> tuple[ListingIndex, ...]:
        """The index and the extra ones, in this order, each once."""
        url = self._choice.index_url
        first = _default() if url is None else parse_location(url, base=self._base)
        extra = (parse_location(text, base=self._base) for text in self._choice.extra_index_urls)
        return tuple(dict.fromkeys(self._index(location) for location in (first, *extra)))

    def pinned(self, text: str) -> tuple[str, ListingIndex]:
        """`PATTERN=URL` as pattern and index."""
        pattern, mark, address = text.partition("=")
        if not mark or not pattern.strip() or not address.strip():
            raise UsageError(
                f"`{text}` names no index for a project",
                hint="`--index-for` takes `PATTERN=URL`, such as `torch*=https://index.example/`",
            )
        named = self._named.get(address.strip())
        index = named or self._index(parse_location(address, base=self._base))
        return pattern.strip(), index

    def find_links(self) -> Sequence[Listing]:
        if not self._choice.find_links:
            return []
        from vinstall.sources.find_links import FindLinks
        from vinstall.sources.web_text import WebTexts

        texts = WebTexts(self._client, self._cache, refresh=self._choice.refresh)
        locations = (parse_location(text, base=self._base) for text in self._choice.find_links)
        return [
            FindLinks(location, client=self._client, texts=texts, observer=self._observer)
            for location in dict.fromkeys(locations)
        ]

    def _index(self, location: Location) -> ListingIndex:
        made = self._made.get(location.url)
        if made is None:
            made = self._made[location.url] = self._open(location)
        if location.name is not None:
            self._named[location.name] = made
        return made

    def _open(self, location: Location) -> ListingIndex:
        if location.is_local:
            from vinstall.sources.directory import Directory

            return Directory(location.url, observer=self._observer)
        return Index(
            location.url,
            client=self._client,
            cache=self._cache,
            observer=self._observer,
            name=location.name,
            refresh=self._choice.refresh,
        )


def _default() -> Location:
    from vinstall.sources.default_index import default_index

    return Location(default_index())
