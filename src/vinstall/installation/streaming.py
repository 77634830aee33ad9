"""Streaming: a large wheel unpacked while it arrives.

Its end is read first, by a request of its own: there are the archive's directory and RECORD, so
that it can be checked as a whole before a byte of it is written.  Members are unpacked as soon as
they are there, by processes beside the one that downloads: see `follower`.  Nothing of it counts
until the whole file has arrived with the right hash, and ends as was read first; else all of it is
dropped, and the wheel is unpacked from the whole file, which also tells what is wrong with it.
"""

from __future__ import annotations

import marshal
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from vinstall.cache.store import Store, StoredWheel
from vinstall.errors import VinstallError
from vinstall.installation.follower import LARGE, Span, reason_of
from vinstall.installation.unpack_process import Process
from vinstall.installation.wheel_file import InvalidWheel
from vinstall.observer import Observer
from vinstall.sources.source import Arriving, FetchedFile

_PART = 64 << 20
"""Bytes of a wheel that one more process is begun for."""
_ARRIVING = "arriving"
"""In the folder that is unpacked to: the wheel, wherever else it is moved meanwhile."""


class Following:
    """One wheel on its way into the store.  Used as a context: what is not finished is dropped."""

    def __init__(
        self,
        store: Store,
        filename: str,
        observer: Observer,
        *,
        begin: Callable[[], Process],
        processes: int,
    ) -> None:
        """`begin` gives a process for the store, or raises OSError; `processes`: how many at most."""
        self._store = store
        self._filename = filename
        self._observer = observer
        self._most = processes
        self._begin = begin
        self._folder: Path | None = None
        self._path = Path()
        """Where the others read the wheel."""
        self._pool: ThreadPoolExecutor | None = None
        self._lines: list[Future[Process]] = []
        """A thread for each process, which answers its questions."""
        self._processes: list[Process] = []
        self._lock = threading.Lock()
        self._has_ended = False
        self._queue: Queue | None = None
        self._members = b""
        self._is_checked = threading.Event()
        """Whether the first process has found out what there is to do, or that there is nothing."""

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._has_ended = True
            for process in self._processes:
                _close(process)
        if self._pool is not None:
            self._pool.shutdown()
        for process in self._processes:
            process.answers.close()
            process.wait()
        if self._folder is not None:
            self._store.discard(self._folder)

    def follow(self, arrival: Arriving) -> None:
        """Begin to unpack what arrives, in other processes; see `source.Follow`."""
        count = min(self._most, 1 + arrival.size // _PART)
        self._pool = ThreadPoolExecutor(count)
        try:
            self._folder = self._store.begin()
            self._path = _linked(arrival.path, self._folder / _ARRIVING)
            for number in range(count):
                task = self._help if number else self._lead
                self._lines.append(self._pool.submit(task, arrival))
        except (OSError, RuntimeError) as error:  # the latter: there cannot be one more thread
            self._lines.clear()
            self._refuse(error)

    def finish(self, fetched: FetchedFile) -> StoredWheel | None:
        """The store's entry for the file, which has arrived and whose hash was right.

        None where it could not be unpacked while it arrived, for whatever reason.
        """
        if not self._lines:
            return None
        try:
            lead, *_ = [line.result() for line in self._lines]
            assert self._folder is not None
            assert self._queue is not None
            (self._folder / _ARRIVING).unlink(missing_ok=True)
            self._tell(lead, (os.fspath(fetched.path), fetched.sha256, self._queue.collect()))
            remarks = self._hear(lead)[1]
        except (VinstallError, OSError) as error:
            self._refuse(error)
            return None
        self._folder = None
        for remark in remarks:
            self._observer.detail(f"`{self._filename}`: {remark}")
        return self._store.load(fetched.sha256)

    def _refuse(self, error: Exception) -> None:
        reason = reason_of(error)
        self._observer.detail(f"`{self._filename}` is unpacked from the whole file: {reason}")

    # --- one thread for each process ------------------------------------------------------------

    def _lead(self, arrival: Arriving) -> Process:
        """Begin the process that finds out what there is to do, and answer it."""
        try:
            with self._observer.during("unpack"):
                process = self._started()
                self._converse(process, arrival, None)
                return process
        finally:
            self._is_checked.set()

    def _help(self, arrival: Arriving) -> Process:
        """Begin one that takes a share of it, and answer that."""
        process = self._started()
        self._is_checked.wait()
        if self._members:
            self._converse(process, arrival, self._members)
        return process

    def _started(self) -> Process:
        process = self._begin()
        with self._lock:
            self._processes.append(process)
            if self._has_ended:
                _close(process)
        return process

    def _converse(self, process: Process, arrival: Arriving, members: bytes | None) -> None:
        """Answer what a process asks until it has nothing more to do."""
        path, folder = os.fspath(self._path), os.fspath(self._folder or "")
        try:
            self._tell(process, (path, self._filename, arrival.size, folder, members))
            word, values = self._hear(process)
            while word != "ready":
                answer = self._answer(arrival, word, values)
                self._tell(process, answer)
                if word == "next" and answer is None and members is not None:
                    return
                word, values = self._hear(process)
        except BaseException:
            if self._queue is not None:
                self._queue.close()
            raise

    def _answer(self, arrival: Arriving, word: str, values: Any) -> Any:
        """See `follower`."""
        if word == "early":
            return arrival.read_early(*values)
        if word == "there":
            arrival.wait(values)
            return arrival.there
        if word == "members":
            spans, self._members = values
            self._queue = Queue(spans, arrival)
            self._is_checked.set()
            return None
        assert self._queue is not None
        return self._queue.exchange(*values)

    def _tell(self, process: Process, value: Any) -> None:
        try:
            marshal.dump(value, process.requests)
            process.requests.flush()
        except (OSError, ValueError) as error:
            raise self._lost() from error

    def _hear(self, process: Process) -> Any:
        """What a process says next.  Raises InvalidWheel where that is that it has failed."""
        try:
            word, values = marshal.load(process.answers)  # noqa: S302  from our own process
        except (EOFError, ValueError, TypeError, OSError) as error:
            raise self._lost() from error
        if word == "failed":
            raise InvalidWheel(self._filename, values)
        return word, values

    def _lost(self) -> InvalidWheel:
        return InvalidWheel(self._filename, "the process that unpacks it has ended")


class Queue:
    """Numbers of batches, each to be taken once.  Thread-safe."""

    def __init__(self, spans: Sequence[Span], arrival: Arriving) -> None:
        """`spans`: where each batch begins, and the compressed bytes of its first member."""
        self._arrival = arrival
        self._begins = [begin for begin, _ in spans]
        self._written = [b""] * len(spans)
        self._lock = threading.Lock()
        self._large: deque[int] = deque()
        self._small: deque[int] = deque()
        for at, (_, packed) in enumerate(spans):
            (self._large if packed >= LARGE else self._small).append(at)

    def exchange(self, done: int | None, written: bytes) -> int | None:
        """Hand in what became of a batch, and take one that nobody has taken yet, if there is one.

        In the order of the archive, but what is large when it begins to arrive: for no two can
        share that, and the last one to be ready is waited for.
        """
        with self._lock:
            if done is not None:
                self._written[done] = written
            queue = self._next()
            return queue.popleft() if queue else None

    def _next(self) -> deque[int]:
        """Where to take from."""
        if not self._large or not self._small:
            return self._large or self._small
        is_next = self._large[0] < self._small[0]
        has_begun = self._arrival.there > self._begins[self._large[0]]
        return self._large if is_next or has_begun else self._small

    def close(self) -> None:
        """Nobody takes anything any more."""
        with self._lock:
            self._large.clear()
            self._small.clear()

    def collect(self) -> list[bytes]:
        """What became of all batches, in the order of the archive."""
        return self._written


def _linked(path: Path, name: Path) -> Path:
    """Where the file at `path` stays until `name` is removed: processes take their time to open it.

    Where there are no links it stays long enough, as a rule.
    """
    with suppress(OSError):
        os.link(path, name)
        return name
    return path


def _close(process: Process) -> None:
    """Let it end: it does when it asks for something, and nobody is there."""
    with suppress(OSError, ValueError):
        process.requests.close()
