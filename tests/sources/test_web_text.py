"""Small files from the web."""

from __future__ import annotations

import pytest

from tests.sources.conftest import Clock, new_client
from tests.support.server import redirect, serving
from vinstall.cache.files import Cache
from vinstall.errors import NetworkError
from vinstall.net.response import OfflineError
from vinstall.sources.web_text import WebTexts


def texts(cache: Cache, clock: Clock, *, refresh: bool = False, offline: bool = False) -> WebTexts:
    """As another run would have it."""
    return WebTexts(new_client(offline=offline), cache, refresh=refresh, now=clock)


def test_they_are_kept_and_asked_about_when_they_are_stale(cache: Cache, clock: Clock) -> None:
    with serving({"/a": redirect("/b"), "/b": b"text"}) as server:
        url = server.url + "/a"
        assert texts(cache, clock).kept(url) is None
        text = texts(cache, clock).read(url)
        assert (text.url, text.text) == (server.url + "/b", "text")
        assert texts(cache, clock).read(url) == text
        assert len(server.requests) == 2
        clock.now += 601
        assert texts(cache, clock).read(url) == text
        assert server.requests[-1].headers["if-none-match"].startswith('"')
        kept = texts(cache, clock).kept(url)
        assert kept is not None
        assert kept.until == clock.now + 600
        texts(cache, clock, refresh=True).read(url)
        assert len(server.requests) == 6


def test_offline(cache: Cache, clock: Clock) -> None:
    with serving({"/a": b"text"}) as server:
        texts(cache, clock).read(server.url + "/a")
    clock.now += 10**6
    assert texts(cache, clock, offline=True).read(server.url + "/a").content == b"text"
    with pytest.raises(OfflineError):
        texts(cache, clock, offline=True).read(server.url + "/b")


def test_one_that_is_too_large_is_refused(cache: Cache, clock: Clock) -> None:
    with serving({"/a": b"x" * 11}) as server, pytest.raises(NetworkError) as caught:
        texts(cache, clock).read(server.url + "/a", limit=10)
    assert caught.value.message == f"`{server.url}/a` sends more than 10 bytes, which is refused"


def test_no_store_is_obeyed(cache: Cache, clock: Clock) -> None:
    with serving({"/a": b"text"}, headers={"Cache-Control": "no-store"}) as server:
        for _ in range(2):
            texts(cache, clock).read(server.url + "/a")
    assert len(server.requests) == 2
