"""How long an answer may be used again."""

from __future__ import annotations

import pytest

from vinstall.sources.freshness import MINIMUM, Stamp, stamp_answer

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, MINIMUM),
        ({"cache-control": "public"}, MINIMUM),
        ({"cache-control": "max-age=60"}, 60.0),
        ({"cache-control": 'public, Max-Age="60"'}, 60.0),
        ({"cache-control": "max-age=60", "age": "50"}, 10.0),
        ({"cache-control": "s-maxage=5, max-age=60"}, 60.0),
        ({"cache-control": "max-age=60", "age": "²"}, 60.0),
        ({"cache-control": "max-age=60", "age": "soon"}, 60.0),
        ({"cache-control": f"max-age={'9' * 5000}"}, 9_999_999_999.0),
        ({"expires": "Fri, 15 Jan 2027 08:01:40 GMT"}, 100.0),
    ],
)
def test_a_time_from_now(headers: dict[str, str], seconds: float) -> None:
    assert stamp_answer(headers, NOW) == Stamp(None, None, NOW + seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {"cache-control": "no-cache"},
        {"cache-control": "max-age=0"},
        {"cache-control": "max-age=60", "age": "60"},
        {"cache-control": "max-age=60", "age": "9" * 5000},
        {"cache-control": "max-age=60, no-cache"},
        {"expires": "0"},
    ],
)
def test_always_asked_again(headers: dict[str, str]) -> None:
    assert stamp_answer(headers, NOW) == Stamp(None, None, 0.0)


def test_no_store_is_not_kept() -> None:
    assert stamp_answer({"cache-control": "private, no-store"}, NOW) is None


def test_an_etag_is_asked_about_before_a_date() -> None:
    both = stamp_answer({"etag": '"1"', "last-modified": "then"}, NOW)
    assert both is not None
    assert both.conditions == {"If-None-Match": '"1"'}
    assert Stamp(None, "then", NOW).conditions == {"If-Modified-Since": "then"}
    assert Stamp(None, None, NOW).conditions == {}


def test_a_confirmation_need_not_repeat_what_it_confirms() -> None:
    old, new = Stamp('"1"', "then", NOW), Stamp(None, None, NOW + 60)
    assert new.over(old) == Stamp('"1"', "then", NOW + 60)
