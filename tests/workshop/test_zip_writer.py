"""Archives whose bytes follow from their content alone."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.workshop.archive import Member
from vinstall.workshop.zip_writer import ZipWriter

DATE = (2024, 2, 29, 23, 59, 58)


@given(
    st.dictionaries(st.text("abü/", min_size=1, max_size=20), st.binary(max_size=1000), max_size=8)
)
def test_zipfile_reads_what_was_stored(files: dict[str, bytes]) -> None:
    out = io.BytesIO()
    writer = ZipWriter(out)
    for name, data in files.items():
        writer.store(name, data, DATE)
    assert writer.finish() == hashlib.sha256(out.getvalue()).hexdigest()
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == files
        for info in archive.infolist():
            assert info.date_time == DATE
            assert info.external_attr >> 16 == 0o100644


def test_more_members_than_two_bytes_count(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with path.open("wb") as file:
        writer = ZipWriter(file)
        for number in range(70_000):
            writer.store(f"{number}", b"", DATE)
        writer.finish()
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 70_000
        assert archive.namelist()[-1] == "69999"


@pytest.mark.slow
@pytest.mark.skipif("VINSTALL_TEST_SCALE" not in os.environ, reason="hashes 5 GiB")
def test_members_and_offsets_beyond_four_gibibytes(tmp_path: Path) -> None:
    class Sparse(io.FileIO):
        """Zeros are skipped, not written."""

        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            if len(data) == len(zeros):
                return self.seek(len(data), io.SEEK_CUR)
            return super().write(data)

    zeros, count = bytes(1 << 20), 5 << 10
    size = len(zeros) * count
    member = Member(
        name="big",
        size=size,
        compressed_size=size,
        crc=0,
        method=0,
        attributes=0,
        date=DATE,
        data_offset=0,
    )
    path = tmp_path / "large.zip"
    with Sparse(path, "w") as file:
        writer = ZipWriter(file)
        writer.copy(member, "big", DATE, itertools.repeat(zeros, count))
        writer.store("after", b"hello", DATE)
        writer.finish()
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("big").file_size == size
        assert archive.getinfo("after").header_offset > 1 << 32
        assert archive.read("after") == b"hello"
