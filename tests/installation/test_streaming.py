"""A large wheel, unpacked while it arrives: the same as from the whole file, or nothing."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
import signal
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.installation.archives import archive, patched
from tests.installation.builders import Listener, make_pin, tree
from tests.support.server import Reply, Request, serving
from tests.support.wheels import make_wheel
from vinstall.cache.files import Cache
from vinstall.cache.store import Store, StoredWheel, file_group
from vinstall.errors import HashMismatch, InstallationError, NetworkError
from vinstall.installation.arriving_file import ArrivingFile, EarlyFile
from vinstall.installation.fetch import fetch_wheels
from vinstall.installation.follower import shared_out
from vinstall.installation.plan import Plan
from vinstall.installation.streaming import Following, Queue
from vinstall.installation.unpack import unpack_wheel
from vinstall.installation.unpack_process import Process, begin_process
from vinstall.installation.unpack_worker import serve
from vinstall.installation.unpacker import Unpacker
from vinstall.installation.wheel_file import InvalidWheel, Member
from vinstall.net.client import HttpClient
from vinstall.net.network_settings import NetworkSettings
from vinstall.observer import Observer
from vinstall.resolution.model import Pin
from vinstall.selection.release import Wheel
from vinstall.sources.file_reader import CachedFileReader
from vinstall.sources.source import FetchedFile, Follow
from vinstall.values import replace

NAME = "demo-1.0-py3-none-any.whl"
RNG = random.Random(5)
FILES: dict[str, str | bytes] = {
    "demo/__init__.py": "VERSION = 1\n",
    "demo/large.so": RNG.randbytes(3 << 20),
    "demo/zeros.bin": bytes(9 << 20),
    **{f"demo/part{at}/data.bin": RNG.randbytes(1 << 18) for at in range(20)},
    "demo-1.0.data/scripts/run": "#!python\nprint(1)\n",
}


@pytest.fixture(autouse=True)
def worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vinstall.sources.arrival.WORTH_FOLLOWING", 1 << 20)
    monkeypatch.setattr("vinstall.installation.fetch.WORTH_FOLLOWING", 1 << 20)
    monkeypatch.setattr("vinstall.installation.streaming._PART", 1 << 20)
    monkeypatch.setattr("vinstall.installation.unpacker.begin_process", in_a_thread)


def in_a_thread(root: Path) -> Process:
    """What a process does; here, what a test has replaced is replaced for it, too."""
    reading, requests = os.pipe()
    answers, writing = os.pipe()

    def work() -> None:
        with open(reading, "rb") as asked, suppress(EOFError, OSError), open(writing, "wb") as said:
            serve(asked, said, Store(root), lambda: False)

    thread = threading.Thread(target=work)
    thread.start()
    return Process(0, open(requests, "wb"), open(answers, "rb"), lambda: None, thread.join)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    points = "[console_scripts]\ndemo = demo:main\n"
    return make_wheel(tmp_path_factory.mktemp("wheel"), files=FILES, entry_points=points)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Cache(tmp_path / "cache").folder("unpacked"))


def left_behind(store: Store) -> list[str]:
    """What is in the store and beside it, incomplete entries included."""
    folders = (store.root, store.root.parent / "tmp")
    return [str(path) for folder in folders for path in folder.rglob("*") if path.is_file()]


class Bringing:
    """A file that is brought piece by piece; `early` is where parts are read from."""

    def __init__(self, folder: Path, whole: Path, *, early: bytes | None = b"") -> None:
        self.path = folder / "arriving"
        self.path.touch()
        self.content = whole.read_bytes()
        self.size = len(self.content)
        self.early = self.content if early == b"" else early
        self.asked: list[tuple[int, int]] = []
        self.there = 0
        self._ended = False
        self._news = threading.Condition()

    def wait(self, place: int) -> bool:
        with self._news:
            assert self._news.wait_for(lambda: self.there >= place or self._ended, timeout=20)
            return self.there >= place

    def read_early(self, start: int, length: int) -> bytes | None:
        self.asked.append((start, length))
        return None if self.early is None else self.early[start : start + length]

    def bring(self, place: int | None = None) -> None:
        """Everything before `place` is there from now on."""
        place = self.size if place is None else place
        with self._news:
            with self.path.open("ab") as file:
                file.write(self.content[self.there : place])
            self.there = place
            self._news.notify_all()

    def end(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify_all()

    def fetched(self) -> FetchedFile:
        """The complete file."""
        return FetchedFile(path=self.path, sha256=hashlib.sha256(self.content).hexdigest())


def follow(
    bringing: Bringing, store: Store, observer: Observer | None = None
) -> StoredWheel | None:
    """The wheel, brought in many steps."""
    with Following(
        store, NAME, observer or Listener(), begin=Unpacker(store, Observer()).lend, processes=2
    ) as following:
        following.follow(bringing)
        for place in range(0, bringing.size, 300_000):
            bringing.bring(place)
        bringing.bring()
        return following.finish(bringing.fetched())


def without_times(wheel: StoredWheel) -> StoredWheel:
    groups = []
    for group in wheel.groups:
        rows = [(name, size, 0, mode) for name, size, _, mode in group.rows()]
        groups.append(file_group(*group[:3], rows))
    return wheel._replace(groups=tuple(groups), path="")


class TestTheSameAsFromTheWholeFile:
    def test_entry_and_files(self, tmp_path: Path, store: Store, wheel: Path) -> None:
        bringing = Bringing(tmp_path, wheel)
        streamed = follow(bringing, store)
        assert streamed is not None
        other = Store(Cache(tmp_path / "other").folder("unpacked"))
        whole = unpack_wheel(
            wheel,
            filename=NAME,
            sha256=bringing.fetched().sha256,
            store=other,
            observer=Listener(),
        )
        assert without_times(streamed) == without_times(whole)
        assert tree(Path(streamed.path)) == tree(Path(whole.path))
        assert store.find(streamed.sha256) == streamed

    def test_one_whose_dist_info_comes_first(self, tmp_path: Path, store: Store) -> None:
        """Then more than the end is read early."""
        source = make_wheel(tmp_path / "source", files={**FILES, "demo/x": RNG.randbytes(4 << 20)})
        path = tmp_path / NAME
        with (
            zipfile.ZipFile(source) as old,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            names = sorted(old.namelist(), key=lambda name: ".dist-info" not in name)
            for name in names:
                new.writestr(name, old.read(name))
        bringing = Bringing(tmp_path, path)
        assert follow(bringing, store) is not None
        assert len(bringing.asked) == 2
        assert bringing.asked[1][0] == 0

    def test_remarks_are_passed_on(self, tmp_path: Path, store: Store) -> None:
        text = "Wheel-Version: 1.9\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        path = archive(tmp_path / "source", ("demo/a.py", "1"), texts={"WHEEL": text})
        listener = Listener()
        assert follow(Bringing(tmp_path, path), store, listener) is not None
        assert listener.details == [f"`{NAME}`: Wheel-Version 1.9 is newer than 1.0"]


class TestBeforeTheEnd:
    def test_members_are_unpacked_when_they_are_there(
        self, tmp_path: Path, store: Store, wheel: Path
    ) -> None:
        bringing = Bringing(tmp_path, wheel)
        with Following(
            store, NAME, Listener(), begin=Unpacker(store, Observer()).lend, processes=2
        ) as following:
            following.follow(bringing)
            bringing.bring(bringing.size // 2)
            folder = store.root.parent / "tmp"
            for _ in range(1000):
                if list(folder.glob("*/files/demo/large.so")):
                    break
                threading.Event().wait(0.01)
            assert (next(folder.glob("*/files/demo/__init__.py"))).read_text() == "VERSION = 1\n"
            assert not list(store.root.rglob("manifest"))
            bringing.bring()
            assert following.finish(bringing.fetched()) is not None

    def test_a_download_that_fails_leaves_nothing(
        self, tmp_path: Path, store: Store, wheel: Path
    ) -> None:
        bringing = Bringing(tmp_path, wheel)

        def fail() -> None:
            with Following(
                store, NAME, Listener(), begin=Unpacker(store, Observer()).lend, processes=2
            ) as following:
                following.follow(bringing)
                bringing.bring(bringing.size // 2)
                bringing.end()
                raise NetworkError("gone")

        with pytest.raises(NetworkError):
            fail()
        assert left_behind(store) == []

    def test_one_that_nobody_finishes_leaves_nothing(
        self, tmp_path: Path, store: Store, wheel: Path
    ) -> None:
        bringing = Bringing(tmp_path, wheel)
        with Following(
            store, NAME, Listener(), begin=Unpacker(store, Observer()).lend, processes=2
        ) as following:
            following.follow(bringing)
            bringing.bring()
        assert left_behind(store) == []

    def test_where_nothing_was_followed_there_is_nothing(self, store: Store, wheel: Path) -> None:
        with Following(
            store, NAME, Listener(), begin=Unpacker(store, Observer()).lend, processes=2
        ) as following:
            assert following.finish(FetchedFile(path=wheel, sha256="0" * 64)) is None


class TestRefusals:
    """Whatever is odd: nothing of it is kept, and the whole file decides."""

    def refused(self, bringing: Bringing, store: Store) -> str:
        listener = Listener()
        assert follow(bringing, store, listener) is None
        assert left_behind(store) == []
        (detail,) = listener.details
        prefix = f"`{NAME}` is unpacked from the whole file: "
        assert detail.startswith(prefix)
        return detail.removeprefix(prefix)

    def test_an_end_that_cannot_be_read_early(
        self, tmp_path: Path, store: Store, wheel: Path
    ) -> None:
        bringing = Bringing(tmp_path, wheel, early=None)
        assert self.refused(bringing, store) == "its end cannot be read before the rest"

    def test_an_end_of_another_wheel_that_would_fit(self, tmp_path: Path, store: Store) -> None:
        """Its members are those of the body, each with the right checksum and hash."""
        path = archive(tmp_path / "a", ("demo/a.py", "1"), ("demo/b.py", "2"))
        copy = Path(shutil.copy(path, tmp_path / NAME))
        lie = patched(copy, (b"\xa4\x81", b"\xed\x81")).read_bytes()  # all can be executed
        bringing = Bringing(tmp_path, path, early=lie)
        assert self.refused(bringing, store) == "its end is not what was read of it first"

    def test_a_directory_that_is_none(self, tmp_path: Path, store: Store, wheel: Path) -> None:
        lie = b"x" * wheel.stat().st_size
        self.refused(Bringing(tmp_path, wheel, early=lie), store)

    def test_a_member_with_a_wrong_checksum(self, tmp_path: Path, store: Store) -> None:
        path = make_wheel(tmp_path / "a", files=FILES, compression=zipfile.ZIP_STORED)
        data = bytearray(path.read_bytes())
        data[data.index(b"VERSION = 1")] ^= 1
        path.write_bytes(data)
        bringing = Bringing(tmp_path, path)
        assert self.refused(bringing, store) == "`demo/__init__.py` fails its checksum"
        with pytest.raises(InvalidWheel) as caught:
            unpack_wheel(path, filename=NAME, sha256="0" * 64, store=store, observer=Listener())
        assert caught.value.context == ("`demo/__init__.py` fails its checksum",)

    def test_a_body_that_never_comes(self, tmp_path: Path, store: Store, wheel: Path) -> None:
        listener = Listener()
        bringing = Bringing(tmp_path, wheel)
        with Following(
            store, NAME, listener, begin=Unpacker(store, Observer()).lend, processes=2
        ) as following:
            following.follow(bringing)
            bringing.bring(1000)
            bringing.end()
            assert following.finish(bringing.fetched()) is None
        assert left_behind(store) == []

    def test_a_full_disk(
        self, tmp_path: Path, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*args: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("vinstall.installation.follower.unpack_from", full)
        assert self.refused(Bringing(tmp_path, wheel), store) == "No space left on device"

    def test_a_fault_of_ours_is_left_to_the_whole_file_to_meet(
        self, tmp_path: Path, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def wrong(*args: object) -> None:
            raise AssertionError("a bug")

        monkeypatch.setattr("vinstall.installation.follower.unpack_from", wrong)
        assert self.refused(Bringing(tmp_path, wheel), store) == "a bug"

    @pytest.mark.parametrize("which", [1, 2])
    def test_a_process_that_cannot_be_begun(
        self,
        tmp_path: Path,
        store: Store,
        wheel: Path,
        monkeypatch: pytest.MonkeyPatch,
        which: int,
    ) -> None:
        begun: list[Path] = []

        def begin(root: Path) -> Process:
            begun.append(root)
            if len(begun) == which:
                raise OSError(errno.EAGAIN, "there are too many")
            return in_a_thread(root)

        monkeypatch.setattr("vinstall.installation.unpacker.begin_process", begin)
        assert self.refused(Bringing(tmp_path, wheel), store) == "there are too many"

    def test_a_process_that_ends_in_the_middle(
        self, tmp_path: Path, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def end(*args: object) -> None:
            raise EOFError

        monkeypatch.setattr("vinstall.installation.follower.unpack_from", end)
        reason = "the process that unpacks it has ended"
        assert self.refused(Bringing(tmp_path, wheel), store) == reason

    @pytest.mark.parametrize(
        ("call", "error", "reason"),
        [
            (
                "vinstall.cache.store.Store.begin",
                OSError(errno.EROFS, "Read-only file system"),
                "Read-only file system",
            ),
            (
                "concurrent.futures.ThreadPoolExecutor.submit",
                RuntimeError("can't start new thread"),
                "can't start new thread",
            ),
        ],
    )
    def test_what_the_system_does_not_allow(
        self,
        tmp_path: Path,
        store: Store,
        wheel: Path,
        monkeypatch: pytest.MonkeyPatch,
        call: str,
        error: Exception,
        reason: str,
    ) -> None:
        def refused(*_: object) -> None:
            raise error

        monkeypatch.setattr(call, refused)
        assert self.refused(Bringing(tmp_path, wheel), store) == reason


class TestProcesses:
    def test_they_do_the_same_as_threads(
        self, tmp_path: Path, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun: list[Process] = []

        def begin(root: Path) -> Process:
            begun.append(begin_process(root))
            return begun[-1]

        monkeypatch.setattr("vinstall.installation.unpacker.begin_process", begin)
        bringing = Bringing(tmp_path, wheel)
        streamed = follow(bringing, store)
        assert streamed is not None
        assert store.find(streamed.sha256) == streamed
        assert Path(streamed.path, "demo/large.so").read_bytes() == FILES["demo/large.so"]
        assert len(begun) == 2
        for process in begun:
            with pytest.raises(ProcessLookupError):
                os.kill(process.pid, 0)

    def test_one_that_is_killed(
        self, tmp_path: Path, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def begin(root: Path) -> Process:
            process = begin_process(root)
            os.kill(process.pid, signal.SIGKILL)
            return process

        monkeypatch.setattr("vinstall.installation.unpacker.begin_process", begin)
        assert follow(Bringing(tmp_path, wheel), store) is None
        assert left_behind(store) == []

    def test_where_there_are_no_links_the_wheel_is_read_where_it_lies(
        self, tmp_path: Path, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def link(*args: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr("vinstall.installation.streaming.os.link", link)
        assert follow(Bringing(tmp_path, wheel), store) is not None

    def test_they_read_it_wherever_it_is_moved(
        self, tmp_path: Path, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moved = threading.Event()

        def begin(root: Path) -> Process:
            assert moved.wait(20)
            return in_a_thread(root)

        monkeypatch.setattr("vinstall.installation.unpacker.begin_process", begin)
        bringing = Bringing(tmp_path, wheel)
        with Following(
            store, NAME, Listener(), begin=Unpacker(store, Observer()).lend, processes=2
        ) as following:
            following.follow(bringing)
            bringing.bring()
            bringing.path = bringing.path.rename(tmp_path / "whole")
            moved.set()
            stored = following.finish(bringing.fetched())
        assert stored is not None
        assert sorted(path.name for path in stored.entry.iterdir()) == ["files", "manifest"]


class TestFiles:
    def test_reading_waits(self, tmp_path: Path, wheel: Path) -> None:
        bringing = Bringing(tmp_path, wheel)
        file = ArrivingFile(bringing)
        assert file.seek(10) == 10
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(file.read, 100)
            bringing.bring(50)
            assert not reading.done()
            bringing.bring(200)
            assert reading.result(timeout=10) == bringing.content[10:110]
        assert file.read(5) == bringing.content[110:115]

    def test_at_the_end_less_is_read(self, tmp_path: Path, wheel: Path) -> None:
        bringing = Bringing(tmp_path, wheel)
        bringing.bring()
        file = ArrivingFile(bringing)
        file.seek(bringing.size - 3)
        assert file.read(10) == bringing.content[-3:]
        assert file.read(10) == b""

    def test_early_parts_are_read_once(self, tmp_path: Path, wheel: Path) -> None:
        bringing = Bringing(tmp_path, wheel)
        file = EarlyFile(bringing)
        for start in (bringing.size - 50, 0, 20, bringing.size - 100):
            file.seek(start)
            assert file.read(30) == bringing.content[start : start + 30]
        assert len(bringing.asked) == 2
        assert file.seek(-5, os.SEEK_CUR) == file.tell() == bringing.size - 75
        assert file.seek(0, os.SEEK_END) == bringing.size
        assert file.read(1) == b""
        with pytest.raises(OSError, match="in front of the file"):
            file.seek(-bringing.size - 1, os.SEEK_END)

    def test_not_everything_is_read_early(
        self, tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vinstall.installation.arriving_file._MOST_EARLY", 300_000)
        file = EarlyFile(Bringing(tmp_path, wheel))
        file.seek(0)
        with pytest.raises(OSError, match="too much would have to be read early"):
            file.read(10)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[CachedFileReader]:
    client = HttpClient(
        NetworkSettings(retries=2),
        environ={"HOME": "/nonexistent"},
        sleep=lambda seconds: None,
    )
    yield CachedFileReader(client, Cache(tmp_path / "cache"))
    client.close()


class Counting:
    """Counts how often a wheel was unpacked from the whole file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0

        def counted(*args: object, **words: object) -> StoredWheel:
            self.calls += 1
            return unpack_wheel(*args, **words)  # type: ignore[arg-type]

        monkeypatch.setattr("vinstall.installation.unpack.unpack_wheel", counted)


class TestFromAServer:
    def pin(self, wheel: Path, url: str, *, hashed: bool = True) -> Pin:
        return self.changed(make_pin(wheel, hashed=hashed), url=f"{url}/{wheel.name}")

    def changed(self, pin: Pin, **fields: Any) -> Pin:
        """A pin whose file is listed in another way."""
        artifact = pin.choice.artifact
        assert isinstance(artifact, Wheel)
        artifact = artifact._replace(file=artifact.file._replace(**fields))
        return replace(pin, choice=replace(pin.choice, artifact=artifact))

    def fetch(self, pin: Pin, reader: CachedFileReader, store: Store) -> StoredWheel:
        return fetch_wheels(Plan(install=(pin,)), reader, store, Listener())[pin.name]

    def test_it_is_asked_for_once_and_its_end_before(
        self, reader: CachedFileReader, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counting = Counting(monkeypatch)
        with serving(wheel.parent) as server:
            stored = self.fetch(self.pin(wheel, server.url), reader, store)
            size = wheel.stat().st_size
            assert sorted(str(one.range) for one in server.requests) == [
                "None",
                f"bytes={size - (256 << 10)}-{size - 1}",
            ]
        assert counting.calls == 0
        assert store.find(stored.sha256) == stored
        assert Path(stored.path, "demo/large.so").read_bytes() == FILES["demo/large.so"]

    def test_one_without_a_promised_hash_as_well(
        self, reader: CachedFileReader, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counting = Counting(monkeypatch)
        with serving(wheel.parent) as server:
            pin = self.pin(wheel, server.url, hashed=False)
            assert self.fetch(pin, reader, store) == self.fetch(pin, reader, store)
        assert counting.calls == 0

    def test_a_server_that_cuts_no_files(
        self, reader: CachedFileReader, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counting = Counting(monkeypatch)
        with serving(wheel.parent, ranges=False) as server:
            stored = self.fetch(self.pin(wheel, server.url), reader, store)
            assert len(server.requests) == 1
        assert counting.calls == 1
        assert store.find(stored.sha256) == stored

    def test_a_server_that_only_says_that_it_cuts_files(
        self, reader: CachedFileReader, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counting = Counting(monkeypatch)
        # More of it is read first than one request is worth.
        monkeypatch.setattr("vinstall.installation.arriving_file._LEAST_TAIL", 1 << 20)
        whole = Reply(body=wheel.read_bytes(), headers={"Accept-Ranges": "bytes"})
        with serving({f"/{wheel.name}": whole}, ranges=False) as server:
            stored = self.fetch(self.pin(wheel, server.url), reader, store)
            assert len(server.requests) == 1 + 4
        assert counting.calls == 1
        assert store.find(stored.sha256) == stored

    def test_a_wrong_hash_leaves_nothing(
        self, reader: CachedFileReader, store: Store, wheel: Path
    ) -> None:
        with serving(wheel.parent) as server:
            pin = self.changed(self.pin(wheel, server.url), hashes=(("sha256", "0" * 64),))
            with pytest.raises(HashMismatch):
                self.fetch(pin, reader, store)
        assert [path for path in left_behind(store) if not path.endswith(".lock")] == []

    def test_a_connection_that_breaks_is_gone_on_with(
        self, reader: CachedFileReader, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counting = Counting(monkeypatch)
        content = wheel.read_bytes()

        def reply(request: Request) -> Reply:
            first = request.range is None
            return Reply(body=content, failures=9 if first else 0, cut=2_000_000)

        with serving({f"/{wheel.name}": reply}) as server:
            stored = self.fetch(self.pin(wheel, server.url), reader, store)
            assert "bytes=2000000-" in [one.range for one in server.requests]
        assert counting.calls == 0
        assert store.find(stored.sha256) == stored

    def test_a_file_that_changes_between_two_parts_is_unpacked_as_what_it_is_in_the_end(
        self,
        reader: CachedFileReader,
        store: Store,
        wheel: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        counting = Counting(monkeypatch)
        old = make_wheel(tmp_path, files={**FILES, "demo/old.py": "1"}).read_bytes()
        new = wheel.read_bytes()

        def reply(request: Request) -> Reply:
            goes_on = (request.range or "").endswith("-")
            first = request.range is None
            return Reply(body=new if goes_on else old, failures=9 if first else 0, cut=2_000_000)

        with serving({f"/{wheel.name}": reply}) as server:
            pin = self.changed(self.pin(wheel, server.url), size=None)
            stored = self.fetch(pin, reader, store)
        assert counting.calls == 1
        assert store.find(stored.sha256) == stored
        assert not Path(stored.path, "demo/old.py").exists()

    def test_a_disk_that_is_full_is_told_as_ever(
        self, reader: CachedFileReader, store: Store, wheel: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*args: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("vinstall.installation.inflate.os.write", full)
        with serving(wheel.parent) as server, pytest.raises(InstallationError) as caught:
            self.fetch(self.pin(wheel, server.url), reader, store)
        assert caught.value.message == f"`{NAME}` could not be unpacked: No space left on device"
        assert not list(store.root.rglob("manifest"))

    def test_interrupted_in_the_middle_nothing_is_in_the_store(
        self, store: Store, wheel: Path, tmp_path: Path
    ) -> None:
        class Interrupted:
            def download(self, file: object, *, follow: Follow | None = None) -> FetchedFile:
                bringing = Bringing(tmp_path, wheel)
                assert follow is not None
                follow(bringing)
                bringing.bring(bringing.size // 2)
                bringing.end()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetch_wheels(
                Plan(install=(self.pin(wheel, "https://x.example"),)),
                Interrupted(),  # type: ignore[arg-type]
                store,
                Listener(),
            )
        assert left_behind(store) == []


class TestOrder:
    """As in the archive, but what is large as soon as it begins to arrive."""

    def members(self, *sizes: int) -> list[Member]:
        found, offset = [], 0
        for at, size in enumerate(sizes):
            found.append(
                Member(
                    name=f"m{at}",
                    scheme="purelib",
                    destination=f"m{at}",
                    offset=offset,
                    header=32,
                    compressed=size,
                    size=size,
                    method=0,
                    crc=0,
                    executable=False,
                    digest="",
                )
            )
            offset += size + 32
        return found

    def queue(
        self, members: list[Member], bringing: Bringing
    ) -> tuple[Queue, Callable[[], int | None]]:
        spans = [(batch[0].offset, batch[0].compressed) for batch in shared_out(members)]
        queue = Queue(spans, bringing)
        return queue, lambda: queue.exchange(None, b"")

    def taken(self, wheel: Path, tmp_path: Path, there: int) -> list[list[str]]:
        mib = 1 << 20
        members = self.members(300_000, 800_000, mib, 20 * mib, 5 * mib, 9 * mib)
        bringing = Bringing(tmp_path, wheel)
        bringing.there = there
        shares = shared_out(members)
        _, take = self.queue(members, bringing)
        return [[member.name for member in shares[at]] for at in iter(take, None)]

    def test_while_nothing_is_there_it_is_that_of_the_archive(
        self, wheel: Path, tmp_path: Path
    ) -> None:
        order = [["m0", "m1"], ["m2"], ["m3"], ["m4"], ["m5"]]
        assert self.taken(wheel, tmp_path, 0) == order

    def test_the_large_ones_come_first_once_they_arrive(self, wheel: Path, tmp_path: Path) -> None:
        order = [["m3"], ["m0", "m1"], ["m2"], ["m4"], ["m5"]]
        assert self.taken(wheel, tmp_path, 7 << 20) == order
        order = [["m3"], ["m5"], ["m0", "m1"], ["m2"], ["m4"]]
        assert self.taken(wheel, tmp_path, 99 << 20) == order

    def test_after_a_failure_nothing_is_taken(self, wheel: Path, tmp_path: Path) -> None:
        queue, take = self.queue(self.members(1, 9 << 20), Bringing(tmp_path, wheel))
        queue.close()
        assert take() is None

    def test_what_became_of_them_is_kept_in_order(self, wheel: Path, tmp_path: Path) -> None:
        queue, take = self.queue(self.members(9 << 20, 9 << 20), Bringing(tmp_path, wheel))
        assert (take(), take()) == (0, 1)
        assert queue.exchange(1, b"b") is None
        assert queue.exchange(0, b"a") is None
        assert queue.collect() == [b"a", b"b"]
