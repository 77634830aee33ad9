"""Two installations into one environment wait for each other."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.installation.builders import Listener, World, make_pin, plain_target
from tests.support.wheels import make_wheel
from vinstall.errors import InstallationError
from vinstall.installation.apply import apply, uninstall
from vinstall.installation.environment_lock import lock_environment
from vinstall.target.environment import Target


class TestWaiting:
    def test_the_second_waits_and_says_so(self, tmp_path: Path) -> None:
        target = plain_target(tmp_path)
        order: list[str] = []
        waiting = Listener()

        def second() -> None:
            with lock_environment(target, waiting):
                order.append("second")

        with lock_environment(target, Listener()):
            thread = threading.Thread(target=second)
            thread.start()
            deadline = time.monotonic() + 10
            while not waiting.notices and time.monotonic() < deadline:
                time.sleep(0.005)
            order.append("first")
        thread.join()
        assert order == ["first", "second"]
        assert waiting.notices == [f"waiting for another installation into `{target.prefix}`"]

    def test_nobody_waits_for_another_environment(self, tmp_path: Path) -> None:
        listener = Listener()
        with (
            lock_environment(plain_target(tmp_path / "a"), listener),
            lock_environment(plain_target(tmp_path / "b"), listener),
        ):
            assert listener.notices == []

    def test_two_names_of_one_environment_are_one(self, tmp_path: Path) -> None:
        target = plain_target(tmp_path / "real")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        alias = plain_target(tmp_path / "link")
        with lock_environment(target, Listener()) as first:
            pass
        with lock_environment(alias, Listener()) as second:
            pass
        assert first.site == second.site

    def test_many_installations_at_once_all_arrive(self, tmp_path: Path) -> None:
        world = World(tmp_path)

        def install(number: int) -> None:
            world.install(make_wheel(tmp_path / str(number), f"p{number}"))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(install, range(8)))
        assert len(world.installed()) == 8

    def test_where_folders_cannot_be_locked_a_file_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on network file systems."""
        honest = fcntl.flock

        def flock(handle: int, operation: int) -> None:
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                raise OSError(errno.EBADF, "Bad file descriptor")
            honest(handle, operation)

        monkeypatch.setattr(fcntl, "flock", flock)
        target = plain_target(tmp_path)
        waiting = Listener()
        with lock_environment(target, Listener()):
            assert (target.scheme.purelib / ".vinstall.lock").exists()
            thread = threading.Thread(target=self.take, args=(target, waiting))
            thread.start()
            self.until_told(waiting)
        thread.join(10)
        assert len(waiting.notices) == 1

    def test_a_folder_that_was_removed_meanwhile_is_made_again(self, tmp_path: Path) -> None:
        target = plain_target(tmp_path)
        waiting = Listener()
        with lock_environment(target, Listener()):
            thread = threading.Thread(target=self.take, args=(target, waiting))
            thread.start()
            self.until_told(waiting)
            target.scheme.purelib.rmdir()
        thread.join(10)
        assert waiting.details == ["True"]

    def take(self, target: Target, listener: Listener) -> None:
        with lock_environment(target, listener):
            listener.detail(str(target.scheme.purelib.is_dir()))

    def until_told(self, listener: Listener) -> None:
        deadline = time.monotonic() + 10
        while not listener.notices and time.monotonic() < deadline:
            time.sleep(0.005)


class TestHolding:
    def test_a_lock_that_is_held_is_not_taken_again(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        plan = world.plan(make_pin(make_wheel(tmp_path)))
        stored = world.fetch(plan)
        with lock_environment(world.target, world.listener) as lock:
            apply(plan, stored, world.target, observer=world.listener, lock=lock)
            uninstall([plan.pins[0].name], world.target, observer=world.listener, lock=lock)
        assert world.installed() == {}
        assert world.listener.notices == []

    def test_the_lock_of_another_environment_is_a_mistake(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        plan = world.plan(make_pin(make_wheel(tmp_path)))
        stored = world.fetch(plan)
        other = plain_target(tmp_path / "other")
        with (
            lock_environment(other, world.listener) as lock,
            pytest.raises(ValueError, match="the lock is for"),
        ):
            apply(plan, stored, world.target, observer=world.listener, lock=lock)


class TestFolders:
    def test_a_folder_made_for_nothing_is_removed(self, tmp_path: Path) -> None:
        target = plain_target(tmp_path)
        target.scheme.purelib.rmdir()
        target.scheme.purelib.parent.rmdir()
        with lock_environment(target, Listener()):
            assert target.scheme.purelib.is_dir()
        assert not target.scheme.purelib.parent.exists()

    def test_a_place_that_is_a_file_is_named(self, tmp_path: Path) -> None:
        target = plain_target(tmp_path)
        target.scheme.purelib.rmdir()
        target.scheme.purelib.touch()
        with (
            pytest.raises(InstallationError) as caught,
            lock_environment(target, Listener()),
        ):
            pass
        site = target.scheme.purelib
        assert caught.value.message == f"`{site}` cannot be written: File exists"
        assert caught.value.hint == "use a virtual environment, or `--user`"
