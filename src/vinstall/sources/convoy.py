"""Convoy: several connections that bring one large file, where that is faster than one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from vinstall.cache.files import Cache, Key
from vinstall.errors import VinstallError
from vinstall.net.address import parse_origin
from vinstall.net.client import HttpClient, Stream
from vinstall.net.response import TransferInterrupted
from vinstall.sources.growth import WORTH_IF_KNOWN, Growth
from vinstall.sources.pieces import Piece, Pieces

SERVERS = "servers"
"""The bucket of what was learnt about servers."""
_REVISION = 1
_REMEMBERED = 7 * 24 * 60 * 60.0
"""Seconds."""
_GLANCE = 0.05
"""Seconds between two looks at what the connections bring."""
_PATIENCE = 3.0
"""Seconds in which the connection everybody waits for has to bring something."""


class Convoy:
    """The connections beside the first one.  They begin when `Growth` says so."""

    def __init__(
        self,
        stream: Stream,
        path: Path,
        *,
        place: int,
        total: int,
        client: HttpClient,
        cache: Cache,
        is_alone: Callable[[], bool],
        begins: Callable[[], None],
        received: Callable[[int], None],
    ) -> None:
        """`stream` is the first connection, which is at `place`.

        `is_alone` says whether nothing else is being downloaded: beside other files, a second
        connection would only take from them what it brings.  `begins` is called before anything
        is written behind that; `received` with the bytes of the other connections, and with less
        than none for what came for nothing.
        """
        self._stream = stream
        self._path = path
        self._first = place
        self._client = client
        self._cache = cache
        self._is_alone = is_alone
        self._begins = begins
        self._received = received
        self._key: Key = ("server", _REVISION, *parse_origin(stream.url))
        self._growth = Growth(known=self._recall())
        self._pieces = Pieces(total)
        self._threads: list[threading.Thread] = []
        self._wanted = 0
        self._read_alone = 0
        """Bytes that the first connection brought."""

    @property
    def has_begun(self) -> bool:
        """Whether there are bytes in the file behind the first connection."""
        return bool(self._threads)

    def room(self, place: int) -> int:
        """How many bytes the first connection may write at `place` before it is asked again."""
        return self._pieces.limit - place

    def goes_on(self, place: int) -> bool:
        """Whether the first connection, which now is at `place`, shall read on."""
        wasted = self._pieces.wasted
        goes_on = self._pieces.pass_by(place)
        if self._pieces.wasted > wasted:
            self._received(wasted - self._pieces.wasted)
        if not self._is_alone() and not self.has_begun:
            return goes_on
        self._read_alone = place - self._first
        self._send_out(self._watch(place))
        return goes_on

    def rest(self, place: int) -> Iterator[int]:
        """How far everything is there, again and again, once the first connection is at its end.

        Nobody waits long for one connection: what it does not bring is asked for once more.
        Raises what the second attempt raises.
        """
        since = time.monotonic()
        while place < self._pieces.total:
            reached, piece = self._pieces.reach(place, _GLANCE)
            if reached > place:
                place, since = reached, time.monotonic()
                yield place
            elif piece is None:
                piece = self._pieces.take(self._wanted + 1)
                if piece is not None:
                    self._bring(piece)
            elif piece.has_failed or time.monotonic() - since > _PATIENCE:
                self._bring(self._pieces.again(piece))
            if self._pieces.in_order:
                self._send_out(self._watch(place) + 1)  # one more, in place of the first
        self._wanted = 0
        if self._growth.verdict is not None:
            value = (self._growth.verdict, time.time())
            self._cache.write_value(SERVERS, self._key, value)

    def _watch(self, place: int) -> int:
        """How many helpers there shall be, now that everything before `place` is there."""
        total = place - self._first + self._pieces.received
        left = self._pieces.total - self._first - total
        wanted = self._growth.watch(time.monotonic(), self._read_alone, total, left)
        if self._growth.verdict:
            self._pieces.in_order = True
        return wanted

    def abandon(self) -> None:
        """Nothing is written to the file any more, though connections may still be open."""
        self._wanted = 0
        self._pieces.drop()

    def _send_out(self, wanted: int) -> None:
        """Have `wanted` connections; one too many ends with its piece."""
        if wanted and not self._threads:
            self._begins()
        self._wanted = wanted
        while len(self._threads) < wanted:
            number = len(self._threads)
            thread = threading.Thread(target=self._work, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self, number: int) -> None:
        while number < self._wanted:
            piece = self._pieces.take(self._wanted + 1)
            if piece is None:
                return
            try:
                self._bring(piece)
            except (VinstallError, OSError):
                return  # `rest` asks once more, and tells; if anybody still waits for it
            finally:
                with self._pieces.lock:
                    piece.has_failed = not piece.is_complete
                    self._pieces.lock.notify()

    def _bring(self, piece: Piece) -> None:
        """Receive one piece, or what is left of it."""
        headers = {"Range": f"bytes={piece.place}-{piece.end - 1}"}
        if self._stream.validator is not None:
            headers["If-Range"] = self._stream.validator
        with self._client.stream(self._stream.url, headers=headers, accepting=(206,)) as stream:
            if not stream.headers.get("content-range", "").startswith(f"bytes {piece.place}-"):
                raise TransferInterrupted("the server sends another part than was asked for")
            with self._path.open("r+b", buffering=0) as target:
                target.seek(piece.place)
                for chunk in stream.chunks():
                    with self._pieces.lock:
                        if piece.dropped:
                            return
                        target.write(chunk[: piece.end - piece.place])
                        piece.place = min(piece.place + len(chunk), piece.end)
                    self._received(len(chunk))
        if not piece.is_complete:
            raise TransferInterrupted("the server sends less than was asked for")

    def _recall(self) -> int | None:
        value = self._cache.read_value(SERVERS, self._key)
        if value is None:
            return None
        helpers, when = cast("tuple[int, float]", value)
        return helpers if time.time() - when < _REMEMBERED else None


def can_be_joined(stream: Stream, left: int | None) -> bool:
    """Whether more connections could help: a large rest of a file whose server cuts files."""
    if left is None or left < WORTH_IF_KNOWN or "content-encoding" in stream.headers:
        return False
    return stream.status == 206 or stream.headers.get("accept-ranges", "").lower() == "bytes"
