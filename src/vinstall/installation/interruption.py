"""Interruption: signals that would end the process half-way, held back for the length of a block."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def held_back() -> Iterator[None]:
    """Let the block end, whatever signal comes; it is for what takes milliseconds and must be whole.

    A signal that would have killed the process does so afterwards.  Ctrl-C is forgotten: what it
    would have prevented is done.  Does nothing outside of the main thread, which hears no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    known = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in known}
    # What is ignored (`nohup`), or was not set by Python, stays so.
    held = [number for number in known if before[number] not in (signal.SIG_IGN, None)]
    try:
        for number in held:
            signal.signal(number, hear)
        yield
    finally:
        for number in held:
            signal.signal(number, before[number])
        for number in heard:
            if number != signal.SIGINT:
                os.kill(os.getpid(), number)
