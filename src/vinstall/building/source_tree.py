"""A source distribution's archive into a source tree.  Spec: source distribution format, PEP 625, 706.

The archive is hostile until shown otherwise: nothing is written outside the folder given, links
must stay inside it, and what it unpacks to is capped.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from vinstall.errors import BuildError

_MAX_BYTES = 8 * 1024**3
"""No source distribution known unpacks to more; a bomb does."""
_MAX_MEMBERS = 500_000


def unpack_source(archive: Path, into: Path) -> Path:
    """Unpack `archive` (`.tar.gz` and its like, or `.zip`) below `into`; returns the tree's root.

    Raises BuildError where the archive is damaged, holds more than one top folder, or a member
    would leave `into`.  `into` is created; on failure it may hold a part.
    """
    into.mkdir(parents=True, exist_ok=True)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, into)
        else:
            _unpack_tar(archive, into)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise BuildError(
            f"`{archive.name}` cannot be unpacked",
            context=(f"{type(error).__name__}: {error}",),
            hint="the archive is damaged, or holds names that leave its folder",
        ) from error
    folders = [path for path in into.iterdir() if path.is_dir()]
    if len(folders) != 1 or len(list(into.iterdir())) != 1:
        raise BuildError(
            f"`{archive.name}` is not a source distribution",
            context=("it should hold exactly one folder at its top",),
        )
    return folders[0]


def _unpack_tar(archive: Path, into: Path) -> None:
    root = into.resolve()
    with tarfile.open(archive) as opened:
        for member in _counted(opened, archive):
            _extract(opened, member, root)


def _counted(opened: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    total = 0
    for count, member in enumerate(opened):
        total += member.size
        _check_caps(archive, count, total)
        yield member


def _extract(opened: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    """One member below `root`.

    PEP 706: as its filter `data`, which Pythons before 3.11.4 do not have.  Where links lead is
    looked at each time something is written, for a later link may turn an earlier one round.
    """
    path = _inside(root, member.name, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        path.mkdir(exist_ok=True)
        return
    path.unlink(missing_ok=True)
    if member.issym():
        _inside(path.parent, member.linkname, root)
        path.symlink_to(member.linkname)
    elif member.islnk():
        shutil.copy2(_inside(root, member.linkname, root), path)
    elif (content := opened.extractfile(member)) is not None:
        with content, path.open("wb") as out:
            shutil.copyfileobj(content, out, 1 << 20)
        path.chmod(0o755 if member.mode & 0o111 else 0o644)
        # Makefiles tell by the times what is made from what.
        os.utime(path, (member.mtime, member.mtime))
    else:
        raise ValueError(f"`{member.name}` is neither a file nor a folder")


def _inside(folder: Path, name: str, root: Path) -> Path:
    """The path `name` stands for in `folder`, its last part apart with every link followed.

    Raises ValueError where that is not below `root`.
    """
    path = folder / name
    place = path.parent.resolve() / path.name
    if not (place.is_relative_to(root) and path.resolve().is_relative_to(root)):
        raise ValueError(f"`{name}` leaves the folder")
    return place


def _unpack_zip(archive: Path, into: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        _check_caps(archive, len(members), sum(member.file_size for member in members))
        for member in members:
            path = PurePosixPath(member.filename.replace("\\", "/"))
            if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
                raise ValueError(f"`{member.filename}` leaves the folder")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise ValueError(f"`{member.filename}` is a link")
            target = into.joinpath(*path.parts)
            if member.filename.endswith("/"):
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            if member.external_attr >> 16 & 0o111:
                target.chmod(0o755)


def _check_caps(archive: Path, members: int, total: int) -> None:
    if members > _MAX_MEMBERS or total > _MAX_BYTES:
        raise ValueError(f"{archive.name} declares {members} members and {total} bytes")
