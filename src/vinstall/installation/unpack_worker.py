"""Unpacks wheels in a process of its own, beside the one that resolves and downloads.

Standard input: a `marshal` value (path, filename, sha256) for each wheel.  Standard output, in
the same order: the remarks on it once it is in the store, or None where it could not be unpacked;
why is for the other process to find out.  It ends with its input, or with a signal.
"""

from __future__ import annotations

import marshal
import os
import signal
import sys
from pathlib import Path
from types import FrameType
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
    signal.signal(signal.SIGTERM, _stop)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, Store(Path(sys.argv[1])))
    except (BrokenPipeError, SystemExit):
        pass
    finally:
        os._exit(0)  # nothing is left to be tidied, and the interpreter would take its time


def serve(requests: BinaryIO, answers: BinaryIO, store: Store) -> None:
    """Unpack what is asked for until `requests` end."""
    while True:
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


def _stop(_number: int, _frame: FrameType | None) -> None:
    """What is half unpacked is removed on the way out."""
    raise SystemExit
