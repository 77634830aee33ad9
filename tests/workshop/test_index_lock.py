"""Two builds of one index."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from vinstall.observer import Observer
from vinstall.workshop import index_lock as module
from vinstall.workshop.index_build import build_index
from vinstall.workshop.index_lock import index_lock

_LONG = 20.0
"""Seconds after which a test has failed."""


class Listener(Observer):
    """Knows when somebody waits."""

    def __init__(self) -> None:
        self.waits = threading.Event()
        self.heard: list[str] = []

    def notice(self, message: str) -> None:
        self.heard.append(message)
        self.waits.set()


@pytest.fixture(params=["_folder_locked", "_file_locked"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of locking, whatever the system has."""
    way: Callable[..., object] = getattr(module, request.param)
    monkeypatch.setattr(module, "_folder_locked", way)
    monkeypatch.setattr(module, "_file_locked", way)


@pytest.mark.usefixtures("each_way")
def test_the_second_build_waits_and_sees_what_came_meanwhile(tmp_path: Path) -> None:
    make_wheel(tmp_path, "one")
    listener, projects = Listener(), []

    def build() -> None:
        projects.append(build_index(tmp_path, observer=listener).projects)

    thread = threading.Thread(target=build)
    with index_lock(tmp_path, Observer()):
        thread.start()
        assert listener.waits.wait(_LONG)
        make_wheel(tmp_path, "two")
        assert projects == []
    thread.join(_LONG)
    assert projects == [2]
    assert listener.heard == [f"waiting for another build of the index in `{tmp_path}`"]


def test_where_folders_can_be_locked_nothing_is_left(tmp_path: Path) -> None:
    with index_lock(tmp_path, Observer()):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("each_way")
def test_a_build_that_failed_is_waited_for_by_nobody(tmp_path: Path) -> None:
    listener = Listener()
    with pytest.raises(OSError, match="full"), index_lock(tmp_path, listener):
        raise OSError("full")
    with index_lock(tmp_path, listener):
        pass
    assert listener.heard == []


def test_many_builds_at_once_leave_a_whole_index(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        make_wheel(tmp_path, name)
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(build_index(tmp_path))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_LONG)
    assert [report.projects for report in reports] == [3] * 6
    assert sorted(len(report.written) > 0 for report in reports) == [False] * 5 + [True]
