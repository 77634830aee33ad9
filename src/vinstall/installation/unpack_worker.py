"""Unpacks wheels in a process of its own, beside the one that resolves and downloads.

Standard input: a `marshal` value (path, filename, sha256) for each wheel; None for no wheel yet,
only that there will be some.  Standard output, in the order of the wheels: the remarks on it once
it is in the store, or None where it could not be unpacked; why is for the other process to find
out.  For a wheel that is still arriving a `follower.Task`, and then whatever `follower` says.  It
ends with its input; after SIGTERM with the wheel it is at.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from vinstall.cache.store import Store
from vinstall.observer import Observer


class _Remarks(Observer):
    """Keeps what is to be told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def detail(self, message: str) -> None:
        self.told.append(message)


def main(root: str) -> None:
    """Serve standard input with the store at `root`.  Does not return."""
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)  # directories of archives are many tuples, and no cycles
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    try:
        with open(0, "rb") as requests, open(1, "wb") as answers:
            serve(requests, answers, Store(Path(root)), lambda: bool(stopped))
    except BrokenPipeError:
        pass
    finally:
        os._exit(0)  # nothing is left to be tidied, and the interpreter would take its time


def serve(
    requests: BinaryIO, answers: BinaryIO, store: Store, is_stopped: Callable[[], bool]
) -> None:
    """Unpack what is asked for until `requests` end."""
    while not is_stopped():
        try:
            request = marshal.load(requests)  # noqa: S302  from our own process
        except EOFError:
            return
        if request is None:
            import vinstall.installation.unpack  # noqa: F401

            continue
        if len(request) > 3:  # one that is still arriving
            from vinstall.installation.follower import Line, Task, follow

            follow(Task._make(request), Line(requests, answers), store)
            continue
        path, filename, sha256 = request
        marshal.dump(_unpack(path, filename, sha256, store), answers)
        answers.flush()


def _unpack(path: str, filename: str, sha256: str, store: Store) -> list[str] | None:
    from vinstall.installation.unpack import unpack_wheel

    remarks = _Remarks()
    try:
        unpack_wheel(Path(path), filename=filename, sha256=sha256, store=store, observer=remarks)
    except Exception:  # noqa: BLE001  the other process meets it again, and raises it
        return None
    return remarks.told
