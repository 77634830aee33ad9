"""Files of the store into folders, by every mode."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.cache.store import file_group, file_groups
from vinstall.installation import transfer as transferring
from vinstall.installation.copying import clone_file
from vinstall.installation.linking import LinkMode, default_link_mode
from vinstall.installation.transfer import Linker, NewFile, Transfer


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.py").write_text("a")
    (folder / "run").write_text("run")
    (folder / "run").chmod(0o755)
    os.utime(folder / "a.py", ns=(10**18, 10**18))
    return folder


def transfer(source: Path, target: Path) -> Transfer:
    rows = []
    for path in sorted(source.iterdir()):
        status = path.stat()
        rows.append((path.name, status.st_size, status.st_mtime_ns, status.st_mode))
    return Transfer(f"{source}/", f"{target}/", file_group("purelib", "", "", rows))


def transfers(source: Path, target: Path) -> list[Transfer]:
    """The same in several."""
    whole = transfer(source, target)
    groups = file_groups({("purelib", "", ""): list(whole.group.rows())})
    return [whole._replace(group=group) for group in groups]


def same_file(source: Path, target: Path) -> bool:
    return (source / "a.py").stat().st_ino == (target / "a.py").lstat().st_ino


class TestModes:
    def test_hard_links_share_the_file(self, source: Path, tmp_path: Path) -> None:
        target = tmp_path / "deep" / "target"
        linker = Linker(LinkMode.HARDLINK)
        linker.run([transfer(source, target)])
        assert same_file(source, target)
        assert linker.mode == LinkMode.HARDLINK

    def test_copies_are_apart_and_keep_the_mode(self, source: Path, tmp_path: Path) -> None:
        target = tmp_path / "target"
        Linker(LinkMode.COPY).run([transfer(source, target)])
        assert not same_file(source, target)
        assert (target / "a.py").read_text() == "a"
        assert os.access(target / "run", os.X_OK)
        assert not os.access(target / "a.py", os.X_OK)
        assert (target / "a.py").stat().st_mtime_ns != 10**18

    def test_copies_keep_times_for_bytecode(self, source: Path, tmp_path: Path) -> None:
        target = tmp_path / "target"
        Linker(LinkMode.COPY, keep_times=True).run([transfer(source, target)])
        assert (target / "a.py").stat().st_mtime_ns == 10**18

    def test_symbolic_links_lead_to_the_store(self, source: Path, tmp_path: Path) -> None:
        target = tmp_path / "target"
        Linker(LinkMode.SYMLINK).run([transfer(source, target)])
        assert (target / "a.py").readlink() == source / "a.py"

    def test_clones_are_apart_or_copies(self, source: Path, tmp_path: Path) -> None:
        target = tmp_path / "target"
        linker = Linker(LinkMode.CLONE)
        linker.run([transfer(source, target)])
        assert linker.mode in (LinkMode.CLONE, LinkMode.COPY)
        assert not same_file(source, target)
        assert (target / "a.py").read_text() == "a"
        assert os.access(target / "run", os.X_OK)

    def test_the_default_suits_the_system(self) -> None:
        expected = LinkMode.CLONE if sys.platform == "darwin" else LinkMode.HARDLINK
        assert default_link_mode() is expected

    def test_a_large_file_is_copied_whole(self, source: Path, tmp_path: Path) -> None:
        content = os.urandom(9 << 20)
        (source / "large.so").write_bytes(content)
        target = tmp_path / "target"
        Linker(LinkMode.COPY).run([transfer(source, target)])
        assert (target / "large.so").read_bytes() == content

    @pytest.mark.parametrize("number", [errno.EINVAL, errno.EXDEV])
    def test_files_are_copied_where_the_system_does_not(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def refuse(*_: int) -> None:
            raise OSError(number, os.strerror(number))

        content = os.urandom(3 << 20)
        (source / "large.so").write_bytes(content)
        (source / "empty").touch()
        monkeypatch.setattr(os, "sendfile", refuse)
        Linker(LinkMode.COPY).run([transfer(source, tmp_path / "target")])
        assert (tmp_path / "target" / "large.so").read_bytes() == content
        assert (tmp_path / "target" / "a.py").read_text() == "a"
        assert (tmp_path / "target" / "empty").read_bytes() == b""

    def test_a_file_that_has_become_shorter_ends_there(self, source: Path, tmp_path: Path) -> None:
        (source / "a.py").write_text("abc")
        task = transfer(source, tmp_path / "target")
        (source / "a.py").write_text("ab")
        Linker(LinkMode.COPY).run([task])
        assert (tmp_path / "target" / "a.py").read_text() == "ab"


class TestFallback:
    @pytest.mark.parametrize(
        "number", [errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES]
    )
    def test_what_cannot_be_linked_is_copied_from_then_on(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        calls = []

        def refuse(link: str, target: str) -> None:
            calls.append(target)
            raise OSError(number, os.strerror(number))

        monkeypatch.setitem(transferring._LINKS, LinkMode.HARDLINK, refuse)
        linker = Linker(LinkMode.HARDLINK)
        linker.run([transfer(source, tmp_path / "one"), transfer(source, tmp_path / "two")])
        assert len(calls) == 1
        assert linker.mode == LinkMode.COPY
        assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["a.py", "run"]

    @pytest.mark.parametrize("first", [0, 3])
    def test_so_it_is_in_the_midst_of_many(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
    ) -> None:
        for number in range(5):
            (source / f"m{number}").touch()
        honest, calls = os.link, []

        def refuse(link: str, target: str, **options: Any) -> None:
            calls.append(target)
            if len(calls) > first:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            honest(link, target, **options)

        monkeypatch.setattr(os, "link", refuse)
        monkeypatch.setattr(os, "supports_dir_fd", {*os.supports_dir_fd, refuse})
        monkeypatch.setitem(transferring._LINKS, LinkMode.HARDLINK, refuse)
        linker = Linker(LinkMode.HARDLINK)
        linker.run([transfer(source, tmp_path / "one")])
        assert len(calls) == first + 2  # what failed from folder to folder was tried once more
        assert linker.mode == LinkMode.COPY
        shared = [path for path in source.iterdir() if path.stat().st_nlink > 1]
        assert len(shared) == first
        assert len(list((tmp_path / "one").iterdir())) == 7

    def test_one_file_with_too_many_names_is_copied_alone(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def often(link: str, target: str) -> None:
            if link.endswith("run") and Path(target).parent.name == "one":
                raise OSError(errno.EMLINK, "Too many links")
            os.link(link, target)

        monkeypatch.setitem(transferring._LINKS, LinkMode.HARDLINK, often)
        linker = Linker(LinkMode.HARDLINK)
        linker.run([transfer(source, tmp_path / "one"), transfer(source, tmp_path / "two")])
        assert linker.mode == LinkMode.HARDLINK
        assert same_file(source, tmp_path / "one")
        assert (tmp_path / "one" / "run").read_text() == "run"
        assert (tmp_path / "two" / "run").stat().st_ino == (source / "run").stat().st_ino

    def test_a_cloning_that_fails_leaves_no_file(self, source: Path, tmp_path: Path) -> None:
        try:
            clone_file(str(source / "a.py"), str(tmp_path / "clone"))
        except OSError:
            assert not (tmp_path / "clone").exists()
        else:
            assert (tmp_path / "clone").read_text() == "a"


@pytest.fixture(params=[False, True], ids=["threads", "processes"])
def sharing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is shared out by threads, or by processes."""
    alone = request.param and sys.platform == "linux" and threading.active_count() == 1
    monkeypatch.setattr(transferring, "can_fork", lambda: alone)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("sharing")
@pytest.mark.parametrize("mode", [LinkMode.HARDLINK, LinkMode.COPY])
class TestSharingOut:
    def test_many_files(self, source: Path, tmp_path: Path, mode: LinkMode) -> None:
        for number in range(700):
            (source / f"m{number}").touch()
        called = []
        linker = Linker(mode)
        tasks = (transfer(source, tmp_path / f"target{number}") for number in range(4))
        linker.run(tasks, meanwhile=lambda: called.append(True))
        assert called == [True]
        for number in range(4):
            assert len(list((tmp_path / f"target{number}").iterdir())) == 702

    def test_the_files_of_one_folder(self, source: Path, tmp_path: Path, mode: LinkMode) -> None:
        for number in range(1500):
            (source / f"m{number}").write_text(str(number))
        work = transfers(source, tmp_path / "target")
        assert [task.group.number for task in work] == [256] * 5 + [222]
        Linker(mode).run(work)
        found = {path.name: path.read_bytes() for path in (tmp_path / "target").iterdir()}
        assert found == {path.name: path.read_bytes() for path in source.iterdir()}

    def test_a_fallback_of_the_other_is_noted(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: LinkMode
    ) -> None:
        for number in range(600):
            (source / f"m{number}").touch()
        here = os.getpid(), threading.get_ident()

        def link(name: str, target: str) -> None:
            if (os.getpid(), threading.get_ident()) != here:
                (tmp_path / "refused").touch()
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            while not (tmp_path / "refused").exists():
                time.sleep(0.001)
            os.link(name, target)

        monkeypatch.setattr(transferring, "_link_many", lambda *_: 0)
        monkeypatch.setitem(transferring._LINKS, LinkMode.HARDLINK, link)
        linker = Linker(mode)
        linker.run(transfers(source, tmp_path / "target"))
        assert linker.mode == LinkMode.COPY
        assert len(list((tmp_path / "target").iterdir())) == 602

    def test_an_interruption_is_told_after_all_have_ended(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: LinkMode
    ) -> None:
        for number in range(600):
            (source / f"m{number}").touch()
        here = os.getpid(), threading.get_ident()

        def fail(_linker: Linker, _work: Iterable[Transfer]) -> str:
            if (os.getpid(), threading.get_ident()) == here:
                raise KeyboardInterrupt
            time.sleep(0.1)
            (tmp_path / "late").touch()
            raise OSError(errno.EIO, "of the other half")

        monkeypatch.setattr(Linker, "_run", fail)
        with pytest.raises(KeyboardInterrupt):
            Linker(mode).run(transfers(source, tmp_path / "target"))
        assert (tmp_path / "late").exists()

    @pytest.mark.parametrize("index", [0, 3])
    def test_a_failure_in_either_half_is_raised(
        self, source: Path, tmp_path: Path, mode: LinkMode, index: int
    ) -> None:
        for number in range(300):
            (source / f"m{number}").touch()
        taken = tmp_path / f"target{index}"
        taken.mkdir()
        (taken / "m299").touch()
        work = [transfer(source, tmp_path / f"target{number}") for number in range(4)]
        with pytest.raises(FileExistsError) as caught:
            Linker(mode).run(work)
        assert str(taken / "m299") in (caught.value.filename, caught.value.filename2)


class TestShares:
    @given(st.lists(st.integers(0, 400), max_size=300))
    def test_are_of_about_one_size_and_in_order(self, counts: list[int]) -> None:
        tasks: list[Transfer | NewFile] = [NewFile("/t/", "n", b"", False)]
        for count in counts:
            rows = [(f"m{number}", 0, 0, 0) for number in range(count)]
            tasks.append(Transfer("/s/", "/t/", file_group("purelib", "", "", rows)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "cpu_count", lambda: 2)
            shares = transferring._shares(tasks, "hardlink")
        total = 3 + sum(counts)
        assert [task for share in shares for task in share] == tasks
        assert 1 <= len(shares) <= 256
        if total < 512:
            assert len(shares) == 1
        for share in shares[:-1] if total >= 512 else ():
            size = sum(one.group.number if isinstance(one, Transfer) else 3 for one in share)
            assert total // 64 <= size < total // 64 + 400

    def test_one_core_has_one(self, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: 1)
        rows = [(f"m{number}", 0, 0, 0) for number in range(1000)]
        task = Transfer(f"{source}/", "/t/", file_group("purelib", "", "", rows))
        assert transferring._shares([task, task], "hardlink") == [[task, task]]


class TestNewFiles:
    def test_a_file_is_written_with_its_mode(self, tmp_path: Path) -> None:
        folder = f"{tmp_path}/a/b/"
        Linker(LinkMode.COPY).run(
            [NewFile(folder, "run", b"#!", True), NewFile(folder, "text", b"t", False)]
        )
        assert (tmp_path / "a" / "b" / "text").read_bytes() == b"t"
        assert os.access(tmp_path / "a" / "b" / "run", os.X_OK)
        assert not os.access(tmp_path / "a" / "b" / "text", os.X_OK)

    @pytest.mark.parametrize("mode", list(LinkMode))
    def test_nothing_is_overwritten(self, source: Path, tmp_path: Path, mode: LinkMode) -> None:
        target = tmp_path / "target"
        target.mkdir()
        (target / "a.py").write_text("mine")
        with pytest.raises(FileExistsError) as caught:
            Linker(mode).run([transfer(source, target)])
        names = (caught.value.filename, caught.value.filename2)
        assert str(target / "a.py") in names
        with pytest.raises(FileExistsError):
            Linker(mode).run([NewFile(f"{target}/", "a.py", b"x", False)])
        assert (target / "a.py").read_text() == "mine"
