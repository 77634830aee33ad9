"""Unpacks wheels in a process of its own, beside the one that resolves and downloads.

Standard input: a `marshal` value (path, filename, sha256) for each wheel.  Standard output, in
the same order: the remarks on it once it is in the store, or None where it could not be unpacked;
why is for the other process to find out.  It ends with its input; after SIGTERM with the wheel it
is at.
"""

from __future__ import annotations

import marshal
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from vinstall.cache.store import Store
from vinstall.installation.unpack import unpack_wheel
from vinstall.observer import Observer


class _Remarks(Observer):
    """Keeps what is to be told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def detail(self, message: str) -> None:
        self.told.append(message)


def main() -> None:
    """Serve standard input; the store is the first argument.  Does not return."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    try:
        with open(0, "rb") as requests, open(1, "wb") as answers:
            serve(requests, answers, Store(Path(sys.argv[1])), lambda: bool(stopped))
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
            path, filename, sha256 = marshal.load(requests)  # noqa: S302  from our own process
        except EOFError:
            return
        marshal.dump(_unpack(path, filename, sha256, store), answers)
        answers.flush()


def _unpack(path: str, filename: str, sha256: str, store: Store) -> list[str] | None:
    remarks = _Remarks()
    try:
        unpack_wheel(Path(path), filename=filename, sha256=sha256, store=store, observer=remarks)
    except Exception:  # noqa: BLE001  the other process meets it again, and raises it
        return None
    return remarks.told
