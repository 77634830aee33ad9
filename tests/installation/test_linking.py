"""Files of the store into folders, by every mode."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from vinstall.cache.store import file_group
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
    return Transfer(f"{source}/", f"{target}/", file_group("purelib", "", "", rows), 0, len(rows))


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

    def test_the_files_of_one_folder(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: LinkMode
    ) -> None:
        for number in range(1500):
            (source / f"m{number}").write_text(str(number))
        shares: list[int] = []
        run = Linker._run

        def noting(linker: Linker, work: list[Transfer]) -> str:
            shares.append(sum(len(task.names) for task in work))
            return run(linker, work)

        monkeypatch.setattr(Linker, "_run", noting)
        Linker(mode).run([transfer(source, tmp_path / "target")])
        found = {path.name: path.read_bytes() for path in (tmp_path / "target").iterdir()}
        assert found == {path.name: path.read_bytes() for path in source.iterdir()}
        # What another process does is noted there.
        assert sorted(shares) in ([478, 1024], [478])

    @pytest.mark.parametrize("refused", [0, 1])
    def test_a_fallback_of_either_half_is_noted(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        mode: LinkMode,
        refused: int,
    ) -> None:
        work = []
        for at in (0, 1):
            (tmp_path / f"source{at}").mkdir()
            for number in range(400):
                (tmp_path / f"source{at}" / f"m{number}").touch()
            work.append(transfer(tmp_path / f"source{at}", tmp_path / f"target{at}"))

        def refuse(link: str, target: str) -> None:
            if link.startswith(work[refused].source):
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            os.link(link, target)

        monkeypatch.setattr(transferring, "_link_many", lambda *_: 0)
        monkeypatch.setitem(transferring._LINKS, LinkMode.HARDLINK, refuse)
        linker = Linker(mode)
        linker.run(work)
        assert linker.mode == LinkMode.COPY

    def test_an_interruption_is_told_after_all_have_ended(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: LinkMode
    ) -> None:
        for number in range(600):
            (source / f"m{number}").touch()
        here = os.getpid(), threading.get_ident()

        def fail(_linker: Linker, _work: list[Transfer]) -> str:
            if (os.getpid(), threading.get_ident()) == here:
                raise KeyboardInterrupt
            time.sleep(0.1)
            (tmp_path / "late").touch()
            raise OSError(errno.EIO, "of the other half")

        monkeypatch.setattr(Linker, "_run", fail)
        with pytest.raises(KeyboardInterrupt):
            Linker(mode).run([transfer(source, tmp_path / "target")])
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
