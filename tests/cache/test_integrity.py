"""Looks at many files, in a process of their own where that is possible."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vinstall.cache import integrity
from vinstall.cache.integrity import Inspection, can_fork, inspect, is_intact
from vinstall.cache.store import FileGroup, file_group

if TYPE_CHECKING:
    from vinstall.cache.integrity import Tree

COUNT = 1200


def described(folder: Path, source: str) -> FileGroup:
    """The files of a folder below `folder`."""
    files = [path for path in sorted((folder / source).iterdir()) if path.is_file()]
    rows = [(path.name, path.stat()) for path in files]
    facts = [(name, status.st_size, status.st_mtime_ns, status.st_mode) for name, status in rows]
    return file_group("purelib", source, source, facts)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> list[Tree]:
    """Three folders with many files between them."""
    made: list[Tree] = []
    for number in range(3):
        folder = tmp_path_factory.mktemp("tree")
        for source in ("", "pkg/sub"):
            (folder / source).mkdir(parents=True, exist_ok=True)
            for at in range(COUNT // 6):
                (folder / source / f"m{at}.py").write_text("x" * number)
        made.append((str(folder), (described(folder, ""), described(folder, "pkg/sub"))))
    return made


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that are made."""
    made: list[int] = []
    fork = integrity._fork

    def noting(trees: Callable[[], Sequence[Tree]]) -> int | None:
        number = fork(trees)
        made.append(number or 0)
        return number

    # What runs the tests may have a thread of its own, which keeps no lock that is needed here.
    monkeypatch.setattr(integrity, "can_fork", lambda: True)
    monkeypatch.setattr(integrity, "_fork", noting)
    monkeypatch.setattr(integrity, "_MANY", COUNT // 3)
    return made


alone = pytest.mark.skipif(
    sys.platform != "linux" or (os.cpu_count() or 1) < 2, reason="looks are taken one by one here"
)


@alone
class TestAnotherProcess:
    def test_says_that_nothing_was_changed(self, trees: list[Tree], forks: list[int]) -> None:
        folder = Path.cwd()
        assert Inspection(lambda: trees, many=True).passed()
        assert inspect(trees)
        assert len(forks) == 2
        assert Path.cwd() == folder

    def test_shares_the_files_of_one_wheel(
        self, trees: list[Tree], forks: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(integrity, "_MANY", COUNT // 6)
        looked = []
        honest = integrity.is_intact

        def noting(path: str, groups: Sequence[FileGroup]) -> bool:
            looked.append(sum(group.number for group in groups))
            return honest(path, groups)

        monkeypatch.setattr(integrity, "is_intact", noting)
        assert inspect(trees[:1])
        assert looked == [COUNT // 6]
        assert len(forks) == 1

    @pytest.mark.parametrize("tree", [0, 2])
    @pytest.mark.parametrize("file", ["m7.py", "pkg/sub/m7.py"])
    def test_does_not_vouch_for_what_was_changed(
        self, trees: list[Tree], forks: list[int], tree: int, file: str
    ) -> None:
        path = Path(trees[tree][0], file)
        before = path.stat().st_mtime_ns
        os.utime(path, ns=(1, 1))
        try:
            assert not Inspection(lambda: trees, many=True).passed()
            assert not inspect(trees)
        finally:
            os.utime(path, ns=(before, before))
        assert forks

    def test_leaves_none_behind(self, trees: list[Tree], forks: list[int]) -> None:
        Inspection(lambda: trees, many=True).stop()
        with pytest.raises(ChildProcessError):
            os.waitpid(forks[0], os.WNOHANG)

    def test_is_not_believed_when_it_was_ended(self, trees: list[Tree], forks: list[int]) -> None:
        looking = Inspection(lambda: trees, many=True)
        os.kill(forks[0], 9)
        assert looking.passed()  # after a look of its own

    def test_whose_answer_was_taken_by_others_is_not_missed(
        self, trees: list[Tree], forks: list[int]
    ) -> None:
        looking = Inspection(lambda: trees, many=True)
        os.waitpid(forks[0], 0)
        assert looking.passed()


class TestThisProcess:
    def test_few_files_are_looked_at_here(self, trees: list[Tree], forks: list[int]) -> None:
        assert inspect(trees[:1][:0])
        assert forks == []

    def test_so_they_are_beside_a_thread(
        self, trees: list[Tree], forks: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(integrity, "can_fork", can_fork)
        end = threading.Event()
        thread = threading.Thread(target=end.wait)
        thread.start()
        try:
            assert Inspection(lambda: trees, many=True).passed()
        finally:
            end.set()
            thread.join()
        assert forks == []

    def test_a_missing_folder_is_a_change(self, tmp_path: Path, trees: list[Tree]) -> None:
        assert not is_intact(str(tmp_path / "gone"), trees[0][1])
