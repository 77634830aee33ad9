"""Wheels unpacked in processes of their own: the same entries, the same errors, nothing left over."""

from __future__ import annotations

import contextlib
import errno
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
from vinstall.cache.integrity import can_fork
from vinstall.cache.store import Store, StoredWheel
from vinstall.installation import unpack_process
from vinstall.installation import unpacker as module
from vinstall.installation.unpack import unpack_wheel
from vinstall.installation.unpack_worker import serve
from vinstall.installation.unpacker import Unpacker
from vinstall.installation.wheel_file import InvalidWheel

MANY = 3
HEAD = """\
import os, sys, time
from pathlib import Path
from vinstall.cache.store import Store
from vinstall.installation.unpacker import Unpacker
from vinstall.observer import Observer
unpacker = Unpacker(Store(Path(sys.argv[1])), Observer(), processes=2)
"""


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

    def test_the_wheel_that_takes_longest_goes_first(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So that at the end no process is busy for long while the others have nothing to do."""
        asked: list[str] = []
        ask = module._Worker.ask

        def asking(worker: module._Worker, task: module._Task | None) -> None:
            asked.extend([task.filename] if task is not None else [])
            ask(worker, task)

        monkeypatch.setattr(module._Worker, "ask", asking)
        monkeypatch.setattr(module, "_AHEAD", 0)
        monkeypatch.setattr(unpacker, "_most", 1)
        small = make_wheel(tmp_path, "small")
        large = make_wheel(tmp_path, "large", files={"large/a.bin": os.urandom(100_000)})
        files = {f"many/m{number}.py": "" for number in range(100)}
        many = make_wheel(tmp_path, "many", files=files)
        paths = [small, large, many]
        waiting = [unpacker.submit(path, filename=path.name, sha256=sha256(path)) for path in paths]
        for path in paths:
            unpacker.expect(path.stat().st_size)
        assert [wait().filename for wait in waiting] == [path.name for path in paths]
        assert asked == [many.name, large.name, small.name]

    def test_a_process_is_given_no_more_than_it_can_be_busy_with(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[int] = []
        hand_out = unpacker._hand_out

        def handing_out() -> None:
            hand_out()
            given.append(max((len(worker._given) for worker in unpacker._workers), default=0))

        monkeypatch.setattr(unpacker, "_hand_out", handing_out)
        monkeypatch.setattr(module, "_AHEAD", 0)
        unpack(unpacker, *(make_wheel(tmp_path, f"p{number}") for number in range(9)))
        assert max(given) == 1

    def test_a_large_wheel_is_shared_out_over_threads(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_LARGE", 1)
        monkeypatch.setattr(module._Worker, "done", no_process)
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


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux only")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is one core")
class TestCopies:
    """Of this process, made before it has threads; they need not load what is loaded already."""

    @pytest.fixture(autouse=True)
    def alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Threads that other tests left behind wait for nothing that a copy needs."""
        monkeypatch.setattr(unpack_process, "can_fork", lambda: True)

    def test_they_unpack(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subprocess, "Popen", no_process)
        monkeypatch.setattr(unpacker, "_unpack", no_process)
        unpacker.prepare()
        unpacker.prepare()
        assert len(unpacker._spare) == 2
        paths = [make_wheel(tmp_path, f"p{number}") for number in range(9)]
        assert [wheel.filename for wheel in unpack(unpacker, *paths)] == [p.name for p in paths]

    def test_not_every_core_gets_one_on_a_guess(self, store: Store, listener: Listener) -> None:
        unpacker = Unpacker(store, listener, processes=8)
        unpacker.prepare()
        assert len(unpacker._spare) == 2
        unpacker.close()

    def test_one_that_is_idle_is_lent(
        self, store: Store, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unpacker = Unpacker(store, listener, processes=2)
        unpacker.prepare()
        copies = list(unpacker._spare)
        unpacker.expect(99_999_999)  # to be unpacked by whoever asks for one
        lent = [unpacker.lend() for _ in range(3)]
        assert lent[:2] == copies[::-1]
        unpacker.expect(1)
        unpacker.close()
        for process in lent:
            process.requests.close()
            process.answers.close()
            process.wait()

    def test_there_are_none_of_a_process_with_threads(
        self, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(unpack_process, "can_fork", can_fork)
        stay = threading.Event()
        thread = threading.Thread(target=stay.wait)
        thread.start()
        unpacker.prepare()
        stay.set()
        thread.join()
        assert unpacker._spare == []

    def test_where_there_can_be_none_the_wheels_are_unpacked_here(
        self,
        tmp_path: Path,
        unpacker: Unpacker,
        listener: Listener,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refused() -> int:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

        monkeypatch.setattr(os, "fork", refused)
        before = set(os.listdir("/proc/self/fd"))
        unpacker.prepare()
        assert set(os.listdir("/proc/self/fd")) == before
        assert len(unpack(unpacker, *(make_wheel(tmp_path, f"p{n}") for n in range(MANY)))) == MANY
        assert listener.details == [
            "wheels are unpacked without another process: "
            f"[Errno {errno.EAGAIN}] Resource temporarily unavailable"
        ]

    def test_what_was_not_written_yet_is_written_once(self, tmp_path: Path) -> None:
        code = HEAD + (
            "print('once')\n"
            "unpacker.prepare()\n"
            "assert len(unpacker._spare) == 2\n"
            "unpacker.close()\n"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "cache" / "unpacked")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("once\n", "")

    def test_they_hold_no_file_and_no_lock_of_this_process(
        self, tmp_path: Path, unpacker: Unpacker
    ) -> None:
        import fcntl

        with (tmp_path / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            unpacker.prepare()
        wait = [make_wheel(tmp_path, f"p{number}") for number in range(2)]
        unpack(unpacker, *wait)  # each of them has begun
        with (tmp_path / "lock").open("w") as free:
            fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for worker in unpacker._workers:
            files = Path(f"/proc/{worker.process.pid}/fd")
            assert {name.name for name in files.iterdir()} == {"0", "1", "2"}

    def test_one_that_somebody_else_waited_for_is_let_go(
        self, tmp_path: Path, unpacker: Unpacker
    ) -> None:
        unpacker.prepare()
        unpack(unpacker, *(make_wheel(tmp_path, f"p{number}") for number in range(MANY)))
        worker = unpacker._workers[0]
        os.kill(worker.process.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(worker.process.pid, 0)
        unpacker.close()  # the fixture sees that every thread ends

    def test_they_hear_no_interrupt_from_the_terminal(
        self, tmp_path: Path, unpacker: Unpacker
    ) -> None:
        unpacker.prepare()
        unpack(unpacker, *(make_wheel(tmp_path, f"p{number}") for number in range(MANY)))
        for worker in unpacker._workers:
            assert os.getpgid(worker.process.pid) == worker.process.pid


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

    def test_where_there_can_be_no_thread_for_it(
        self,
        tmp_path: Path,
        unpacker: Unpacker,
        listener: Listener,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refused(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        path = make_wheel(tmp_path, "first")
        wait = unpacker.submit(path, filename=path.name, sha256=sha256(path))
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refused)
            for _ in range(MANY):
                unpacker.expect(1)
        assert unpacker._workers == []
        assert wait().filename == path.name
        assert listener.details == [
            "wheels are unpacked without another process: can't start new thread"
        ]

    def test_where_it_is_not_known_what_to_start(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", "")
        assert len(unpack(unpacker, *(make_wheel(tmp_path, f"p{n}") for n in range(MANY)))) == MANY

    def test_where_it_ends_at_once(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(unpack_process, "_CODE", "raise SystemExit(1)  # {path}")
        assert len(unpack(unpacker, *(make_wheel(tmp_path, f"p{n}") for n in range(9)))) == 9

    def test_where_it_talks_nonsense(
        self, tmp_path: Path, unpacker: Unpacker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(unpack_process, "_CODE", "print('?')  # {path}")
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
    @pytest.mark.parametrize("beginning", ["unpacker.prepare()", "unpacker.expect(99999999)"])
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_no_process_outlives_this_one(
        self, tmp_path: Path, number: signal.Signals, beginning: str
    ) -> None:
        """Even where it has no time to say good-bye."""
        code = HEAD + (
            "for _ in range(4):\n"
            f"    {beginning}\n"
            "try:\n"
            "    workers = [worker.process for worker in unpacker._workers]\n"
            "    print(*(one.pid for one in workers + unpacker._spare), flush=True)\n"
            "    time.sleep(60)\n"
            "finally:\n"
            "    unpacker.close()\n"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "cache" / "unpacked")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
            assert parent.stdout is not None
            workers = list(map(int, parent.stdout.readline().split()))
            parent.send_signal(number)
        assert workers
        deadline = time.monotonic() + 10
        while any(map(_is_running, workers)):
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
    asked = marshal.dumps(None)  # there will be some
    asked += b"".join(marshal.dumps((str(p), p.name, sha256(p))) for p in (good, bad))
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
