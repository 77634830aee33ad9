"""Unpacker: wheels into the store, in processes of their own where that pays.

Threads of one Python take turns: what unpacks slows down what resolves, and waits for it at every
system call.  A process beside it uses another core, and costs 40 ms to start there.  Where it
cannot be started, or ends too early, its wheels are unpacked here.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Thread
from typing import cast

from vinstall.cache.store import Store, StoredWheel
from vinstall.observer import Observer

_MANY = 3
"""Wheels on their way that a process is started for."""
_SHARE = 8 << 20
"""Bytes of wheels on their way that one more is started for."""
_MOST = 4
"""Processes beyond this would wait for the downloads."""
_LARGE = 24 << 20
"""Bytes of a wheel that is better shared out over threads than left to one process."""
_CODE = (
    "import sys; sys.path[:] = {path!a}; from vinstall.deferred import defer; "
    "defer('subprocess', 'sysconfig', 'traceback', 'bz2', 'lzma'); "
    "from vinstall.installation.unpack_worker import main; main()"
)


class _Task:
    """One wheel to be unpacked."""

    __slots__ = ("answered", "filename", "path", "remarks", "sha256", "size")

    def __init__(self, path: Path, filename: str, sha256: str) -> None:
        self.path = path
        self.filename = filename
        self.sha256 = sha256
        self.size = path.stat().st_size
        self.remarks: list[str] | None = None
        """What is to be said of it, once a process has put it into the store."""
        self.answered = Lock()
        """Held while a process is at it."""


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
        self._held: list[_Task] = []
        """Handed over before there was a process."""
        self._workers: list[_Worker] = []
        self._pool: Executor | None = None

    def expect(self, size: int) -> None:
        """One more wheel, of so many bytes, is on its way."""
        with self._lock:
            self._expected += 1
            self._size += size
            wanted = min(self._most, 1 + self._size // _SHARE) if self._expected >= _MANY else 0
            if len(self._workers) < wanted:
                self._begin()

    def submit(self, path: Path, *, filename: str, sha256: str) -> Callable[[], StoredWheel]:
        """Begin with a wheel whose hash was checked; what comes back waits for it.

        It raises what `unpack_wheel` raises.
        """
        task = _Task(path, filename, sha256)
        if task.size < _LARGE:
            with self._lock:
                self._hand_over(task)
        return lambda: self._result(task)

    def close(self) -> None:
        """End the processes; what they have not begun is dropped."""
        with self._lock:
            self._most = 0
            for worker in self._workers:
                worker.end()

    def _begin(self) -> None:
        """One more process; where there cannot be one, it is not tried again."""
        try:
            worker = _Worker(self._store.root)
        except OSError as error:
            self._most = 0
            self._observer.detail(f"wheels are unpacked without another process: {error}")
            return
        self._workers.append(worker)
        held, self._held = self._held, []
        for task in held:
            self._hand_over(task)

    def _hand_over(self, task: _Task) -> None:
        """To the process that has least to do."""
        for worker in sorted(self._workers, key=lambda worker: worker.load):
            if worker.ask(task):
                return
        self._held.append(task)

    def _result(self, task: _Task) -> StoredWheel:
        with self._observer.during("unpack"):
            with self._lock:
                if task in self._held:
                    self._held.remove(task)
            with task.answered:
                wheel = self._store.load(task.sha256) if task.remarks is not None else None
            if wheel is None:
                return self._unpack(task)
            for remark in task.remarks or ():
                self._observer.detail(remark)
            return wheel

    def _unpack(self, task: _Task) -> StoredWheel:
        """In this process, with several threads if it is large."""
        from vinstall.installation.unpack import unpack_wheel

        if self._pool is None:
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
    """A process that unpacks, and the thread that listens to it."""

    def __init__(self, root: Path) -> None:
        """`root`: of the store.  Raises OSError."""
        if not sys.executable:
            raise FileNotFoundError("where Python lies is not known")
        code = _CODE.format(path=[path for path in sys.path if os.path.isabs(path)])  # noqa: PTH117
        options = ["-I", "-S", *(("-B",) if sys.dont_write_bytecode else ())]
        self._process = subprocess.Popen(
            [sys.executable, *options, "-c", code, os.fspath(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for this process, which ends the other one.
            process_group=0 if os.name == "posix" else None,
        )
        self._lock = Lock()
        self._sent: deque[_Task] = deque()
        self._ended = False
        self.load = 0
        """Bytes of wheels it has not answered for."""
        Thread(target=self._listen, name="unpacker").start()

    def ask(self, task: _Task) -> bool:
        """Hand over a wheel; whether there is still somebody to take it."""
        with self._lock:
            if self._ended:
                return False
            task.answered.acquire()
            self._sent.append(task)
            self.load += task.size
            assert self._process.stdin is not None
            try:
                marshal.dump(
                    (os.fspath(task.path), task.filename, task.sha256), self._process.stdin
                )
                self._process.stdin.flush()
            except OSError:  # it has ended; who listens will see that
                pass
            return True

    def end(self) -> None:
        """End the process, once it has finished with the wheel that it is at."""
        assert self._process.stdin is not None
        self._process.terminate()
        with self._lock:
            self._ended = True
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _listen(self) -> None:
        """Take in the answers; once there are no more, let go of what is not answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            while True:
                remarks = marshal.load(self._process.stdout)  # noqa: S302  from our own process
                self._answered(cast("list[str] | None", remarks))
        except (EOFError, ValueError, TypeError, IndexError, OSError):  # it ended, or is ill
            pass
        with self._lock:
            self._ended = True
            while self._sent:
                self._answered(None)
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _answered(self, remarks: list[str] | None) -> None:
        task = self._sent.popleft()
        self.load -= task.size
        task.remarks = remarks
        task.answered.release()
