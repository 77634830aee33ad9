"""Pieces: which part of a file each of several connections brings.

The first connection reads from the front.  While the others have to prove themselves they take
pieces from the back: so it never has to ask twice, and where it meets a piece that is not
complete it reads on over it.  Once they have, they take pieces in the order of the file, just in
front of it, and it ends where the first of them begins: whoever works on the file while it
arrives gets it in order.
"""

from __future__ import annotations

import threading

_LEAST, _MOST = 1024 * 1024, 8 * 1024 * 1024


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
        self.in_order = False
        """Whether pieces are taken from the front from now on."""
        self._low = 0
        self._front: int | None = None
        """Where the next piece of those from the front begins."""
        self._back = total
        """Where the last piece that was taken from the back begins."""
        self._taken: list[Piece] = []
        """In the order of the file, without those that were passed by."""

    @property
    def limit(self) -> int:
        """How far the first connection may read: to the first piece that somebody else has."""
        return self._taken[0].start if self._taken else self.total

    @property
    def received(self) -> int:
        """Bytes that came over the other connections and are still in front of the first one."""
        with self.lock:
            return sum(piece.place - piece.start for piece in self._taken)

    def take(self, connections: int) -> Piece | None:
        """A piece for one of `connections`; None where nothing is left to take.

        Pieces get smaller towards the end, so that all connections end at nearly the same time.
        """
        with self.lock:
            begin = self._low if self._front is None else self._front
            left = self._back - begin
            size = min(max(left // (2 * connections), _LEAST), _MOST)
            if left <= 0 or (self._front is None and left < 2 * _LEAST):
                return None
            if not self.in_order:
                self._back -= size
                piece = Piece(self._back, self._back + size)
            else:
                if self._front is None:  # what the first one brings meanwhile
                    begin += size if left >= 2 * size else left // 2
                self._front = min(begin + size, self._back)
                piece = Piece(begin, self._front)
            self._taken.append(piece)
            self._taken.sort(key=lambda one: one.start)
            return piece

    def pass_by(self, place: int) -> bool:
        """The first connection has everything before `place`; whether it shall read on.

        It stops at a piece that is complete, or that is taken in order; it reads on over others.
        """
        with self.lock:
            self._low = place
            while self._taken and place >= self._taken[0].start:
                piece = self._taken[0]
                if piece.is_complete or self.in_order:
                    return False
                piece.dropped = True
                self.wasted += piece.place - piece.start
                self._taken.pop(0)
                self._back = self._taken[0].start if self._taken else self.total
            return place < self.total

    def drop(self) -> None:
        """Nobody waits for anything any more."""
        with self.lock:
            for piece in self._taken:
                piece.dropped = True

    def reach(self, place: int, seconds: float) -> tuple[int, Piece | None]:
        """How far everything is there, if it is so before `place`; and the piece that is next.

        Waits up to `seconds` for more than that.  None: nobody has what is next.
        """
        with self.lock:
            found = self._reach(place)
            if found[0] == place and (found[1] is None or not found[1].has_failed):
                self.lock.wait(seconds)
                found = self._reach(place)
            self._low = found[0]
            return found

    def _reach(self, place: int) -> tuple[int, Piece | None]:
        while self._taken and self._taken[0].start <= place:
            piece = self._taken[0]
            if not piece.is_complete:
                return max(place, piece.place), piece
            place = max(place, piece.end)
            self._taken.pop(0)
        return place, None

    def again(self, piece: Piece) -> Piece:
        """What is left of a piece that failed or takes too long, as a piece for somebody else."""
        with self.lock:
            piece.dropped = True
            rest = Piece(piece.place, piece.end)
            self._taken[self._taken.index(piece)] = rest
            return rest
