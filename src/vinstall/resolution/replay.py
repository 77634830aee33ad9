"""Replay: what an iterator gives, as often as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Replay(Generic[_T]):
    """Things that are worked out when they are come to, and remembered; so is what went wrong."""

    def __init__(self, source: Iterator[_T]) -> None:
        self._source = source
        self._known: list[_T] = []
        self._fault: Exception | None = None

    def __iter__(self) -> Iterator[_T]:
        at = 0
        while at < len(self._known) or self._learn():
            yield self._known[at]
            at += 1

    def _learn(self) -> bool:
        """Work out one more, if there is one."""
        if self._fault is not None:
            raise self._fault
        try:
            self._known.append(next(self._source))
        except StopIteration:
            return False
        except Exception as error:
            self._fault = error
            raise
        return True
