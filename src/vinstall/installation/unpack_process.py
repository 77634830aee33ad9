"""Process: one that unpacks wheels beside this one, a copy of it or a Python of its own.

A copy costs two milliseconds and has loaded already what this process has; a Python of its own
takes 50 to start.  What one of them is told and answers is in `unpack_worker`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from vinstall.cache.integrity import can_fork
from vinstall.values import Row

_CODE = (
    "import sys; sys.path[:] = {path!a}; from vinstall.deferred import defer; "
    "defer('subprocess', 'sysconfig', 'traceback', 'bz2', 'lzma'); "
    "from vinstall.installation.unpack_worker import main; main(sys.argv[1])"
)


class Process(Row):
    """A process that was begun.  Somebody has to close both ends, and then to wait for it."""

    pid: int
    requests: IO[bytes]
    answers: IO[bytes]
    terminate: Callable[[], None]
    """Let it end with what it is at; not after `wait` was called."""
    wait: Callable[[], object]
    """Come back when it has ended."""


def begin_process(root: Path) -> Process:
    """A Python of its own for the store at `root`.  Raises OSError."""
    import subprocess

    if not sys.executable:
        raise FileNotFoundError("where Python lies is not known")
    code = _CODE.format(path=[path for path in sys.path if os.path.isabs(path)])  # noqa: PTH117
    options = ["-I", "-S", *(("-B",) if sys.dont_write_bytecode else ())]
    process = subprocess.Popen(
        [sys.executable, *options, "-c", code, os.fspath(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Ctrl-C is for this process, which ends the other one.
        process_group=0 if os.name == "posix" else None,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return Process(process.pid, process.stdin, process.stdout, process.terminate, process.wait)


def copy_process(root: Path) -> Process | None:
    """A copy of this process for the store at `root`; None where there must not be one.

    Raises OSError where there cannot be one more process.
    """
    if not can_fork():
        return None
    reading, requests = os.pipe()
    answers, writing = os.pipe()
    here, number = os.getpid(), 0
    try:
        number = os.fork()
        if not number:
            _serve(root, reading, writing)
    except OSError:
        os.close(requests)
        os.close(answers)
        raise
    finally:  # whatever happens, a Ctrl-C included: nothing of this process goes on in its copy
        if os.getpid() != here:
            os._exit(0)
        os.close(reading)
        os.close(writing)
    return Process(
        pid=number,
        requests=open(requests, "wb"),  # noqa: PTH123
        answers=open(answers, "rb"),  # noqa: PTH123
        terminate=partial(_terminate, number),
        wait=partial(_wait, number),
    )


def _serve(root: Path, reading: int, writing: int) -> None:
    """What the copy does: with no more of this process than a process that was started has."""
    os.setpgid(0, 0)
    os.dup2(reading, 0)
    os.dup2(writing, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # Above all the other ends of these pipes, and locks, which would outlive who holds them.
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the one that `listdir` had open
                os.close(int(name))
    from vinstall.installation.unpack_worker import main

    main(os.fspath(root))


def _terminate(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # somebody else has waited for it
        os.kill(number, signal.SIGTERM)


def _wait(number: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(number, 0)
