"""What is wrong with the entries of an archive from outside, before a byte of it is unpacked.

Their names become paths, their sizes are promises, and two of them may be after one place.  Spec:
PKWARE APPNOTE 6.3 for what a ZIP file may say; what a wheel may is less.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from vinstall.installation.journal import STAGE_PREFIX
from vinstall.installation.wheel_archive import DEFLATED, STORED, Listed

LOCAL_HEADER = 30
"""Bytes of a local header without name and extra field."""
_ENCRYPTED = 0x1
_MAX_PART, _MAX_NAME = 255, 2048
"""Bytes of UTF-8 in one part of a name, and in all of it."""
_BOMB_SIZE, _BOMB_RATIO = 64 << 20, 200
"""A wheel that unpacks to more bytes than this, and to more times its own size, is a bomb."""
_PLAIN = re.compile(r"(?:\w[\w.+-]{0,99}/)*\w[\w.+-]{0,99}/?", re.ASCII)
"""Nearly every name there is: nothing in it can be wrong on POSIX."""
_PLAIN_BYTES = bytes(set(range(0x20, 0x7F)) - set(b"\\:"))
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def name_fault(name: str, *, windows: bool = os.name == "nt") -> str | None:
    """Why an archive must not have an entry called `name`; None where it may."""
    if not windows and len(name) <= _MAX_NAME and _PLAIN.fullmatch(name):
        return None
    if not name or name.startswith("/") or "\\" in name or _DRIVE.match(name):
        return "is not a relative path with `/` between its parts"
    if _CONTROL.search(name):
        return "has control characters in its name"
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "leaves its folder"
    try:
        encoded = [part.encode() for part in parts]
    except UnicodeEncodeError:
        return "has a name that is not Unicode"
    if max(map(len, encoded)) > _MAX_PART or len(name.encode()) > _MAX_NAME:
        return "has a name too long for a file system"
    if any(part.casefold().startswith(STAGE_PREFIX) for part in parts):
        return "has a name that vinstall keeps for itself"
    if windows and any(
        part.rstrip(" .") != part or set(part) & set('<>:"|?*') or _RESERVED.fullmatch(part)
        for part in parts
    ):
        return "has a name that Windows does not allow"
    return None


def directory_faults(infos: Sequence[Listed], *, insensitive: bool) -> Iterator[str]:
    """What is wrong with the archive's directory, one sentence each."""
    if insensitive or not _are_plain(infos):
        yield from _faults(infos, insensitive=insensitive)


def _are_plain(infos: Sequence[Listed]) -> bool:
    """Whether nothing can be wrong with these entries, as looks at all of them at once tell.

    That takes a quarter of the time, and holds for nearly every wheel; one for which it does not
    need not be wrong.
    """
    names = [info.orig_filename for info in infos]
    files = [name for name in names if name[-1:] != "/"]
    folders = [name[:-1] for name in names if name[-1:] == "/"]
    text = "/".join(["", *files, *folders, ""])
    return (
        os.name != "nt"
        and text.isascii()
        and not text.encode().translate(None, _PLAIN_BYTES)
        and not any(part in text for part in ("//", "/./", "/../"))
        and STAGE_PREFIX not in text.lower()
        and max(map(len, names), default=0) <= _MAX_PART
        and len(set(files)) == len(files)
        and _folders_of(files).union(folders).isdisjoint(files)
        and not any(map(_entry_fault, infos))
        and not any(_overlap_faults(infos))
    )


def _folders_of(names: Iterable[str]) -> set[str]:
    """Every folder that a file of these names is in."""
    folders: set[str] = set()
    for parent in {name.rpartition("/")[0] for name in names}:
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return folders


def _faults(infos: Sequence[Listed], *, insensitive: bool) -> Iterator[str]:
    seen: dict[str, str] = {}
    folders: set[str] = set()
    for info in infos:
        if len(info.orig_filename) != len(info.filename):  # zipfile cuts at a NUL byte
            yield f"entry `{info.filename}` has control characters in its name"
        elif fault := name_fault(info.orig_filename) or _entry_fault(info):
            yield f"entry `{shown(info.orig_filename)}` {fault}"
        if info.filename.endswith("/"):
            folders.add(_folded(info.filename[:-1], insensitive))
            continue
        folded = _folded(info.filename, insensitive)
        if folded in seen:
            other = seen[folded]
            alike = "twice" if other == info.filename else f"and `{shown(other)}`, one file here"
            yield f"it has `{shown(info.filename)}` {alike}"
        seen[folded] = info.filename
    for folded in seen.keys() & (folders | _folders_of(seen)):
        yield f"it has `{shown(seen[folded])}` as a file and as a folder"
    yield from _overlap_faults(infos)


def shown(name: str) -> str:
    """A hostile name, fit for a terminal."""
    text = name if len(name) <= 80 else f"{name[:80]}..."
    return text.encode("unicode_escape").decode() if not text.isprintable() else text


def _folded(name: str, insensitive: bool) -> str:
    return unicodedata.normalize("NFC", name).casefold() if insensitive else name


def _entry_fault(info: Listed) -> str | None:
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (STORED, DEFLATED):
        return f"is compressed by method {info.compress_type}; a wheel is stored or deflated"
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind and kind not in (stat.S_IFREG, stat.S_IFDIR):
        return "is neither a file nor a folder"
    if info.compress_type == STORED and info.file_size != info.compress_size:
        return "is stored and has two sizes"
    if info.filename.endswith("/") and info.file_size:
        return "is a folder with contents"
    return None


def _overlap_faults(infos: Sequence[Listed]) -> Iterator[str]:
    """Entries that share bytes of the archive, as the densest zip bombs do."""
    end, last = -1, ""
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            yield f"entries `{shown(last)}` and `{shown(info.filename)}` overlap"
            return
        end = info.header_offset + LOCAL_HEADER + info.compress_size
        last = info.filename


def bomb_faults(infos: Sequence[Listed], size: int) -> Iterator[str]:
    """The same for what an archive of `size` bytes would unpack to."""
    total = sum(info.file_size for info in infos)
    if total > _BOMB_SIZE and total > _BOMB_RATIO * size:
        yield f"it would unpack to {total} bytes, {total // size} times its size"
