"""Background: a call in a thread of its own.

As `threading` does it, without loading that: it brings `functools` and `collections` along.
"""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Background:
    """Begins a call at once; `wait` has to be called."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._failure: BaseException | None = None
        self._running = _thread.allocate_lock()
        self._running.acquire()
        _thread.start_new_thread(self._run, ())

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
