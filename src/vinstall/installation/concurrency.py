"""Background: a call in a thread of its own; Twin: one in a copy of this process; Turns: whose it is.

A thread as `threading` makes it, without loading that: it brings `functools` and `collections`
along.
"""

from __future__ import annotations

import _thread
import errno
import marshal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self


class Background:
    """Begins a call at once; `wait` has to be called.

    Where there cannot be one more thread, the call has ended when this is made.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._failure: BaseException | None = None
        self._running = _thread.allocate_lock()
        self._running.acquire()
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError:  # the system allows no more: in this one
            self._run()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001  raised again by who waits
            self._failure = error
        finally:
            self._running.release()

    def wait(self) -> None:
        """Come back when the call has ended.  Raises what it raised."""
        with self._running:
            if self._failure is not None:
                raise self._failure


class Turns:
    """The numbers from 0 to before `count`, each to whoever asks first: threads, or copies of this process.

    For work in parts of which nobody knows beforehand how fast they go.  Used as a context.
    """

    def __init__(self, count: int) -> None:
        """`count`: at most 256."""
        # A pipe gives each of its bytes once.
        self._reading, writing = os.pipe()
        os.write(writing, bytes(range(count)))
        os.close(writing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reading)

    def __iter__(self) -> Iterator[int]:
        while turn := os.read(self._reading, 1):
            yield turn[0]

    def end(self) -> None:
        """Leave no more to anybody."""
        os.read(self._reading, 256)


class Twin:
    """Begins a call in a copy of this process at once; `wait` has to be called.

    For calls that do nothing but change the disk, with many short system calls, between which
    threads would wait for each other, and return a text.  Only where `cache.integrity.can_fork`.
    Raises OSError where there cannot be one more process.
    """

    def __init__(self, call: Callable[[], str]) -> None:
        self._reading, writing = os.pipe()
        here = os.getpid()
        status = 1
        try:
            self._number = os.fork()
            if not self._number:
                _tell(call, writing)
                status = 0
        except OSError:
            os.close(self._reading)
            raise
        finally:  # whatever happens: nothing else of this process goes on in its copy
            if os.getpid() != here:
                os._exit(status)
            os.close(writing)

    def wait(self) -> str:
        """What the call returned, when it has.  Raises OSError as it did, or for its untimely end."""
        try:
            with open(self._reading, "rb") as file:  # noqa: PTH123
                told = file.read()
        except BaseException:  # a Ctrl-C: from here on nothing may be written any more
            os.kill(self._number, 9)
            os.waitpid(self._number, 0)
            raise
        if os.waitpid(self._number, 0)[1]:
            raise OSError(errno.ECHILD, "a process that put files in place was ended")
        answer, refusal = marshal.loads(told)  # noqa: S302  our own process
        if refusal:
            number, words, first, second = refusal
            raise OSError(number, words, first, None, second)
        return str(answer)


def _tell(call: Callable[[], str], writing: int) -> None:
    """Make a call; tell what it returned, or how it was refused."""
    answer, refusal = "", None
    try:
        answer = call()
    except OSError as error:
        refusal = error.errno, error.strerror, error.filename, error.filename2
    os.write(writing, marshal.dumps((answer, refusal)))
