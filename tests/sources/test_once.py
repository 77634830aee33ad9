"""Each question is worked on once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from vinstall.sources.once import Once


def test_many_threads_get_the_one_answer() -> None:
    once: Once[str, object] = Once()
    calls: list[int] = []
    gate = threading.Barrier(8)

    def find() -> object:
        calls.append(1)
        time.sleep(0.02)
        return object()

    def ask(_: int) -> object:
        gate.wait()
        return once.get("question", find)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))
    assert len(answers) == len(calls) == 1


def test_none_is_an_answer() -> None:
    once: Once[str, None] = Once()
    calls: list[None] = []
    once.get("question", lambda: calls.append(None))
    once.get("question", lambda: calls.append(None))
    assert calls == [None]


def test_a_failure_is_an_answer() -> None:
    once: Once[str, int] = Once()
    calls: list[int] = []

    def fail() -> int:
        calls.append(1)
        raise LookupError("nothing")

    for _ in range(2):
        with pytest.raises(LookupError):
            once.get("question", fail)
    assert calls == [1]


def test_ctrl_c_is_none() -> None:
    once: Once[str, int] = Once()

    def stop() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once.get("question", stop)
    assert once.get("question", lambda: 1) == 1
