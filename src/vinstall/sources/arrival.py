"""Arrival: a large file on its way, for whoever works on its front before its end is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vinstall.errors import NetworkError
from vinstall.net.client import Stream
from vinstall.net.response import Part
from vinstall.sources.source import WORTH_FOLLOWING

_LEAST_SHARE, _MOST_SHARES = 256 * 1024, 8
"""Bytes that are worth a request of their own, and how many requests there are at once.

Servers that are slow with parts of files are slow with each by itself.
"""


class Arrival:
    """What `source.Arriving` describes; `advance` and `end` are for whoever brings the bytes."""

    def __init__(self, path: Path, size: int, read: Callable[..., Part | None]) -> None:
        """`read(start=, length=)` gets a part of the same version of the file by a request of its own."""
        self.path = path
        self.size = size
        self._read = read
        self.there = 0
        """How many bytes from the front on are in the file."""
        self._wanted = size + 1
        """The first place that somebody waits for; waking nobody would be most of the work."""
        self._has_ended = False
        self._news = threading.Condition()

    def wait(self, place: int) -> bool:
        """Return when all bytes before `place` are in the file; False if they will not be."""
        if self.there < place:
            with self._news:
                while self.there < place and not self._has_ended:
                    self._wanted = min(self._wanted, place)
                    if self.there < place:  # it may have come while that was not known
                        self._news.wait()
        return self.there >= place

    def read_early(self, start: int, length: int) -> bytes | None:
        """These bytes, wherever they are, by requests of their own; None where they are not to be had."""
        share = max(-(-length // _MOST_SHARES), _LEAST_SHARE)
        end = start + length
        begins = range(start, end, share)
        try:
            with ThreadPoolExecutor(len(begins)) as pool:
                parts = list(pool.map(self._read_part, begins, [*begins[1:], end]))
        except (NetworkError, RuntimeError):  # the latter: there cannot be so many threads
            return None  # whoever brings the whole file will tell
        there = [part for part in parts if part is not None]
        return b"".join(there) if len(there) == len(parts) else None

    def _read_part(self, start: int, end: int) -> bytes | None:
        part = self._read(start=start, length=end - start)
        if part is None or part.total != self.size or len(part.content) != end - start:
            return None
        return part.content

    def advance(self, place: int) -> None:
        """All bytes before `place` are in the file now."""
        self.there = place
        if place >= self._wanted:
            with self._news:
                self._wanted = self.size + 1
                self._news.notify_all()

    def end(self) -> None:
        """Nothing more comes: something failed, or what was there is void."""
        with self._news:
            self._has_ended = True
            self._news.notify_all()


def can_be_followed(stream: Stream, total: int | None) -> bool:
    """Whether a file is worth it, and its server gives parts of files."""
    if total is None or total < WORTH_FOLLOWING or "content-encoding" in stream.headers:
        return False
    return stream.status == 206 or stream.headers.get("accept-ranges", "").lower() == "bytes"
