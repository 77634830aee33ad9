"""The hashes of a large file, computed beside the thread that receives it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue

from vinstall.sources.hashing import Checks

_AHEAD = 8
"""Blocks that are received and not hashed yet; more would only be memory."""

Update = Callable[["bytes | memoryview"], None]


@contextmanager
def updating(checks: Checks, *, apart: bool) -> Iterator[Update]:
    """The `update` of `checks`, by a thread of its own if `apart`; all is hashed after the block.

    What is passed to it must not be changed afterwards.
    """
    if not apart:
        yield checks.update
        return
    blocks: Queue[bytes | memoryview | None] = Queue(_AHEAD)

    def work() -> None:
        while (block := blocks.get()) is not None:
            checks.update(block)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield blocks.put
    finally:
        blocks.put(None)
        thread.join()
