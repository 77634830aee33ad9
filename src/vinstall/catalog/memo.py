"""Memo: answers worked out once, whichever thread asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Memo(Generic[_K, _V]):
    """Key to answer.  The thread that asks first works it out itself; others wait for that thread.

    Nobody ever waits for work that has not begun, so threads of one pool may ask one another's
    questions.  A failure is an answer: it is raised again to whoever asks again.
    """

    def __init__(self) -> None:
        self._answers: dict[_K, _V] = {}
        self._futures: dict[_K, Future[_V]] = {}
        self._lock = threading.Lock()

    def get(self, key: _K, work: Callable[[], _V]) -> _V:
        """The answer for `key`; `work` is called once per key."""
        try:
            return self._answers[key]
        except KeyError:
            pass
        with self._lock:
            future = self._futures.get(key)
            begun = future is not None
            if future is None:
                future = self._futures[key] = Future()
        if not begun:
            try:
                self._answers[key] = answer = work()
            except BaseException as error:
                future.set_exception(error)
                raise
            future.set_result(answer)
        return future.result()

    def __contains__(self, key: _K) -> bool:
        """Whether the answer is there, or being worked out."""
        return key in self._futures
