"""What an iterator gives, as often as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vinstall.resolution.replay import Replay


def test_each_thing_is_worked_out_once_and_when_it_is_come_to() -> None:
    worked_out: list[int] = []

    def source() -> Iterator[int]:
        for number in range(3):
            worked_out.append(number)
            yield number

    replay = Replay(source())
    first, second = iter(replay), iter(replay)
    assert (next(first), next(first), next(second)) == (0, 1, 0)
    assert worked_out == [0, 1]
    assert (list(second), list(first), list(replay)) == ([1, 2], [2], [0, 1, 2])
    assert worked_out == [0, 1, 2]


def test_what_went_wrong_goes_wrong_again() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    replay = Replay(source())
    for _ in range(2):
        found = iter(replay)
        assert next(found) == 1
        with pytest.raises(OSError, match="gone"):
            next(found)
