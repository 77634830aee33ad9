"""Streaming: a large wheel unpacked while it arrives.

Its end is read first, by a request of its own: there are the archive's directory and RECORD, so
that it can be checked as a whole before a byte of it is written.  Members are unpacked as soon as
they are there.  Nothing of it counts until the whole file has arrived with the right hash, and
ends as was read first; else all of it is dropped, and the wheel is unpacked from the whole file,
which also tells what is wrong with it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from vinstall.cache.store import Store, StoredWheel
from vinstall.errors import VinstallError
from vinstall.installation.inflate import Written, best_codec, unpack_from
from vinstall.installation.unpack import batches, describe, make_folders
from vinstall.installation.wheel_file import CheckedWheel, InvalidWheel, Member, check_wheel
from vinstall.observer import Observer
from vinstall.sources.source import Arriving, FetchedFile
from vinstall.values import Row

_TAIL_SHARE, _LEAST_TAIL, _MOST_TAIL = 64, 256 << 10, 2 << 20
"""How much of a wheel is read first: one part in so many, and bytes."""
_LARGE = 8 << 20
"""Compressed bytes of a member that one thread is busy with for long."""
_MOST_PACKED = 1 << 20
"""Compressed bytes of a batch."""
_MOST_EARLY = 64 << 20
"""Bytes that are read early and kept in memory."""


class _Unpacked(Row):
    checked: CheckedWheel
    folder: Path
    written: list[Written]
    early: EarlyFile


class Following:
    """One wheel on its way into the store.  Used as a context: what is not finished is dropped."""

    def __init__(self, store: Store, filename: str, observer: Observer, *, threads: int) -> None:
        self._store = store
        self._filename = filename
        self._observer = observer
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._unpacking: Future[_Unpacked] | None = None
        self._folder: Path | None = None
        self._files: list[ArrivingFile] = []
        """One for each thread."""
        self._stopped = False

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        if self._pool is not None:
            self._pool.shutdown()
        for file in self._files:
            file.close()
        if self._folder is not None:
            self._store.discard(self._folder)

    def follow(self, arrival: Arriving) -> None:
        """Begin to unpack what arrives, in threads; see `source.Follow`."""
        self._files += [ArrivingFile(arrival) for _ in range(self._threads)]
        self._pool = ThreadPoolExecutor(self._threads)
        self._unpacking = self._pool.submit(self._unpack, arrival)

    def finish(self, fetched: FetchedFile) -> StoredWheel | None:
        """The store's entry for the file, which has arrived and whose hash was right.

        None where it could not be unpacked while it arrived, for whatever reason.
        """
        if self._unpacking is None:
            return None
        try:
            done = self._unpacking.result()
            if not done.early.agrees(fetched.path):
                raise InvalidWheel(self._filename, "its end is not what was read of it first")
            wheel = describe(done.checked, fetched.sha256, done.folder / "files", done.written)
            stored = self._store.add(done.folder, wheel)
        except (VinstallError, OSError) as error:
            reasons = error.context if isinstance(error, VinstallError) else ()
            reason = ", ".join(reasons) or getattr(error, "strerror", None) or error
            self._observer.detail(f"`{self._filename}` is unpacked from the whole file: {reason}")
            return None
        self._folder = None
        for remark in done.checked.remarks:
            self._observer.detail(f"`{self._filename}`: {remark}")
        return stored

    def _unpack(self, arrival: Arriving) -> _Unpacked:
        assert self._pool is not None
        with self._observer.during("unpack"):
            early = EarlyFile(arrival)
            checked = check_wheel(
                arrival.path,
                filename=self._filename,
                insensitive=self._store.folds_case(),
                content=io.BufferedReader(early),
            )
            self._folder = self._store.begin()
            root = str(self._folder / "files")
            early.forget()
            make_folders(checked, root)
            queue = Queue(checked.members, arrival)
            first, *others = self._files
            tasks = [self._pool.submit(self._work, file, queue, root) for file in others]
            self._work(first, queue, root)
            for task in tasks:
                task.result()
            return _Unpacked(checked, self._folder, queue.collect(), early)

    def _work(self, file: ArrivingFile, queue: Queue, root: str) -> None:
        codec = best_codec()
        try:
            for at, batch in queue.take():
                if self._stopped:
                    raise InvalidWheel(self._filename, "it is not wanted any more")
                queue.put(at, unpack_from(file, self._filename, batch, root, codec))
        except BaseException:
            queue.close()
            raise


class Queue:
    """Members in batches, each to be taken once.  Thread-safe."""

    def __init__(self, members: Sequence[Member], arrival: Arriving) -> None:
        self._arrival = arrival
        self._batches = _shares(members)
        self._written: list[list[Written]] = [[] for _ in self._batches]
        self._lock = threading.Lock()
        self._large: deque[int] = deque()
        self._small: deque[int] = deque()
        for at, batch in enumerate(self._batches):
            (self._large if batch[0].compressed >= _LARGE else self._small).append(at)

    def take(self) -> Iterator[tuple[int, list[Member]]]:
        """What nobody has taken yet: in the order of the archive, but what is large when it begins to arrive.

        For no two threads can share that, and the last one to be ready is waited for.
        """
        while True:
            with self._lock:
                queue = self._next()
                if not queue:
                    return
                at = queue.popleft()
            yield at, self._batches[at]

    def _next(self) -> deque[int]:
        """Where to take from."""
        if not self._large or not self._small:
            return self._large or self._small
        large = self._batches[self._large[0]][0]
        is_next = self._large[0] < self._small[0]
        return self._large if is_next or self._arrival.there > large.offset else self._small

    def put(self, at: int, written: list[Written]) -> None:
        """What became of batch number `at`."""
        self._written[at] = written

    def close(self) -> None:
        """Nobody takes anything any more."""
        with self._lock:
            self._large.clear()
            self._small.clear()

    def collect(self) -> list[Written]:
        """What became of all members, in the order of the archive."""
        return [how for batch in self._written for how in batch]


def _shares(members: Sequence[Member]) -> list[list[Member]]:
    """The members in archive order, cut into batches; a large one is a batch by itself.

    Each is read at once, and has to be there as a whole: so they are small.
    """
    shares: list[list[Member]] = []
    for batch in batches(members):
        packed = _MOST_PACKED
        for member in batch:
            if packed >= _MOST_PACKED or member.compressed >= _LARGE:
                shares.append([])
                packed = 0
            shares[-1].append(member)
            packed += member.compressed
    return shares


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
