"""Unpacking source distributions."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.building.trees import make_sdist, make_tar, make_tree
from vinstall.building.source_tree import unpack_source
from vinstall.errors import BuildError


def test_a_tar_and_a_zip_give_the_same_tree(tmp_path: Path) -> None:
    tree = make_tree(tmp_path)
    as_tar = unpack_source(make_sdist(tree), tmp_path / "tar")
    archive = tmp_path / "demo.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in tree.iterdir():
            out.write(path, f"{tree.name}/{path.name}")
    as_zip = unpack_source(archive, tmp_path / "zip")
    assert as_tar.name == as_zip.name == "demo-1.0"
    assert {p.name: p.read_bytes() for p in as_tar.iterdir()} == {
        p.name: p.read_bytes() for p in as_zip.iterdir()
    }


def _info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


@pytest.mark.parametrize(
    "member",
    [
        _info("demo/../../escaped"),
        _info("../escaped"),
        _info("demo/link", tarfile.SYMTYPE, "../../escaped"),
        _info("demo/link", tarfile.SYMTYPE, "/etc/passwd"),
        _info("demo/link", tarfile.LNKTYPE, "../escaped"),
        _info("demo/device", tarfile.CHRTYPE),
        _info("demo/pipe", tarfile.FIFOTYPE),
    ],
    ids=["dots", "leading dots", "link out", "absolute link", "hard link out", "device", "pipe"],
)
def test_a_hostile_tar_member_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    archive = make_tar(tmp_path / "demo-1.0.tar.gz", [(_info("demo/ok"), b"x"), (member, b"")])
    with pytest.raises(BuildError, match=r"`demo-1\.0\.tar\.gz` cannot be unpacked"):
        unpack_source(archive, tmp_path / "deep" / "into")
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("name", ["demo/../../escaped", "/escaped", "..\\escaped", "c:/escaped"])
def test_a_hostile_zip_member_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "demo-1.0.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("demo/ok", "x")
        out.writestr(name, "x")
    with pytest.raises(BuildError, match=r"leaves the folder|cannot be unpacked"):
        unpack_source(archive, tmp_path / "deep" / "into")
    assert not list(tmp_path.rglob("escaped"))


def test_a_zip_member_without_a_name_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "demo-1.0.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("demo/ok", "x")
    archive.write_bytes(archive.read_bytes().replace(b"demo/ok", b"\0" * 7))
    with pytest.raises(BuildError, match="cannot be unpacked"):
        unpack_source(archive, tmp_path / "into")


def test_a_link_that_is_turned_round_later_is_refused(tmp_path: Path) -> None:
    """The first link stays inside until the second one is there."""
    members = [
        (_info("demo/first", tarfile.SYMTYPE, "second/../.."), b""),
        (_info("demo/second", tarfile.SYMTYPE, "."), b""),
        (_info("demo/first/escaped"), b"x"),
    ]
    archive = make_tar(tmp_path / "demo-1.0.tar.gz", members)
    with pytest.raises(BuildError, match="cannot be unpacked"):
        unpack_source(archive, tmp_path / "deep" / "into")
    assert not list(tmp_path.glob("deep/escaped"))


def test_links_inside_the_tree_modes_and_times_are_kept(tmp_path: Path) -> None:
    script = _info("demo/bin/run")
    script.mode, script.mtime = 0o755, 1_600_000_000
    members = [
        (script, b"run"),
        (_info("demo/lib/link", tarfile.SYMTYPE, "../bin/run"), b""),
        (_info("demo/twin", tarfile.LNKTYPE, "demo/bin/run"), b""),
    ]
    archive = make_tar(tmp_path / "demo-1.0.tar.gz", members)
    tree = unpack_source(archive, tmp_path / "into")
    assert (tree / "lib" / "link").readlink() == Path("../bin/run")
    assert (tree / "lib" / "link").read_bytes() == (tree / "twin").read_bytes() == b"run"
    assert (tree / "bin" / "run").stat().st_mode & 0o777 == 0o755
    assert (tree / "bin" / "run").stat().st_mtime == 1_600_000_000


def test_an_archive_with_two_top_folders_is_no_source_distribution(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "demo.tar.gz", [(_info("a/x"), b"1"), (_info("b/x"), b"1")])
    with pytest.raises(BuildError, match=r"`demo\.tar\.gz` is not a source distribution"):
        unpack_source(archive, tmp_path / "into")


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    archive = make_sdist(make_tree(tmp_path))
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(BuildError, match="cannot be unpacked"):
        unpack_source(archive, tmp_path / "into")
