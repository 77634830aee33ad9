"""Calls in other threads and in copies of this process."""

from __future__ import annotations

import _thread
import errno
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from vinstall.installation.concurrency import Background, Turns, Twin

forking = pytest.mark.skipif(sys.platform != "linux", reason="processes are not copied here")


class TestBackground:
    def test_it_has_ended_after_waiting(self, tmp_path: Path) -> None:
        background = Background((tmp_path / "made").touch)
        background.wait()
        assert (tmp_path / "made").exists()

    def test_it_raises_what_the_call_raised(self) -> None:
        def fail() -> None:
            raise KeyError("x")

        background = Background(fail)
        with pytest.raises(KeyError, match="x"):
            background.wait()

    def test_without_another_thread_it_is_called_in_this_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(_thread, "start_new_thread", refuse)
        background = Background((tmp_path / "made").touch)
        assert (tmp_path / "made").exists()
        background.wait()


class TestTurns:
    def test_each_is_given_once_whoever_asks(self) -> None:
        taken: list[int] = []
        with Turns(256) as turns:
            others = [Background(lambda: taken.extend(turns)) for _ in range(2)]
            taken.extend(turns)
            for other in others:
                other.wait()
        assert sorted(taken) == list(range(256))

    @forking
    def test_so_it_is_between_processes(self) -> None:
        with Turns(256) as turns:
            twin = Twin(lambda: " ".join(map(str, turns)))
            taken = list(turns)
            taken += map(int, twin.wait().split())
        assert sorted(taken) == list(range(256))

    def test_after_the_end_there_is_none(self) -> None:
        with Turns(256) as turns:
            assert next(iter(turns)) == 0
            turns.end()
            assert list(turns) == []
            turns.end()


@forking
class TestTwin:
    def test_it_has_ended_after_waiting(self, tmp_path: Path) -> None:
        def make() -> str:
            (tmp_path / "made").touch()
            return "all of it"

        twin = Twin(make)
        assert twin.wait() == "all of it"
        assert (tmp_path / "made").exists()

    def test_a_refusal_of_the_system_is_raised_here(self, tmp_path: Path) -> None:
        path = tmp_path / "gone" / "made"
        twin = Twin(lambda: path.read_text("utf-8"))
        with pytest.raises(FileNotFoundError) as caught:
            twin.wait()
        assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(path))

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
    def test_any_other_end_is_a_failure(
        self, capfd: pytest.CaptureFixture[str], error: type[BaseException]
    ) -> None:
        def fail() -> str:
            raise error

        twin = Twin(fail)
        with pytest.raises(OSError, match="a process that put files in place was ended"):
            twin.wait()
        assert capfd.readouterr() == ("", "")

    def test_so_it_is_when_it_is_killed(self) -> None:
        def die() -> str:
            os.kill(os.getpid(), signal.SIGKILL)
            return ""

        twin = Twin(die)
        with pytest.raises(OSError, match="a process that put files in place was ended"):
            twin.wait()

    def test_an_interrupted_wait_ends_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        def late() -> str:
            time.sleep(0.2)
            (tmp_path / "late").touch()
            return ""

        twin = Twin(late)
        monkeypatch.setattr("vinstall.installation.concurrency.open", interrupted, raising=False)
        with pytest.raises(KeyboardInterrupt):
            twin.wait()
        with pytest.raises(ChildProcessError):
            os.waitpid(twin._number, os.WNOHANG)
        os.close(twin._reading)
        assert not (tmp_path / "late").exists()

    def test_no_more_processes_leave_no_handles(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse() -> int:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

        before = len(list(Path("/proc/self/fd").iterdir()))
        monkeypatch.setattr(os, "fork", refuse)
        with pytest.raises(BlockingIOError):
            Twin(lambda: "")
        assert len(list(Path("/proc/self/fd").iterdir())) == before
