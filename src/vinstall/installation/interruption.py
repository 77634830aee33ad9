"""Interruption: signals that would end the process half-way, held back for the length of a block."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
else:
    try:
        import _signal as signal  # without the enumerations, which take longer to load
    except ImportError:
        import signal

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


class held_back:  # noqa: N801  reads as the block it is
    """Let the block end, whatever signal comes; it is for what takes milliseconds and must be whole.

    A signal that would have killed the process does so afterwards.  Ctrl-C is forgotten: what it
    would have prevented is done.  Does nothing outside of the main thread, which hears no signals.
    """

    def __init__(self) -> None:
        self._heard: list[int] = []
        known = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in known}
        # What is ignored (`nohup`), or was not set by Python, stays so.
        self._before = {
            number: handler
            for number, handler in before.items()
            if handler not in (signal.SIG_IGN, None)
        }

    def __enter__(self) -> None:
        try:
            for number in self._before:
                signal.signal(number, self._hear)
        except ValueError:  # not the main thread
            self._before = {}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number in self._heard:
            if number != signal.SIGINT:
                # No handler could say that nothing was done.
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self._heard.append(number)
