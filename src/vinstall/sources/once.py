"""Once: each question is worked on once, also when several threads ask it at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class _Slot(Generic[A]):
    """Room for one answer; empty until somebody has found it."""

    __slots__ = ("answer", "failure", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answer: tuple[A] | None = None
        self.failure: Exception | None = None


class Once(Generic[Q, A]):
    """Answers by question.  A failure is an answer: it is raised to whoever asks again."""

    def __init__(self) -> None:
        self._slots: dict[Q, _Slot[A]] = {}
        self._lock = threading.Lock()

    def __contains__(self, question: Q) -> bool:
        """Whether `question` was asked."""
        return question in self._slots

    def get(self, question: Q, find: Callable[[], A]) -> A:
        """The answer to `question`, from `find` if it is new; what `find` raises goes through.

        `find` must not ask the same question.
        """
        slot = self._slots.get(question)
        if slot is None:
            with self._lock:
                slot = self._slots.setdefault(question, _Slot())
        if slot.answer is None:
            with slot.lock:
                if slot.failure is not None:
                    raise slot.failure
                if slot.answer is None:
                    try:
                        slot.answer = (find(),)
                    except Exception as error:
                        slot.failure = error
                        raise
        return slot.answer[0]
