"""Stamp: how long an answer may be used again, and how to ask whether it still holds.  Pure.

Spec: RFC 9111 (HTTP caching), for a private cache.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vinstall.pattern import pattern
from vinstall.values import Row

MINIMUM = 600.0
"""Seconds that an answer is used again whose server says nothing about it."""

_MAX_AGE = pattern(r"(?:^|[\s,])max-age\s*=\s*\"?(\d+)", re.IGNORECASE)


class Stamp(Row):
    """What a server said about an answer."""

    etag: str | None
    modified: str | None
    """`Last-Modified`, as written."""
    until: float
    """Seconds since the epoch up to which nobody has to be asked; 0 where it is always asked."""

    @property
    def conditions(self) -> dict[str, str]:
        """Headers that make the server answer 304 if nothing changed; empty where it cannot."""
        if self.etag is not None:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.modified} if self.modified is not None else {}

    def over(self, older: Stamp) -> Stamp:
        """This stamp of a 304, which need not repeat what it confirms (RFC 9111, 4.3.4)."""
        return Stamp(self.etag or older.etag, self.modified or older.modified, self.until)


def stamp_answer(headers: Mapping[str, str], now: float) -> Stamp | None:
    """The stamp of an answer received at `now`; None where it must not be kept (`no-store`).

    `headers` have names in lower case.
    """
    control = headers.get("cache-control", "").lower()
    if "no-store" in control:
        return None
    return Stamp(headers.get("etag"), headers.get("last-modified"), _until(control, headers, now))


def _until(control: str, headers: Mapping[str, str], now: float) -> float:
    if "no-cache" in control:
        return 0.0
    age = _MAX_AGE.search(control)
    if age is not None:
        left = _whole(age[1]) - _whole(headers.get("age", "0").strip())
        return now + left if left > 0 else 0.0
    expires = headers.get("expires")
    return now + MINIMUM if expires is None else _seconds(expires)


def _whole(number: str) -> int:
    """Seconds; three hundred years where there are more (RFC 9111, 1.2.2), 0 for what is no number."""
    return int(number[:10]) if number.isascii() and number.isdigit() else 0


def _seconds(date: str) -> float:
    """Seconds since the epoch of an HTTP date; 0 for what is none (RFC 9111, 5.3)."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0.0
