"""A file on its way, and whoever works on its front."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sources.test_download import Impatient, downloader, remote
from tests.support.server import Reply, Request, serving
from vinstall.cache.files import Cache
from vinstall.errors import HashMismatch
from vinstall.net.response import Part, TransferInterrupted
from vinstall.sources.arrival import Arrival
from vinstall.sources.source import Arriving

BIG = random.Random(1).randbytes(5 * 1024 * 1024)


@pytest.fixture(autouse=True)
def worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vinstall.sources.arrival.WORTH_FOLLOWING", 1024 * 1024)


def arrival(read: object = None) -> Arrival:
    return Arrival(Path("x"), 100, lambda start, length: read)  # type: ignore[arg-type,return-value]


class TestWaiting:
    def test_what_is_there_is_not_waited_for(self) -> None:
        one = arrival()
        one.advance(50)
        assert one.wait(50)

    def test_what_comes_later_is(self) -> None:
        one = arrival()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(one.wait, 60)
            one.advance(50)
            assert not waiting.done()
            one.advance(60)
            assert waiting.result(timeout=10)

    def test_at_the_end_nobody_waits_any_more(self) -> None:
        one = arrival()
        one.advance(50)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(one.wait, 60)
            one.end()
            assert not waiting.result(timeout=10)
        assert one.wait(50)


class TestEarlyParts:
    def test_they_come_as_they_are(self) -> None:
        part = Part(start=10, content=b"abc", total=100, validator=None)
        assert arrival(part).read_early(10, 3) == b"abc"

    @pytest.mark.parametrize(
        "part",
        [
            None,
            Part(start=10, content=b"abc", total=101, validator=None),
            Part(start=10, content=b"ab", total=100, validator=None),
        ],
        ids=["none", "of another file", "too short"],
    )
    def test_what_does_not_fit_is_none(self, part: Part | None) -> None:
        assert arrival(part).read_early(10, 3) is None

    def test_a_broken_connection_is_none(self) -> None:
        def read(start: int, length: int) -> Part | None:
            raise TransferInterrupted("it broke")

        assert Arrival(Path("x"), 100, read).read_early(10, 3) is None

    def test_many_bytes_come_by_several_requests_at_once(self) -> None:
        meeting = threading.Barrier(8, timeout=10)

        def read(start: int, length: int) -> Part | None:
            meeting.wait()
            content = BIG[start : start + length]
            return Part(start=start, content=content, total=len(BIG), validator=None)

        early = Arrival(Path("x"), len(BIG), read).read_early(1000, (2 << 20) + 1)
        assert early == BIG[1000 : 1001 + (2 << 20)]

    def test_few_bytes_come_by_one(self) -> None:
        asked = []

        def read(start: int, length: int) -> Part | None:
            asked.append((start, length))
            content = BIG[start : start + length]
            return Part(start=start, content=content, total=len(BIG), validator=None)

        assert Arrival(Path("x"), len(BIG), read).read_early(7, 256 << 10) is not None
        assert asked == [(7, 256 << 10)]

    def test_all_of_them_are_to_be_had_or_none(self) -> None:
        def read(start: int, length: int) -> Part | None:
            content = BIG[start : start + length]
            part = Part(start=start, content=content, total=len(BIG), validator=None)
            return part if start < (1 << 20) else None

        assert Arrival(Path("x"), len(BIG), read).read_early(0, 2 << 20) is None

    def test_without_as_many_threads_they_are_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        part = Part(start=10, content=b"abc", total=100, validator=None)
        assert arrival(part).read_early(10, 3) is None


class Follower:
    """Reads what arrives, in a thread."""

    def __init__(self, place: int = len(BIG)) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._place = place
        self.calls = 0
        self.tails: list[bytes | None] = []

    def __call__(self, arriving: Arriving) -> None:
        self.calls += 1
        file = arriving.path.open("rb")
        self.tails.append(arriving.read_early(arriving.size - 10, 10))
        self._read = self._pool.submit(
            lambda: file.read(self._place) if arriving.wait(self._place) else None
        )

    def result(self) -> bytes | None:
        return self._read.result(timeout=10)


class TestFollowing:
    def test_every_byte_is_there_when_it_is_told(self, cache: Cache) -> None:
        follower = Follower()
        with serving({"/x.whl": BIG}) as server:
            file = remote(server.url + "/x.whl", BIG)
            assert downloader(cache).fetch(file, follower).path.read_bytes() == BIG
        assert (follower.calls, follower.tails, follower.result()) == (1, [BIG[-10:]], BIG)

    def test_the_front_is_there_before_the_end(self, cache: Cache) -> None:
        half = threading.Event()

        class Waiting(Follower):
            def __call__(self, arriving: Arriving) -> None:
                super().__call__(arriving)
                self._read.add_done_callback(lambda _: half.set())

        follower = Waiting(place=1024 * 1024)
        with serving({"/x.whl": BIG}, rate=4 * 1024 * 1024) as server, ThreadPoolExecutor() as pool:
            file = remote(server.url + "/x.whl", BIG)
            fetching = pool.submit(downloader(cache).fetch, file, follower)
            assert half.wait(10)
            assert not fetching.done()
            assert fetching.result(timeout=10).path.read_bytes() == BIG
        assert follower.result() == BIG[: 1024 * 1024]

    def test_one_who_follows_goes_on_after_the_connection_broke(self, cache: Cache) -> None:
        follower = Follower()
        with serving({"/x.whl": Reply(body=BIG, failures=1, cut=3_000_000)}) as server:
            file = remote(server.url + "/x.whl", BIG)
            downloader(cache).fetch(file, follower)
            assert [one.range for one in server.requests][-1] == "bytes=3000000-"
        assert (follower.calls, follower.result()) == (1, BIG)

    def test_a_file_that_changes_half_way_is_not_followed_on(self, cache: Cache) -> None:
        other = BIG[::-1]

        def reply(request: Request) -> Reply:
            is_old = request.range is None or not request.range.endswith("-")
            return Reply(body=BIG if is_old else other, cut=3_000_000, failures=1)

        follower = Follower()
        with serving({"/x.whl": reply}) as server:
            file = remote(server.url + "/x.whl", other)
            assert downloader(cache).fetch(file, follower).path.read_bytes() == other
        assert (follower.calls, follower.result()) == (1, None)

    def test_after_a_wrong_hash_nobody_waits(self, cache: Cache) -> None:
        follower = Follower(place=len(BIG) + 1)
        with serving({"/x.whl": BIG}) as server:
            file = remote(server.url + "/x.whl", BIG)._replace(hashes=(("sha256", "0" * 64),))
            with pytest.raises(HashMismatch):
                downloader(cache).fetch(file, follower)
        assert follower.result() is None

    def test_one_that_was_begun_by_an_earlier_run_is_followed_from_there(
        self, cache: Cache
    ) -> None:
        with serving({"/x.whl": BIG}) as server:
            file = remote(server.url + "/x.whl", BIG)
            with pytest.raises(KeyboardInterrupt):
                downloader(cache, observer=Impatient(2_000_000)).fetch(file)
            follower = Follower()
            downloader(cache).fetch(file, follower)
            assert server.requests[1].range is not None
        assert (follower.calls, follower.result()) == (1, BIG)

    @pytest.mark.parametrize(
        ("content", "options"),
        [(BIG, {"ranges": False}), (BIG[: 1024 * 1024 - 1], {})],
        ids=["no ranges", "small"],
    )
    def test_what_is_small_or_comes_in_one_piece_only_is_not_followed(
        self, cache: Cache, content: bytes, options: dict[str, bool]
    ) -> None:
        follower = Follower()
        with serving({"/x.whl": content}, **options) as server:  # type: ignore[arg-type]
            downloader(cache).fetch(remote(server.url + "/x.whl", content), follower)
            assert len(server.requests) == 1
        assert follower.calls == 0

    def test_a_file_of_the_cache_is_not_followed(self, cache: Cache) -> None:
        follower = Follower()
        with serving({"/x.whl": BIG}) as server:
            file = remote(server.url + "/x.whl", BIG)
            downloader(cache).fetch(file)
            downloader(cache).fetch(file, follower)
        assert follower.calls == 0
