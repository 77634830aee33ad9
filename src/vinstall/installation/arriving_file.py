"""Files of which bytes are read before all of them are there."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from pathlib import Path
from typing import Any

from vinstall.sources.source import Arriving

_TAIL_SHARE, _LEAST_TAIL, _MOST_TAIL = 64, 256 << 10, 2 << 20
"""How much of a wheel is read first: one part in so many, and bytes."""
_MOST_EARLY = 64 << 20
"""Bytes that are read early and kept in memory."""


class ArrivingFile:
    """The part of a binary file that unpacking needs, of a file that is still being written.

    Reading waits for the bytes; where they will not come, fewer are returned.
    """

    def __init__(self, arrival: Arriving) -> None:
        self._arrival = arrival
        self._file = arrival.path.open("rb", buffering=0)
        self._place = 0

    def close(self) -> None:
        """Done with it."""
        self._file.close()

    def seek(self, place: int) -> int:
        """Go to a place, counted from the beginning."""
        self._place = place
        return place

    def read(self, size: int) -> bytes:
        """The next bytes."""
        end = min(self._place + size, self._arrival.size)
        self._arrival.wait(end)
        self._file.seek(self._place)
        data = self._file.read(end - self._place)
        self._place += len(data)
        return data


class EarlyFile(io.RawIOBase):
    """A file of which parts are read before they arrive: its end, and what is asked for.

    What was read is compared with the file when it is there.
    """

    def __init__(self, arrival: Arriving) -> None:
        super().__init__()
        self._arrival = arrival
        self._size = arrival.size
        self._place = 0
        self._windows: list[tuple[int, bytes]] = []
        self._marks: list[tuple[int, int, bytes]] = []
        """Start, length and sha256 of what was read."""
        length = min(max(self._size // _TAIL_SHARE, _LEAST_TAIL), _MOST_TAIL, self._size)
        self._fetch(self._size - length, length)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "there is nothing in front of the file")
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        length = max(min(len(view), self._size - self._place), 0)
        if length:
            start, content = self._window(self._place, length)
            view[:length] = memoryview(content)[self._place - start : self._place - start + length]
            self._place += length
        return length

    def agrees(self, path: Path) -> bool:
        """Whether the file at `path` has all bytes that were read."""
        with path.open("rb") as file:
            for start, length, digest in self._marks:
                file.seek(start)
                if hashlib.sha256(file.read(length)).digest() != digest:
                    return False
            return file.seek(0, os.SEEK_END) == self._size

    def forget(self) -> None:
        """Free the memory: nothing is read any more."""
        self._windows.clear()

    def _window(self, start: int, length: int) -> tuple[int, bytes]:
        """A window that holds these bytes."""
        for window in self._windows:
            if window[0] <= start and start + length <= window[0] + len(window[1]):
                return window
        return self._fetch(start, max(length, min(_LEAST_TAIL, self._size - start)))

    def _fetch(self, start: int, length: int) -> tuple[int, bytes]:
        if sum(mark[1] for mark in self._marks) + length > _MOST_EARLY:
            raise OSError(errno.EFBIG, "too much would have to be read early")
        content = self._arrival.read_early(start, length)
        if content is None:
            raise OSError(errno.ESPIPE, "its end cannot be read before the rest")
        self._windows.append((start, content))
        self._marks.append((start, length, hashlib.sha256(content).digest()))
        return self._windows[-1]
