"""Archives: what is read without `zipfile` is what `zipfile` reads."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.installation.wheel_archive import Archive, Entry, plain_directory

_NAMES = st.one_of(
    st.from_regex(r"[a-z]{1,3}(/[a-z.]{1,3}){0,2}/?", fullmatch=True),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
)
_MEMBERS = st.lists(
    st.tuples(_NAMES, st.binary(max_size=50), st.sampled_from([0, 8]), st.integers(0, 2**32 - 1)),
    max_size=5,
)


def made(members: list[tuple[str, bytes, int, int]], comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = comment
        for name, content, method, attributes in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.external_attr = attributes
            archive.writestr(info, content)
    return file.getvalue()


def simple(**changes: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(changes.pop("name", "a/b.py"))
        for key, value in changes.items():
            setattr(info, key, value)
        archive.writestr(info, b"pass\n" * 9)
    return file.getvalue()


def plain(content: bytes) -> list[Entry] | None:
    return plain_directory(io.BytesIO(content), len(content))


def facts(info: Entry | zipfile.ZipInfo) -> tuple[object, ...]:
    return tuple(getattr(info, name) for name in Entry._fields)


def agrees(content: bytes) -> None:
    """Where the archive is read at all, `zipfile` reads the same."""
    entries = plain(content)
    if entries is None:
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert list(map(tuple, entries)) == list(map(facts, archive.infolist()))
        ours = Archive(io.BytesIO(content))
        assert ours.names.keys() == archive.NameToInfo.keys()
        for name, info in archive.NameToInfo.items():
            assert outcome(partial(ours.read, name)) == outcome(partial(limited, archive, info))


def outcome(read: Callable[[], bytes]) -> object:
    try:
        return read()
    except Exception as error:  # noqa: BLE001  whatever `zipfile` raises
        return type(error), str(error)


def limited(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as member:
        return member.read(info.file_size + 1)


class TestAgreement:
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    @given(_MEMBERS)
    def test_with_zipfile(self, members: list[tuple[str, bytes, int, int]]) -> None:
        agrees(made(members))

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    @given(_MEMBERS, st.data())
    def test_with_zipfile_on_what_is_damaged(
        self, members: list[tuple[str, bytes, int, int]], data: st.DataObject
    ) -> None:
        content = bytearray(made(members))
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        agrees(bytes(content))

    @given(_MEMBERS, st.binary(max_size=30), st.binary(max_size=30))
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_with_zipfile_on_what_has_more_around_it(
        self, members: list[tuple[str, bytes, int, int]], front: bytes, end: bytes
    ) -> None:
        agrees(front + made(members) + end)


class TestPlain:
    def test_an_ordinary_archive_is_read_without_zipfile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = made([("a/b.py", b"pass\n" * 9, 8, 0o644 << 16), ("a/", b"", 0, 0)])
        monkeypatch.delattr(zipfile, "ZipFile")
        archive = Archive(io.BytesIO(content))
        assert [entry.filename for entry in archive.entries] == ["a/b.py", "a/"]
        assert archive.read("a/b.py") == b"pass\n" * 9
        assert archive.size == len(content)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"PK",
            made([]),
            made([("a", b"", 0, 0)], comment=b"hello"),
            simple(name="ä"),
            simple(name="a\\b"),
            simple(extra=b"\x75\x70\x02\x00ab"),
            simple(extract_version=64),
            b"#!" + simple(),
            simple()[:-22] + b"PK\6\7" + bytes(16) + simple()[-22:],
        ],
        ids=[
            "nothing", "too short", "empty", "comment", "not ASCII", "backslash", "extra field",
            "newer", "something in front", "for large archives",
        ],
    )  # fmt: skip
    def test_what_is_not_is_left_to_zipfile(self, content: bytes) -> None:
        assert plain(content) is None


class TestMembers:
    def test_one_that_is_missing(self) -> None:
        with pytest.raises(KeyError, match="There is no item named 'b' in the archive"):
            Archive(io.BytesIO(simple())).read("b")

    def test_one_with_a_wrong_checksum(self) -> None:
        content = made([("a", b"one", 0, 0)]).replace(b"one", b"two", 1)
        with pytest.raises(zipfile.BadZipFile, match="Bad CRC-32 for file 'a'"):
            Archive(io.BytesIO(content)).read("a")

    def test_one_that_is_cut_short(self) -> None:
        content = made([("a", b"", 0, 0)])
        size = content.index(b"PK\1\2") + 20
        cut = content[:28] + b"\xff" + content[29:size] + b"\x01" + content[size + 1 :]
        # The latter where zipfile looks for entries that overlap.
        with pytest.raises((EOFError, zipfile.BadZipFile)):
            Archive(io.BytesIO(cut)).read("a")

    def test_one_with_another_name_in_its_local_header(self) -> None:
        content = made([("a", b"one", 0, 0)]).replace(b"a", b"b", 1)
        with pytest.raises(zipfile.BadZipFile, match="File name in directory 'a' and header b'b'"):
            Archive(io.BytesIO(content)).read("a")
