"""Wheels unpacked in processes of their own: the same entries, the same errors, nothing left over."""

from __future__ import annotations

import hashlib
import io
import marshal
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation.archives import WHEEL, archive
from tests.installation.builders import Listener
from tests.support.wheels import make_wheel
from vinstall.cache.files import Cache
from vinstall.cache.store import Store, StoredWheel
from vinstall.installation import unpacker as module
from vinstall.installation.unpack import unpack_wheel
from vinstall.installation.unpack_worker import serve
from vinstall.installation.unpacker import Unpacker
from vinstall.installation.wheel_file import InvalidWheel

MANY = 3


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Cache(tmp_path / "cache").folder("unpacked"))


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def unpacker(store: Store, listener: Listener) -> Iterator[Unpacker]:
    """One with two processes at most; what it leaves behind fails the test."""
    unpacker = Unpacker(store, listener, processes=2)
    yield unpacker
    unpacker.close()
    deadline = time.monotonic() + 10
    while any(thread.name == "unpacker" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a process goes on"
        time.sleep(0.01)
    assert leftovers(store) == []


def leftovers(store: Store) -> list[Path]:
    folder = store.root.parent / "tmp"
    return list(folder.iterdir()) if folder.exists() else []


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unpack(unpacker: Unpacker, *paths: Path) -> list[StoredWheel]:
    """All of them at once, as they would come from downloads."""
    for path in paths:
        unpacker.expect(path.stat().st_size)
    waiting = [unpacker.submit(path, filename=path.name, sha256=sha256(path)) for path in paths]
    return [wait() for wait in waiting]


def comparable(wheel: StoredWheel) -> tuple[object, ...]:
    """All but place and times."""
    groups = [(*group[:5], group.facts[0], group.facts[2]) for group in wheel.groups]
    return (wheel.sha256, wheel.filename, wheel.dist_info, wheel.root, groups, *wheel[6:])


def no_process(*_: object, **__: object) -> None:
    raise AssertionError("a process was started")


class TestProcesses:
    def test_the_entries_are_those_that_are_made_here(
        self, tmp_path: Path, unpacker: Unpacker, store: Store
    ) -> None:
        paths = [
            make_wheel(tmp_path, f"p{number}", files={f"p{number}/a.py": "x = 1\n" * number})
            for number in range(8)
        ]
        found = unpack(unpacker, *paths)
        other = Store(tmp_path / "other" / "unpacked")
        for path, wheel in zip(paths, found, strict=True):
            here = unpack_wheel(
                path, filename=path.name, sha256=sha256(path), store=other, observer=Listener()
            )
            assert comparable(wheel) == comparable(here)
            assert wheel == store.find(wheel.sha256)

    def test_what_makes_a_wheel_invalid_is_said_as_it_is_here(
        self, tmp_path: Path, unpacker: Unpacker
    ) -> None:
        paths = [make_wheel(tmp_path, f"p{number}") for number in range(MANY)]
        damaged = archive(tmp_path, ("a.py", "x"), texts={"WHEEL": "Nothing: 1\n"})
        unpack(unpacker, *paths)
        wait = unpacker.submit(damaged, filename=damaged.name, sha256=sha256(damaged))
        with pytest.raises(InvalidWheel) as caught:
            wait()
        assert caught.value.message == f"`{damaged.name}` is not a valid wheel"
        assert caught.value.context == ("its WHEEL file gives no Wheel-Version",)

    def test_remarks_are_told(self, tmp_path: Path, unpacker: Unpacker, listener: Listener) -> None:
        odd = archive(tmp_path, ("a.py", ""), texts={"WHEEL": WHEEL.replace("1.0", "1.3", 1)})
        unpack(unpacker, odd, *(make_wheel(tmp_path, f"p{number}") for number in range(MANY)))
        assert listener.details == [f"`{odd.name}`: Wheel-Version 1.3 is newer than 1.0"]

    def test_a_few_wheels_are_not_worth_a_process(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subprocess, "Popen", no_process)
        paths = [make_wheel(tmp_path, f"p{number}") for number in range(MANY - 1)]
        assert [wheel.filename for wheel in unpack(unpacker, *paths)] == [p.name for p in paths]

    def test_what_came_before_the_process_is_handed_to_it(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = make_wheel(tmp_path, "first")
        wait = unpacker.submit(first, filename=first.name, sha256=sha256(first))
        monkeypatch.setattr(unpacker, "_unpack", no_process)
        unpack(unpacker, *(make_wheel(tmp_path, f"p{number}") for number in range(MANY)))
        assert wait().filename == first.name

    def test_a_large_wheel_is_shared_out_over_threads(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_LARGE", 1)
        monkeypatch.setattr(module._Worker, "ask", no_process)
        paths = [make_wheel(tmp_path, f"p{number}") for number in range(MANY)]
        assert len(unpack(unpacker, *paths)) == MANY

    @pytest.mark.skipif(os.name != "posix", reason="there is a umask on POSIX only")
    def test_files_get_the_modes_of_this_process(self, tmp_path: Path, unpacker: Unpacker) -> None:
        before = os.umask(0o077)
        try:
            paths = [make_wheel(tmp_path, f"p{number}") for number in range(MANY)]
            wheels = unpack(unpacker, *paths)
        finally:
            os.umask(before)
        groups = [group for wheel in wheels for group in wheel.groups]
        modes = {mode & 0o777 for group in groups for mode in group.facts[2]}
        assert modes == {0o600}


class TestWithoutOne:
    """Where a process fails its wheels do not."""

    def test_where_none_can_be_started(
        self,
        tmp_path: Path,
        unpacker: Unpacker,
        listener: Listener,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
        paths = [make_wheel(tmp_path, f"p{number}") for number in range(MANY + 2)]
        assert [wheel.filename for wheel in unpack(unpacker, *paths)] == [p.name for p in paths]
        assert listener.details == [
            "wheels are unpacked without another process: "
            f"[Errno 2] No such file or directory: '{tmp_path / 'missing'}'"
        ]

    def test_where_it_is_not_known_what_to_start(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", "")
        assert len(unpack(unpacker, *(make_wheel(tmp_path, f"p{n}") for n in range(MANY)))) == MANY

    def test_where_it_ends_at_once(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_CODE", "raise SystemExit(1)  # {path}")
        assert len(unpack(unpacker, *(make_wheel(tmp_path, f"p{n}") for n in range(9)))) == 9

    def test_where_it_talks_nonsense(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_CODE", "print('?')  # {path}")
        assert len(unpack(unpacker, *(make_wheel(tmp_path, f"p{n}") for n in range(9)))) == 9

    def test_where_an_entry_has_gone_again(
        self, tmp_path: Path, unpacker: Unpacker, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load = store.load

        def removing(digest: str) -> StoredWheel | None:
            store.remove(digest)
            return load(digest)

        monkeypatch.setattr(store, "load", removing)
        wheels = unpack(unpacker, *(make_wheel(tmp_path, f"p{n}") for n in range(MANY)))
        assert all(Path(wheel.path).is_dir() for wheel in wheels)


class TestEnd:
    @pytest.mark.skipif(os.name != "posix", reason="signals")
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_no_process_outlives_this_one(self, tmp_path: Path, number: signal.Signals) -> None:
        """Even where it has no time to say good-bye."""
        code = (
            "import os, sys, time\n"
            "from pathlib import Path\n"
            "from vinstall.cache.store import Store\n"
            "from vinstall.installation.unpacker import Unpacker\n"
            "from vinstall.observer import Observer\n"
            "unpacker = Unpacker(Store(Path(sys.argv[1])), Observer(), processes=1)\n"
            "for _ in range(3):\n"
            "    unpacker.expect(1)\n"
            "print(unpacker._workers[0]._process.pid, flush=True)\n"
            "try:\n"
            "    time.sleep(60)\n"
            "finally:\n"
            "    unpacker.close()\n"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "cache" / "unpacked")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
            assert parent.stdout is not None
            worker = int(parent.stdout.readline())
            parent.send_signal(number)
        deadline = time.monotonic() + 10
        while _is_running(worker):
            assert time.monotonic() < deadline, "it goes on"
            time.sleep(0.01)

    def test_after_the_end_nothing_begins(
        self, store: Store, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subprocess, "Popen", no_process)
        unpacker = Unpacker(store, listener, processes=2)
        unpacker.close()
        for _ in range(MANY):
            unpacker.expect(1)

    def test_nothing_is_left_half_unpacked(
        self, tmp_path: Path, store: Store, listener: Listener
    ) -> None:
        files = {f"p/m{number}.bin": os.urandom(1 << 16) for number in range(100)}
        paths = [make_wheel(tmp_path, f"p{number}", files=files) for number in range(MANY)]
        unpacker = Unpacker(store, listener, processes=1)
        for path in paths:
            unpacker.expect(1)
            unpacker.submit(path, filename=path.name, sha256=sha256(path))
        deadline = time.monotonic() + 10
        while not leftovers(store) and time.monotonic() < deadline:
            time.sleep(0.001)
        unpacker.close()
        while any(thread.name == "unpacker" for thread in threading.enumerate()):
            time.sleep(0.01)
        assert leftovers(store) == []


def test_the_process_ends_with_its_input(tmp_path: Path, store: Store) -> None:
    good = make_wheel(tmp_path, "good")
    bad = tmp_path / "bad-1-py3-none-any.whl"
    bad.write_bytes(b"?")
    asked = b"".join(marshal.dumps((str(p), p.name, sha256(p))) for p in (good, bad))
    answers = io.BytesIO()
    serve(io.BytesIO(asked), answers, store, lambda: False)
    answers.seek(0)
    assert (marshal.load(answers), marshal.load(answers)) == ([], None)
    assert store.find(sha256(good)) is not None


def test_and_before_the_next_wheel_once_it_is_told_to(tmp_path: Path, store: Store) -> None:
    path = make_wheel(tmp_path)
    asked = marshal.dumps((str(path), path.name, sha256(path)))
    answers = io.BytesIO()
    serve(io.BytesIO(asked * 2), answers, store, lambda: bool(answers.getvalue()))
    answers.seek(0)
    assert marshal.load(answers) == []
    assert answers.read() == b""


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or ") Z " not in status.read_text()
