"""Several connections for one file, over real sockets."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.sources.conftest import Heard, new_client
from tests.sources.test_download import place_of
from tests.support.server import Reply, Request, serving
from vinstall.cache.files import Cache
from vinstall.formats.simple_api import RemoteFile
from vinstall.net import wire
from vinstall.observer import Observer
from vinstall.sources import convoy, growth, pieces
from vinstall.sources.download import Downloader
from vinstall.sources.source import Arriving

NAME = "demo-1.0-py3-none-any.whl"
SIZE = 4 * 1024 * 1024
BODY = random.Random(2).randbytes(SIZE)
RATE = 4 * 1024 * 1024.0


@pytest.fixture(autouse=True)
def small_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything a tenth as large as in life."""
    for name, value in {
        "WORTH": 1024 * 1024,
        "WORTH_IF_KNOWN": 1024 * 1024,
        "_SETTLING": 0.05,
        "_ALONE": 0.1,
        "_PROBE": 0.15,
        "_STEP": 0.1,
        "_SOON": 0.2,
    }.items():
        monkeypatch.setattr(growth, name, value)
    monkeypatch.setattr(convoy, "WORTH_IF_KNOWN", 1024 * 1024)
    monkeypatch.setattr(pieces, "_LEAST", 128 * 1024)
    monkeypatch.setattr(wire, "_BLOCK", 32 * 1024)


def remote(url: str, *, hashed: bool = True) -> RemoteFile:
    digest = hashlib.sha256(BODY).hexdigest()
    return RemoteFile(NAME, url + "/x.whl", (("sha256", digest),) if hashed else (), SIZE)


def fetch(cache: Cache, file: RemoteFile, observer: Observer | None = None) -> Path:
    one = Downloader(new_client(), cache, observer=observer, sleep=lambda seconds: None)
    return one.fetch(file).path


def limited(
    other: Callable[[Request], Reply] | None = None,
) -> dict[str, Callable[[Request], Reply]]:
    """The file; what `other` says to requests for parts of it."""

    def answer(request: Request) -> Reply:
        if other is not None and request.range is not None:
            return other(request)
        return Reply(body=BODY)

    return {"/x.whl": answer}


def test_connections_that_are_capped_are_multiplied(cache: Cache, heard: Heard) -> None:
    with serving(limited(), rate=RATE) as server:
        path = fetch(cache, remote(server.url), heard)
        ranges = [request.range for request in server.requests]
        assert path.read_bytes() == BODY
        assert heard.received == SIZE
        assert ranges[0] is None
        assert len(ranges) > 2
        assert all("if-range" in request.headers for request in server.requests[1:])
        before = len(ranges)
        cache.clean(["files"])
        fetch(cache, remote(server.url))
        assert len(server.requests) - before >= 2


def test_parts_that_come_slowly_are_not_waited_for(cache: Cache, heard: Heard) -> None:
    """The second connection is asked for one piece; the first one reads on over it."""

    def slow(request: Request) -> Reply:
        return Reply(body=BODY, delay=3.0)

    with serving(limited(slow), rate=RATE) as server:
        begun = time.monotonic()
        path = fetch(cache, remote(server.url), heard)
        assert time.monotonic() - begun < 3.0
        assert path.read_bytes() == BODY
        assert heard.received == SIZE
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=500),
        Reply(status=404),
        Reply(status=206, body=b"x" * 10, headers={"Content-Range": "bytes 0-9/10"}),
        Reply(body=BODY[: SIZE // 2], failures=99, cut=10),
    ],
    ids=["refused", "gone", "another part", "broken"],
)
def test_a_server_that_does_not_cut_well_is_no_obstacle(
    cache: Cache, heard: Heard, fault: Reply
) -> None:
    with serving(limited(lambda request: fault), rate=RATE) as server:
        path = fetch(cache, remote(server.url), heard)
    assert path.read_bytes() == BODY
    assert heard.received == SIZE


class Impatient(Observer):
    """Presses Ctrl-C when half of the file is there."""

    def __init__(self) -> None:
        self.received = 0
        self.thread = threading.get_ident()

    def bytes_received(self, filename: str, count: int) -> None:
        self.received += count
        if self.received > SIZE * 0.6 and threading.get_ident() == self.thread:
            raise KeyboardInterrupt


@pytest.mark.parametrize("hashed", [True, False])
def test_an_interrupted_one_is_gone_on_with_without_holes(cache: Cache, hashed: bool) -> None:
    with serving(limited(), rate=RATE) as server:
        file = remote(server.url, hashed=hashed)
        with pytest.raises(KeyboardInterrupt):
            fetch(cache, file, Impatient())
        assert len(server.requests) > 1
        assert fetch(cache, file).read_bytes() == BODY


def test_one_that_was_killed_begins_anew(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are holes in what it left, and no hash that would show them."""
    with serving(limited(), rate=RATE) as server:
        file = remote(server.url, hashed=False)
        monkeypatch.setattr("vinstall.sources.download.os.truncate", _killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(cache, file, Impatient())
        before = len(server.requests)
        assert fetch(cache, file).read_bytes() == BODY
        assert server.requests[before].range is None


def _killed(*args: object) -> None:
    raise OSError


def test_beside_other_downloads_there_is_one_connection_each(cache: Cache) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with serving({"/x.whl": BODY, "/y.whl": BODY}, rate=RATE * 4) as server:
        one = Downloader(new_client(), cache)
        files = [remote(server.url), remote(server.url)._replace(url=server.url + "/y.whl")]
        files[1] = files[1]._replace(hashes=(("md5", hashlib.md5(BODY).hexdigest()),))
        with ThreadPoolExecutor(2) as pool:
            paths = list(pool.map(lambda file: one.fetch(file).path, files))
    assert all(path.read_bytes() == BODY for path in paths)


def test_one_who_follows_gets_the_file_in_order(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vinstall.sources.arrival.WORTH_FOLLOWING", 1024 * 1024)
    places: list[bool] = []
    threads: list[threading.Thread] = []

    def follow(arriving: Arriving) -> None:
        file = arriving.path.open("rb", buffering=0)  # nothing is read before it is there

        def read() -> None:
            for place in range(0, SIZE, 100_000):
                there = arriving.wait(min(place + 100_000, SIZE))
                places.append(there and file.read(100_000) == BODY[place : place + 100_000])
            file.close()

        threads.append(threading.Thread(target=read))
        threads[0].start()

    with serving(limited(), rate=RATE) as server:
        one = Downloader(new_client(), cache)
        assert one.fetch(remote(server.url), follow).path.read_bytes() == BODY
        assert len(server.requests) > 4
    threads[0].join(10)
    assert places == [True] * len(range(0, SIZE, 100_000))


def test_one_that_stalls_once_it_has_proved_itself_is_not_waited_for(
    cache: Cache, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convoy, "_PATIENCE", 0.2)
    places: list[int] = []

    def stalling(request: Request) -> Reply:
        """The first one that is asked for a piece in front of another."""
        places.append(place_of(request))
        stalls = sum(earlier < later for earlier, later in pairwise(places)) == 1
        return Reply(body=BODY, delay=2.0 if stalls and places[-2] < places[-1] else 0.0)

    with serving(limited(stalling), rate=RATE) as server:
        begun = time.monotonic()
        path = fetch(cache, remote(server.url), heard)
        assert time.monotonic() - begun < 2.0
        assert path.read_bytes() == BODY
        assert heard.received == SIZE
