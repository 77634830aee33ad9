"""Unpacker: wheels into the store, in processes of their own where that pays.

Threads of one Python take turns: what unpacks slows down what resolves, and waits for it at every
system call.  A process beside it uses another core.  Where there is none, or it ends too early,
its wheels are unpacked here.

The largest wheel goes first, and no process gets more than it needs to be busy until it can be
given more: what is left at the end is small, and shared out evenly.
"""

from __future__ import annotations

import contextlib
import marshal
import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, cast

from vinstall.cache.store import Store, StoredWheel
from vinstall.installation.unpack_process import Process, begin_process, copy_process
from vinstall.observer import Observer
from vinstall.sources.source import WORTH_FOLLOWING

if TYPE_CHECKING:
    from concurrent.futures import Executor

_MANY = 3
"""Wheels on their way that a process is started for."""
_SHARE = 8 << 20
"""Bytes of wheels on their way that one more is started for."""
_MOST = 4
"""Processes beyond this would wait for the downloads."""
_COPIES = 2
"""Processes that are made on a guess."""
_LARGE = WORTH_FOLLOWING
"""Bytes of a wheel that is better shared out over threads than left to one process."""
_END = 22
"""Bytes of an archive's last record."""
_FILE = 4 << 10
"""Bytes of a wheel that take as long as what each of its files takes beside its bytes."""
_AHEAD = 1 << 20
"""Effort that a process is given beyond what it is at: 10 ms, until this one gets to answer."""


class _Task:
    """One wheel to be unpacked."""

    __slots__ = ("answered", "effort", "filename", "path", "remarks", "sha256", "size", "wheel")

    def __init__(self, path: Path, filename: str, sha256: str) -> None:
        self.path = path
        self.filename = filename
        self.sha256 = sha256
        self.size = path.stat().st_size
        self.effort = _effort(path, self.size)
        self.wheel: StoredWheel | None = None
        """Once a process has put it into the store."""
        self.remarks: list[str] = []
        """What is to be said of it."""
        self.answered = Lock()
        """Held while a process is at it, or will be."""


def _effort(path: Path, size: int) -> int:
    """What it takes to unpack a wheel, in bytes of it: with many files, many times its size."""
    with path.open("rb", buffering=0) as file:
        file.seek(max(size - _END, 0))
        end = file.read(_END)
    # APPNOTE 4.3.16: an archive ends with its number of entries, unless a comment follows.
    files = int.from_bytes(end[10:12], "little") if end[:4] == b"PK\5\6" else 0
    return size + _FILE * files


class Unpacker:
    """Unpacks wheels in the background.  Thread-safe; starts nothing before it is used."""

    def __init__(self, store: Store, observer: Observer, *, processes: int | None = None) -> None:
        """`processes`: how many there may be; by default as many as there are cores, if not 1."""
        self._store = store
        self._observer = observer
        self._cores = os.cpu_count() or 1
        several = min(self._cores, _MOST) if self._cores > 1 else 0
        self._most = several if processes is None else processes
        self._lock = Lock()
        self._expected = 0
        self._size = 0
        """Bytes of what was expected."""
        self._begun = 0
        """Processes, those that have ended included."""
        self._spare: list[Process] = []
        """Copies that nothing was asked of yet."""
        self._workers: list[_Worker] = []
        self._waiting: list[_Task] = []
        """Handed over, and not given to a process yet."""
        self._pool: Executor | None = None

    def prepare(self) -> None:
        """Make copies of this process, if it has one thread; they do nothing before `expect`."""
        with self._lock:
            self._spare += self._begin(copy_process, min(self._most, _COPIES) - self._begun)

    def expect(self, size: int) -> None:
        """One more wheel, of so many bytes, is on its way."""
        with self._lock:
            self._expected += 1
            self._size += size
            if size < _LARGE:
                spare, self._spare = self._spare, []
                self._employ(spare)
            wanted = min(self._most, 1 + self._size // _SHARE) if self._expected >= _MANY else 0
            if self._begun < wanted:
                self._employ(self._begin(begin_process, 1))
                self._hand_out()

    def lend(self) -> Process:
        """A process for whoever waits for it: a copy, if one is left.  Raises OSError."""
        with self._lock:
            if self._spare:
                self._begun -= 1
                return self._spare.pop()
        return begin_process(self._store.root)

    def submit(self, path: Path, *, filename: str, sha256: str) -> Callable[[], StoredWheel]:
        """Begin with a wheel whose hash was checked; what comes back waits for it.

        It raises what `unpack_wheel` raises.
        """
        task = _Task(path, filename, sha256)
        if task.size < _LARGE:
            task.answered.acquire()
            with self._lock:
                self._waiting.append(task)
                self._hand_out()
        return lambda: self._result(task)

    def close(self) -> None:
        """End the processes; what they have not begun is dropped."""
        with self._lock:
            self._most = 0
            workers, self._workers = self._workers, []
            spare, self._spare = self._spare, []
            self._drop_waiting()
            for worker in workers:
                worker.end()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
        for process in spare:
            process.requests.close()
            process.answers.close()
            process.wait()

    def _begin(self, begin: Callable[[Path], Process | None], count: int) -> list[Process]:
        """So many more processes; where there cannot be one, it is not tried again."""
        processes: list[Process] = []
        try:
            while len(processes) < count and (process := begin(self._store.root)) is not None:
                processes.append(process)
        except OSError as error:
            self._do_without(error)
        self._begun += len(processes)
        return processes

    def _employ(self, processes: Sequence[Process]) -> None:
        """Have processes unpack; from now on there are threads, which are not copied."""
        for process in processes:
            worker = _Worker(process)
            self._workers.append(worker)
            try:
                Thread(target=self._listen, args=(worker,), name="unpacker").start()
            except RuntimeError as error:  # the system allows no more threads
                self._do_without(error)
                self._part(worker)
                worker.wait()
            else:
                worker.ask(None)

    def _do_without(self, error: Exception) -> None:
        self._most = 0
        self._observer.detail(f"wheels are unpacked without another process: {error}")

    def _hand_out(self) -> None:
        """Give each process what keeps it busy, the largest first."""
        while self._waiting and self._workers:
            worker = min(self._workers, key=lambda worker: worker.load)
            if worker.load > _AHEAD:
                break
            task = max(self._waiting, key=lambda task: task.effort)
            self._waiting.remove(task)
            worker.ask(task)

    def _listen(self, worker: _Worker) -> None:
        """Take in the answers; once there are no more, let go of what is not answered."""
        answers = worker.process.answers
        try:
            while True:
                remarks = marshal.load(answers)  # noqa: S302  from our own process
                with self._lock:
                    task = worker.done()
                    self._hand_out()
                try:
                    # Now, while the rest is unpacked: whoever waits for all has less to do then.
                    if remarks is not None:
                        task.remarks = cast("list[str]", remarks)
                        task.wheel = self._store.load(task.sha256)
                finally:
                    task.answered.release()
        except (EOFError, ValueError, TypeError, IndexError, OSError):  # it ended, or is ill
            pass
        with self._lock:
            self._part(worker)
        worker.wait()

    def _part(self, worker: _Worker) -> None:
        """Nothing is to be expected of a process any more."""
        if worker in self._workers:
            self._workers.remove(worker)
        if not self._workers:
            self._drop_waiting()
        worker.end()
        worker.let_go()

    def _drop_waiting(self) -> None:
        """Nobody will take them: whoever asks for the results unpacks them."""
        for task in self._waiting:
            task.answered.release()
        self._waiting.clear()

    def _result(self, task: _Task) -> StoredWheel:
        with self._observer.during("unpack"):
            with self._lock:
                if not self._workers:
                    self._drop_waiting()
            with task.answered:
                wheel = task.wheel
            if wheel is None:
                return self._unpack(task)
            for remark in task.remarks:
                self._observer.detail(remark)
            return wheel

    def _unpack(self, task: _Task) -> StoredWheel:
        """In this process, with several threads if it is large."""
        from vinstall.installation.unpack import unpack_wheel

        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._cores)
        return unpack_wheel(
            task.path,
            filename=task.filename,
            sha256=task.sha256,
            store=self._store,
            observer=self._observer,
            pool=self._pool,
        )


class _Worker:
    """A process that unpacks, and what it has been given."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._given: deque[_Task] = deque()
        self.load = 0
        """Effort of the wheels that it has not answered for."""

    def ask(self, task: _Task | None) -> None:
        """Give it a wheel; None tells that there will be one."""
        request = None
        if task is not None:
            self._given.append(task)
            self.load += task.effort
            request = (os.fspath(task.path), task.filename, task.sha256)
        with contextlib.suppress(OSError):  # it has ended; who listens will see that
            marshal.dump(request, self.process.requests)
            self.process.requests.flush()

    def done(self) -> _Task:
        """The wheel that it has answered for.  Raises IndexError where it was given none."""
        task = self._given.popleft()
        self.load -= task.effort
        return task

    def let_go(self) -> None:
        """Nobody knows what becomes of what it was given."""
        while self._given:
            self.done().answered.release()

    def wait(self) -> None:
        """Come back when the process has ended, after `end`."""
        self.process.answers.close()
        self.process.wait()

    def end(self) -> None:
        """End the process, once it has finished with the wheel that it is at."""
        self.process.terminate()
        with contextlib.suppress(OSError):
            self.process.requests.close()
