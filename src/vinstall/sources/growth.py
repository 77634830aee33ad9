"""Growth: how many connections a large file is worth.  Pure: it is told the time and the bytes.

Some servers and networks limit each connection; then several at once are several times as fast.
Others serve one stream from a cache and parts of a file from far behind it; then they are
several times as slow.  So one stream begins, and a second one has to prove itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MOST_HELPERS = 7
"""Connections beside the first one."""
WORTH = 64 * 1024 * 1024
"""Bytes that have to be left for a second connection to be tried."""
WORTH_IF_KNOWN = 16 * 1024 * 1024
"""The same, where more connections paid before."""

_SETTLING, _ALONE, _PROBE, _STEP = 0.15, 0.2, 0.3, 0.2
"""Seconds: for the first connection to get up to speed, and to measure it, two, and more."""
_PATIENCE = 3.0
"""Seconds that new connections have to bring a first byte."""
_PROOF, _FURTHER = 1.3, 1.15
"""What the rate has to grow by for a second connection, and for still more of them."""
_SOON = 2.0
"""Seconds; what is nearly over is not sped up."""


class _Sample(NamedTuple):
    time: float
    first: int
    total: int


class Growth:
    """Decides while a file arrives."""

    def __init__(self, *, known: int | None = None) -> None:
        """`known`: how many helpers paid on this server before; 0: none did; None: not known."""
        self.helpers = 0
        """How many there shall be."""
        self.verdict: int | None = None
        """How many helpers pay here; None while that is not known."""
        self._known = known
        self._called = 0.0
        """When helpers were called for last."""
        self._rate = 0.0
        self._start: _Sample | None = None
        self._step: Callable[[_Sample, int], None] = self._settle

    def watch(self, now: float, first: int, total: int, left: int) -> int:
        """The number of helpers from `now` on.

        `first` and `total` are the bytes received over the first connection and over all of
        them; `left` is how many are still missing.
        """
        sample = _Sample(now, first, total)
        if self._start is None:
            self._start = sample
        self._step(sample, left)
        return self.helpers

    # Each step looks at the time since it began, and may go over to the next.

    def _settle(self, sample: _Sample, left: int) -> None:
        if self._span(sample) < _SETTLING:
            return
        if self._known == 0 or left < (WORTH if self._known is None else WORTH_IF_KNOWN):
            self._go(self._rest, sample)
        elif self._known is None:
            self._go(self._alone, sample)
        else:
            self._rate = self._rates(sample)[1]
            self._call(self._known, self._prove, sample)

    def _alone(self, sample: _Sample, left: int) -> None:
        if self._span(sample) < _ALONE:
            return
        self._rate = self._rates(sample)[1]
        if left < WORTH or left < self._rate * _SOON:
            self._go(self._rest, sample)
        else:
            self._call(1, self._prove, sample)

    def _prove(self, sample: _Sample, _left: int) -> None:
        """All connections against the better of what the first one does alone and beside them.

        A connection that is still getting up to speed would else speak for the second one.
        """
        if self._span(sample) < _PROBE or self._is_waiting(sample):
            return
        first, total = self._rates(sample)
        if total <= _PROOF * max(self._rate, first):
            self.verdict = self.helpers = 0
            self._go(self._rest, sample)
            return
        self.verdict, self._rate = self.helpers, total
        self._add(sample)

    def _grow(self, sample: _Sample, _left: int) -> None:
        if self._span(sample) < _STEP:
            return
        rate = self._rates(sample)[1]
        if rate < _FURTHER * self._rate:
            self._go(self._rest, sample)
            return
        self.verdict, self._rate = self.helpers, rate
        self._add(sample)

    def _rest(self, _sample: _Sample, _left: int) -> None:
        """Nothing changes any more."""

    def _add(self, sample: _Sample) -> None:
        """Twice as many connections, up to the most there may be."""
        if self.helpers >= MOST_HELPERS:
            self._go(self._rest, sample)
        else:
            self._call(min(2 * self.helpers + 1, MOST_HELPERS), self._grow, sample)

    def _call(self, helpers: int, step: Callable[[_Sample, int], None], sample: _Sample) -> None:
        self.helpers, self._called = helpers, sample.time
        self._go(step, sample)

    def _go(self, step: Callable[[_Sample, int], None], sample: _Sample) -> None:
        self._step, self._start = step, sample

    def _is_waiting(self, sample: _Sample) -> bool:
        """Whether the helpers have brought nothing yet; then the measuring begins anew."""
        assert self._start is not None
        brought = sample.total - sample.first - (self._start.total - self._start.first)
        if brought or sample.time - self._called > _PATIENCE:
            return False
        self._start = sample
        return True

    def _span(self, sample: _Sample) -> float:
        """Seconds since the step began."""
        assert self._start is not None
        return sample.time - self._start.time

    def _rates(self, sample: _Sample) -> tuple[float, float]:
        """Bytes a second since the step began: of the first connection, of all."""
        assert self._start is not None
        span = max(self._span(sample), 1e-9)
        return (sample.first - self._start.first) / span, (sample.total - self._start.total) / span
