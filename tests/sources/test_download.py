"""Whole files: checked, kept, gone on with."""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sources.conftest import Heard, new_client
from tests.support.server import Reply, Request, serving
from tests.support.wheels import make_wheel
from vinstall.cache.files import Cache
from vinstall.errors import HashMismatch, IntegrityError, NetworkError, SourceError
from vinstall.formats.simple_api import RemoteFile
from vinstall.net.client import HttpClient
from vinstall.net.response import OfflineError, Refused, TransferInterrupted
from vinstall.observer import Observer
from vinstall.sources.download import Downloader

NAME = "demo-1.0-py3-none-any.whl"
SMALL = b"wheel" * 100
BIG = random.Random(1).randbytes(5 * 1024 * 1024)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def remote(
    url: str, content: bytes = SMALL, *, hashed: bool = True, sized: bool = True
) -> RemoteFile:
    return RemoteFile(
        NAME,
        url,
        hashes=(("sha256", sha256(content)),) if hashed else (),
        size=len(content) if sized else None,
    )


def downloader(
    cache: Cache, *, client: HttpClient | None = None, observer: Observer | None = None
) -> Downloader:
    """As another run would have it."""
    return Downloader(client or new_client(), cache, observer=observer, sleep=lambda seconds: None)


class TestWholeFiles:
    @pytest.mark.parametrize("content", [SMALL, BIG], ids=["small", "big"])
    def test_they_go_into_the_cache_under_their_hash(
        self, cache: Cache, heard: Heard, content: bytes
    ) -> None:
        with serving({"/x.whl": content}) as server:
            file = remote(server.url + "/x.whl", content)
            fetched = downloader(cache, observer=heard).fetch(file)
            assert fetched.path.read_bytes() == content
            assert fetched.path.name == NAME
            assert (fetched.sha256, fetched.from_cache) == (sha256(content), False)
            again = downloader(cache).fetch(file)
        assert again.path == fetched.path
        assert again.from_cache
        assert len(server.requests) == 1
        assert heard.started == [(NAME, len(content))]
        assert heard.received == len(content)
        assert heard.finished == [NAME]

    def test_threads_download_once(self, cache: Cache) -> None:
        with serving({"/x.whl": Reply(body=SMALL, delay=0.05)}) as server:
            one = downloader(cache)
            file = remote(server.url + "/x.whl")
            with ThreadPoolExecutor(6) as pool:
                fetched = set(pool.map(lambda _: one.fetch(file).path, range(6)))
        assert len(fetched) == len(server.requests) == 1

    def test_one_run_profits_from_another_url_with_the_same_hash(self, cache: Cache) -> None:
        with serving({"/x.whl": SMALL}) as server:
            downloader(cache).fetch(remote(server.url + "/x.whl"))
        fetched = downloader(cache).fetch(remote("https://mirror.example/x.whl"))
        assert fetched.from_cache

    def test_a_kept_file_that_was_damaged_is_downloaded_again(
        self, cache: Cache, heard: Heard
    ) -> None:
        with serving({"/x.whl": SMALL}) as server:
            file = remote(server.url + "/x.whl")
            path = downloader(cache).fetch(file).path
            path.write_bytes(b"something else")
            fetched = downloader(cache, observer=heard).fetch(file)
        assert fetched.path.read_bytes() == SMALL
        assert heard.warnings == [f"`{path}` was damaged and is downloaded again"]

    def test_offline_has_what_is_kept(self, cache: Cache) -> None:
        with serving({"/x.whl": SMALL}) as server:
            file = remote(server.url + "/x.whl")
            downloader(cache).fetch(file)
        assert downloader(cache, client=new_client(offline=True)).fetch(file).from_cache
        with pytest.raises(OfflineError):
            downloader(Cache(None), client=new_client(offline=True)).fetch(file)

    def test_a_file_that_is_gone(self, cache: Cache) -> None:
        with serving({}) as server, pytest.raises(Refused) as caught:
            downloader(cache).fetch(remote(server.url + "/x.whl"))
        assert caught.value.message == "`127.0.0.1` answered 404 Not Found"


class TestChecks:
    def test_another_hash_is_refused_and_not_kept(self, cache: Cache) -> None:
        with serving({"/x.whl": SMALL[:-1] + b"!"}) as server:
            file = remote(server.url + "/x.whl")
            with pytest.raises(HashMismatch) as caught:
                downloader(cache).fetch(file)
            assert caught.value.message == f"`{NAME}` does not match its sha256 hash"
            assert len(server.requests) == 1
        assert not [path for path in cache.root.rglob("*.whl") if path.is_file()]
        assert not list((cache.root / "v1/tmp").iterdir())

    @pytest.mark.parametrize("listed", [len(SMALL) - 1, len(SMALL) + 1])
    def test_another_size_is_found_before_the_download(
        self, cache: Cache, heard: Heard, listed: int
    ) -> None:
        with serving({"/x.whl": SMALL}) as server:
            file = remote(server.url + "/x.whl")._replace(size=listed)
            with pytest.raises(IntegrityError) as caught:
                downloader(cache, observer=heard).fetch(file)
        assert caught.value.message == f"`{NAME}` does not have the size it is listed with"
        assert caught.value.context == (f"expected {listed} bytes", f"received {len(SMALL)}")
        assert heard.received == 0

    def test_a_weak_hash_is_checked_as_well(self, cache: Cache) -> None:
        with serving({"/x.whl": SMALL}) as server:
            wrong = remote(server.url + "/x.whl")._replace(hashes=(("md5", "00"),))
            with pytest.raises(HashMismatch):
                downloader(cache).fetch(wrong)
            right = hashlib.md5(SMALL).hexdigest()
            fetched = downloader(cache).fetch(wrong._replace(hashes=(("md5", right),)))
        assert fetched.sha256 == sha256(SMALL)


class TestFilesWithoutHash:
    def test_they_are_kept_as_long_as_the_server_has_the_same(
        self, cache: Cache, tmp_path: Path
    ) -> None:
        content = {"/x.whl": make_wheel(tmp_path).read_bytes()}
        with serving(content) as server:
            file = remote(server.url + "/x.whl", hashed=False, sized=False)
            downloader(cache).fetch(file)
            assert downloader(cache).fetch(file).from_cache
            assert [request.range for request in server.requests] == [None, "bytes=0-0"]
            content["/x.whl"] = SMALL[::-1]
            fetched = downloader(cache).fetch(file)
        assert not fetched.from_cache
        assert fetched.path.read_bytes() == SMALL[::-1]

    def test_one_that_was_cut_short_is_not_kept(self, cache: Cache, tmp_path: Path) -> None:
        """By a server that told no length, or a wrong one, and says that it has not changed since."""
        whole = make_wheel(tmp_path).read_bytes()
        content = {"/x.whl": whole[:300]}
        with serving(content, headers={"ETag": '"same"'}) as server:
            file = remote(server.url + "/x.whl", hashed=False, sized=False)
            assert downloader(cache).fetch(file).path.read_bytes() == whole[:300]
            content["/x.whl"] = whole
            assert downloader(cache).fetch(file).path.read_bytes() == whole
            assert downloader(cache).fetch(file).from_cache

    def test_without_a_validator_they_are_downloaded_each_time(self, cache: Cache) -> None:
        with serving({"/x.whl": SMALL}, etag=False) as server:
            file = remote(server.url + "/x.whl", hashed=False)
            for _ in range(2):
                assert not downloader(cache).fetch(file).from_cache


class Impatient(Observer):
    """A user who presses Ctrl-C when a part of the file is there."""

    def __init__(self, patience: int) -> None:
        self.received = 0
        self.patience = patience

    def bytes_received(self, filename: str, count: int) -> None:
        self.received += count
        if self.received > self.patience:
            raise KeyboardInterrupt


def place_of(request: Request) -> int:
    """Where the part begins that was asked for."""
    return int((request.range or "bytes=0-").removeprefix("bytes=").partition("-")[0])


class TestStopping:
    def test_what_is_under_way_ends_and_can_be_gone_on_with(self, cache: Cache) -> None:
        heard = Heard()
        one = Downloader(
            new_client(), cache, observer=heard, is_stopped=lambda: heard.received > 1_000_000
        )
        with serving({"/x.whl": BIG}) as server:
            file = remote(server.url + "/x.whl", BIG)
            with pytest.raises(NetworkError) as caught:
                one.fetch(file)
            assert caught.value.message == f"the download of `{NAME}` was stopped"
            assert len(server.requests) == 1
            assert downloader(cache).fetch(file).path.read_bytes() == BIG
            assert server.requests[1].range is not None


class TestGoingOn:
    """RFC 9110, 13.1.5 (If-Range)."""

    def interrupted(self, cache: Cache, file: RemoteFile) -> None:
        patience = (file.size or len(BIG)) // 5
        with pytest.raises(KeyboardInterrupt):
            downloader(cache, observer=Impatient(patience)).fetch(file)

    def test_within_a_run(self, cache: Cache, heard: Heard) -> None:
        with serving({"/x.whl": Reply(body=BIG, failures=1, cut=1_000_000)}) as server:
            fetched = downloader(cache, observer=heard).fetch(remote(server.url + "/x.whl", BIG))
        assert fetched.path.read_bytes() == BIG
        assert heard.received == len(BIG)
        first, second = server.requests
        assert first.range is None
        assert second.headers["if-range"].startswith('"')
        assert server.bytes_sent < len(BIG) + 100_000

    @pytest.mark.parametrize("hashed", [True, False])
    @pytest.mark.parametrize("sized", [True, False])
    def test_across_runs(self, cache: Cache, heard: Heard, hashed: bool, sized: bool) -> None:
        with serving({"/x.whl": BIG}) as server:
            file = remote(server.url + "/x.whl", BIG, hashed=hashed, sized=sized)
            self.interrupted(cache, file)
            fetched = downloader(cache, observer=heard).fetch(file)
        assert fetched.path.read_bytes() == BIG
        assert place_of(server.requests[1]) > len(BIG) // 5
        assert heard.received == len(BIG)

    def test_without_validator_the_hash_has_to_show_it(self, cache: Cache) -> None:
        with serving({"/x.whl": BIG}, etag=False) as server:
            file = remote(server.url + "/x.whl", BIG)
            self.interrupted(cache, file)
            assert downloader(cache).fetch(file).path.read_bytes() == BIG
        assert place_of(server.requests[1]) > len(BIG) // 5

    def test_with_neither_everything_is_asked_for_again(self, cache: Cache) -> None:
        with serving({"/x.whl": BIG}, etag=False) as server:
            file = remote(server.url + "/x.whl", BIG, hashed=False, sized=False)
            self.interrupted(cache, file)
            assert downloader(cache).fetch(file).path.read_bytes() == BIG
            assert {request.range for request in server.requests} == {None}

    def test_a_file_that_changed_in_between_is_read_anew(self, cache: Cache) -> None:
        content = {"/x.whl": BIG}
        with serving(content) as server:
            file = remote(server.url + "/x.whl", BIG, hashed=False)
            self.interrupted(cache, file)
            content["/x.whl"] = BIG[::-1]
            assert downloader(cache).fetch(file).path.read_bytes() == BIG[::-1]

    def test_a_wrong_beginning_is_found_by_the_hash_and_read_anew(self, cache: Cache) -> None:
        with serving({"/x.whl": BIG}, etag=False) as server:
            file = remote(server.url + "/x.whl", BIG)
            self.interrupted(cache, file)
            (part,) = [p for p in (cache.root / "v1/tmp").iterdir() if p.suffix != ".lock"]
            part.write_bytes(b"?" * part.stat().st_size)
            assert downloader(cache).fetch(file).path.read_bytes() == BIG

    @pytest.mark.parametrize("left", [len(BIG), len(BIG) + 10])
    def test_a_part_that_is_complete_or_too_long(self, cache: Cache, left: int) -> None:
        with serving({"/x.whl": BIG}) as server:
            file = remote(server.url + "/x.whl", BIG)
            self.interrupted(cache, file)
            (part,) = [p for p in (cache.root / "v1/tmp").iterdir() if p.suffix != ".lock"]
            part.write_bytes((BIG + b"?" * 10)[:left])
            before = len(server.requests)
            assert downloader(cache).fetch(file).path.read_bytes() == BIG
            assert len(server.requests) - before == (0 if left == len(BIG) else 1)

    def test_a_server_that_ignores_ranges(self, cache: Cache) -> None:
        with serving(
            {"/x.whl": Reply(body=BIG, failures=1, cut=1_000_000)}, ranges=False
        ) as server:
            file = remote(server.url + "/x.whl", BIG)
            assert downloader(cache).fetch(file).path.read_bytes() == BIG
        assert len(server.requests) == 2

    def test_attempts_that_bring_nothing_come_to_an_end(self, cache: Cache) -> None:
        broken = Reply(body=BIG, failures=99, cut=0)
        with serving({"/x.whl": broken}) as server, pytest.raises(TransferInterrupted):
            downloader(cache).fetch(remote(server.url + "/x.whl", BIG))
        assert len(server.requests) == 3

    def test_small_files_leave_no_part_behind(self, cache: Cache) -> None:
        with serving({"/x.whl": SMALL}) as server:
            self.interrupted(cache, remote(server.url + "/x.whl"))
        assert not list((cache.root / "v1/tmp").iterdir())


def test_a_full_disk_is_said(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request) -> Reply:
        monkeypatch.setattr("pathlib.Path.open", full)
        return Reply(body=SMALL)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with serving({"/x.whl": answer}) as server, pytest.raises(SourceError) as caught:
        downloader(cache).fetch(remote(server.url + "/x.whl"))
    assert caught.value.message == (
        f"`{NAME}` cannot be written to the cache: No space left on device"
    )
    assert caught.value.hint == "choose another folder with `--cache-dir`"
