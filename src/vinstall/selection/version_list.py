"""VersionList: versions newest first, each made when it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from packaging.version import Version


class VersionList(Sequence[Version]):
    """Versions, newest first, each once.  Threads may share one."""

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts` are valid versions, sorted already, no two of them equal as versions."""
        self._texts = texts
        self._made: list[Version | None] = [None] * len(texts)
        self._places: dict[Version, int] = {}

    def place(self, version: Version) -> int:
        """Where `version` is, however it is spelled.  Raises KeyError.  Looks at a few versions."""
        place = self._places.get(version)
        if place is not None:
            return place
        low, high = 0, len(self._texts)
        while low < high:
            middle = (low + high) // 2
            if self[middle] > version:
                low = middle + 1
            else:
                high = middle
        if low == len(self._texts) or self[low] != version:
            raise KeyError(version)
        return low

    def index(self, value: Version, start: int = 0, stop: int | None = None) -> int:
        """As of any sequence.  Raises ValueError."""
        try:
            place = self.place(value)
        except KeyError as error:
            raise ValueError(value) from error
        if place not in range(*slice(start, stop).indices(len(self))):
            raise ValueError(value)
        return place

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, Version):
            return False
        try:
            self.place(value)
        except KeyError:
            return False
        return True

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, at: int) -> Version: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Version, ...]: ...
    def __getitem__(self, at: int | slice) -> Version | tuple[Version, ...]:
        if isinstance(at, slice):
            return tuple(self._make(place) for place in range(*at.indices(len(self._texts))))
        return self._make(range(len(self._texts))[at])

    def __iter__(self) -> Iterator[Version]:
        return map(self._make, range(len(self._texts)))

    def _make(self, place: int) -> Version:
        made = self._made[place]
        if made is None:
            made = self._made[place] = Version(self._texts[place])
            self._places[made] = place
        return made
