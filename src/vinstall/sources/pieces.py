"""Pieces: which part of a file each of several connections brings.

The first connection reads from the front, the others take pieces from the back, so that it never
has to ask twice.  Where it meets a piece that is not complete it reads on over it, and nobody
waits for a slow connection.
"""

from __future__ import annotations

import threading

_LEAST, _MOST = 1024 * 1024, 32 * 1024 * 1024


class Piece:
    """Some bytes of a file, on their way over one connection."""

    __slots__ = ("dropped", "end", "has_failed", "place", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.place = start
        """The next byte to come."""
        self.end = end
        self.dropped = False
        """Nobody waits for it any more."""
        self.has_failed = False
        """Nobody brings it any more."""

    @property
    def is_complete(self) -> bool:
        """Whether all its bytes are there."""
        return self.place == self.end


class Pieces:
    """The division of one file.  Thread-safe; `lock` also guards writing to the file.

    Whoever completes a piece, or fails to, notifies `lock`.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.lock = threading.Condition()
        self.wasted = 0
        """Bytes that came for nothing, since the first connection was there as well."""
        self._low = 0
        self._taken: list[Piece] = []
        """From the back of the file to the front."""

    @property
    def limit(self) -> int:
        """How far the first connection may read: to the first piece that somebody else has."""
        return self._taken[-1].start if self._taken else self.total

    @property
    def received(self) -> int:
        """Bytes that came over the other connections and are still wanted."""
        return sum(piece.place - piece.start for piece in self._taken)

    def take(self, connections: int) -> Piece | None:
        """A piece from the back for one of `connections`; None where nothing is left to take.

        Pieces get smaller towards the end, so that all connections end at nearly the same time.
        """
        with self.lock:
            left = self.limit - self._low
            size = min(max(left // (2 * connections), _LEAST), _MOST)
            if left < 2 * _LEAST:
                return None
            piece = Piece(self.limit - size, self.limit)
            self._taken.append(piece)
            return piece

    def pass_by(self, place: int) -> bool:
        """The first connection has everything before `place`; whether it shall read on.

        It reads on over a piece that is not complete, and stops at one that is.
        """
        with self.lock:
            self._low = place
            while self._taken and place >= self._taken[-1].start:
                piece = self._taken[-1]
                if piece.is_complete:
                    return False
                piece.dropped = True
                self.wasted += piece.place - piece.start
                self._taken.pop()
            return place < self.total

    def drop(self) -> None:
        """Nobody waits for anything any more."""
        with self.lock:
            for piece in self._taken:
                piece.dropped = True

    def wait(self) -> list[Piece]:
        """Wait until every piece is complete or has failed; those that have, front first."""
        with self.lock:
            self.lock.wait_for(lambda: all(p.is_complete or p.has_failed for p in self._taken))
            return [piece for piece in reversed(self._taken) if not piece.is_complete]
