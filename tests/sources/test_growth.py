"""When a large file is worth more connections."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vinstall.sources.growth import MOST_HELPERS, Growth

MB = 1_000_000
Rates = Callable[[int, float], tuple[float, float]]
"""(helpers, time) → bytes a second over the first connection, over all the others together."""


def simulate(
    rates: Rates, *, size: int = 600 * MB, known: int | None = None, delay: float = 0.0
) -> tuple[Growth, float, list[int]]:
    """Download a file; what was learnt, how long it took, and the numbers of helpers there were.

    Helpers bring their first byte `delay` seconds after they were called.
    """
    growth = Growth(known=known)
    now, first, others, helpers, called = 0.0, 0.0, 0.0, 0, 0.0
    seen = [0]
    step = 0.01
    while first + others < size:
        ready = helpers if now - called >= delay else 0
        mine, theirs = rates(ready, now)
        first, others, now = first + mine * step, others + theirs * step, now + step
        wanted = growth.watch(now, int(first), int(first + others), int(size - first - others))
        if wanted != helpers:
            helpers, called = wanted, now
            seen.append(wanted)
    return growth, now, seen


def capped(helpers: int, now: float) -> tuple[float, float]:
    """Each connection gets 20 MB/s."""
    return 20 * MB, 20 * MB * helpers


def shared(helpers: int, now: float) -> tuple[float, float]:
    """All connections share 100 MB/s."""
    return 100 * MB / (helpers + 1), 100 * MB * helpers / (helpers + 1)


def behind_a_cache(helpers: int, now: float) -> tuple[float, float]:
    """One stream gets 140 MB/s, a part of a file 20."""
    return 140 * MB, 20 * MB * helpers


class TestConnectionsThatAreCapped:
    def test_all_are_used_in_the_end(self) -> None:
        growth, seconds, seen = simulate(capped)
        assert seen == [0, 1, 3, MOST_HELPERS]
        assert growth.verdict == MOST_HELPERS
        assert seconds < 600 / 20 * 0.25

    def test_the_next_time_they_are_used_at_once(self) -> None:
        growth, seconds, seen = simulate(capped, known=MOST_HELPERS)
        assert seen == [0, MOST_HELPERS]
        assert growth.verdict == MOST_HELPERS
        assert seconds < 600 / 20 * 0.15

    def test_connections_that_take_long_to_begin_are_waited_for(self) -> None:
        growth, _, seen = simulate(capped, delay=1.0)
        assert seen[:3] == [0, 1, 3]
        assert growth.verdict is not None
        assert growth.verdict > 0

    def test_no_more_are_added_than_pay(self) -> None:
        def three(helpers: int, now: float) -> tuple[float, float]:
            total = min(20 * (helpers + 1), 60) * MB
            return total / (helpers + 1), total * helpers / (helpers + 1)

        growth, _, seen = simulate(three)
        assert seen == [0, 1, 3, MOST_HELPERS]
        assert growth.verdict == 3


class TestConnectionsThatDoNotPay:
    @pytest.mark.parametrize("rates", [shared, behind_a_cache])
    def test_the_second_one_is_the_last(self, rates: Rates) -> None:
        growth, _, seen = simulate(rates)
        assert seen == [0, 1, 0]
        assert growth.verdict == 0

    @pytest.mark.parametrize("rates", [shared, behind_a_cache])
    def test_the_next_time_there_is_none(self, rates: Rates) -> None:
        growth, _, seen = simulate(rates, known=0)
        assert seen == [0]
        assert growth.verdict is None

    def test_what_paid_before_may_not_pay_today(self) -> None:
        for rates, known in ((shared, MOST_HELPERS), (behind_a_cache, 1)):
            growth, _, seen = simulate(rates, known=known)
            assert seen == [0, known, 0]
            assert growth.verdict == 0

    def test_a_first_connection_that_is_still_speeding_up_proves_nothing(self) -> None:
        def starting(helpers: int, now: float) -> tuple[float, float]:
            total = min(100.0, 20 + 50 * now) * MB
            return total / (helpers + 1) * (1 + 0.5 * helpers), total * 0.1 * helpers

        assert simulate(starting)[0].verdict == 0

    def test_a_connection_that_brings_nothing(self) -> None:
        def dead(helpers: int, now: float) -> tuple[float, float]:
            return 20 * MB, 0.0

        growth, _, seen = simulate(dead)
        assert seen == [0, 1, 0]
        assert growth.verdict == 0


class TestFilesThatAreNotWorthIt:
    def test_small_ones(self) -> None:
        assert simulate(capped, size=60 * MB)[2] == [0]

    def test_fast_ones(self) -> None:
        assert simulate(lambda helpers, now: (500 * MB, 0.0), size=900 * MB)[2] == [0]
