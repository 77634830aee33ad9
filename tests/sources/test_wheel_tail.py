"""METADATA and variant.json from the end of a wheel."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.wheels import make_wheel
from vinstall.errors import FormatError
from vinstall.net.response import Part
from vinstall.sources.wheel_tail import ReadRange, WheelFacts, read_facts

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
INFO = "demo-1.0.dist-info"


class Ranges:
    """Reads parts of some bytes, and counts."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads: list[tuple[int, int]] = []

    def __call__(self, start: int | None, length: int) -> Part | None:
        total = len(self.content)
        begin = max(0, total - length) if start is None else start
        part = self.content[begin : begin + length]
        self.reads.append((begin, len(part)))
        return Part(start=begin, content=part, total=total, validator=None)


def archive(
    files: Mapping[str, bytes], *, stored: bool = False, comment: bytes = b"", front: bytes = b""
) -> bytes:
    out = io.BytesIO(front)
    out.seek(0, io.SEEK_END)
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "a", method) as written:
        for name, content in files.items():
            written.writestr(name, content)
        written.comment = comment
    return out.getvalue()


def facts_of(content: bytes, *, filename: str = "demo-1.0-py3-none-any.whl") -> WheelFacts:
    found = read_facts(Ranges(content), filename=filename, size=len(content))
    assert found is not None
    return found


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


class TestReading:
    def test_both_files_come_with_one_read(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, label="cu13", variant_json={"a": 1}, files={"x": noise(10**6)})
        ranges = Ranges(wheel.read_bytes())
        facts = read_facts(ranges, filename=wheel.name, size=None)
        assert facts is not None
        assert facts.metadata.startswith(b"Metadata-Version: 2.1\nName: demo\n")
        assert facts.variant == b'{"a": 1}'
        assert facts.total == wheel.stat().st_size
        assert ranges.reads == [(wheel.stat().st_size - 128 * 1024, 128 * 1024)]

    def test_a_wheel_without_variant_json(self, tmp_path: Path) -> None:
        assert facts_of(make_wheel(tmp_path).read_bytes()).variant is None

    @pytest.mark.parametrize("stored", [True, False])
    def test_every_way_of_packing_that_wheels_use(self, stored: bool) -> None:
        content = archive({f"{INFO}/METADATA": b"Name: demo\n" * 50}, stored=stored)
        assert facts_of(content).metadata == b"Name: demo\n" * 50

    def test_a_comment_with_the_mark_of_an_end_in_it(self) -> None:
        comment = b"PK\x05\x06" + b"\0" * 30
        assert facts_of(archive({f"{INFO}/METADATA": b"Name: demo"}, comment=comment)).metadata

    def test_bytes_in_front_of_the_archive(self) -> None:
        content = archive({f"{INFO}/METADATA": b"Name: demo"}, front=b"#!/bin/sh\n" * 20)
        assert facts_of(content).metadata == b"Name: demo"

    def test_metadata_far_from_the_end_takes_one_more_read(self) -> None:
        content = archive({f"{INFO}/METADATA": b"Name: demo", "big": noise(400_000)}, stored=True)
        ranges = Ranges(content)
        facts = read_facts(ranges, filename="demo-1.0-py3-none-any.whl", size=len(content))
        assert facts is not None
        assert facts.metadata == b"Name: demo"
        assert len(ranges.reads) == 2
        assert ranges.reads[1][1] < 1000

    def test_two_files_far_from_one_another_take_a_read_each(self) -> None:
        content = archive(
            {
                f"{INFO}/METADATA": b"Name: demo",
                "one": noise(1_500_000),
                f"{INFO}/variant.json": b"{}",
                "two": noise(400_000),
            },
            stored=True,
        )
        ranges = Ranges(content)
        facts = read_facts(ranges, filename="demo-1.0-py3-none-any.whl", size=len(content))
        assert facts is not None
        assert (facts.metadata, facts.variant) == (b"Name: demo", b"{}")
        assert len(ranges.reads) == 3

    def test_a_large_directory_takes_one_more_read(self) -> None:
        files = {f"demo/a_rather_long_name_of_a_module_{n}.py": b"" for n in range(3000)}
        content = archive({**files, f"{INFO}/METADATA": b"Name: demo"})
        ranges = Ranges(content)
        facts = read_facts(ranges, filename="demo-1.0-py3-none-any.whl", size=len(content))
        assert facts is not None
        assert facts.metadata == b"Name: demo"
        assert len(ranges.reads) == 2

    def test_the_records_of_large_archives(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
        content = archive({"big": noise(2000), f"{INFO}/METADATA": b"Name: demo"}, stored=True)
        assert b"PK\x06\x06" in content
        monkeypatch.undo()
        assert facts_of(content).metadata == b"Name: demo"

    def test_parts_that_are_not_to_be_had(self) -> None:
        content = archive({f"{INFO}/METADATA": b"Name: demo", "big": noise(400_000)}, stored=True)
        whole = Ranges(content)

        def never(start: int | None, length: int) -> Part | None:
            return None

        def only_the_end(start: int | None, length: int) -> Part | None:
            return whole(start, length) if start is None else None

        readers: list[ReadRange] = [never, only_the_end]
        for read in readers:
            assert read_facts(read, filename="demo-1.0-py3-none-any.whl", size=None) is None

    def test_of_several_folders_the_wheels_own_is_read(self) -> None:
        content = archive(
            {
                "vendored-2.0.dist-info/METADATA": b"Name: vendored",
                "Demo_App-1.0.dist-info/METADATA": b"Name: demo-app",
                "demo/inner-1.0.dist-info/METADATA": b"Name: inner",
            }
        )
        facts = facts_of(content, filename="demo_app-1.0-py3-none-any.whl")
        assert facts.metadata == b"Name: demo-app"


class TestUnsoundWheels:
    def fault(self, content: bytes) -> str:
        with pytest.raises(FormatError) as caught:
            facts_of(content)
        return caught.value.message.removeprefix("`demo-1.0-py3-none-any.whl` ")

    @pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x05\x06", noise(1000)])
    def test_no_archive(self, content: bytes) -> None:
        assert self.fault(content) == "is no complete ZIP file"

    def test_no_metadata(self) -> None:
        assert self.fault(archive({"demo/__init__.py": b""})) == (
            "has no METADATA in a `.dist-info` folder"
        )

    def test_two_folders_of_its_own(self) -> None:
        files = {"demo-1.0.dist-info/METADATA": b"a", "demo-2.0.dist-info/METADATA": b"b"}
        assert self.fault(archive(files)) == "has more than one `.dist-info` folder"

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_name_twice(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as written:
            written.writestr(f"{INFO}/METADATA", b"a")
            written.writestr(f"{INFO}/METADATA", b"b")
        assert self.fault(out.getvalue()) == f"has `{INFO}/METADATA` twice"

    def test_more_than_metadata_may_have(self) -> None:
        content = archive({f"{INFO}/METADATA": b"\0" * (17 * 1024 * 1024)})
        assert self.fault(content) == (
            f"has {17 * 1024 * 1024} bytes in `{INFO}/METADATA`, {16 * 1024 * 1024} are the most"
        )

    def test_a_size_that_is_a_lie_unpacks_no_more_than_promised(self) -> None:
        content = bytearray(archive({f"{INFO}/METADATA": b"\0" * 5_000_000}))
        entry = content.index(b"PK\x01\x02")
        struct.pack_into("<L", content, entry + 24, 10)
        assert self.fault(bytes(content)) == f"has a damaged `{INFO}/METADATA`"

    def test_damaged_bytes(self) -> None:
        content = bytearray(archive({f"{INFO}/METADATA": b"Name: demo"}, stored=True))
        content[content.index(b"Name: demo")] ^= 1
        assert self.fault(bytes(content)) == f"has a damaged `{INFO}/METADATA`"

    def test_a_local_header_of_another_file(self) -> None:
        content = archive({f"{INFO}/METADATA": b"Name: demo"}).replace(b"METADATA", b"METADATB", 1)
        assert self.fault(content) == f"says two things about `{INFO}/METADATA`"

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_other_ways_of_packing(self, method: int) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as written:
            written.writestr(f"{INFO}/METADATA", b"Name: demo" * 9)
        assert self.fault(out.getvalue()) == (
            f"has `{INFO}/METADATA` packed in a way that is not used in wheels"
        )

    def test_a_directory_that_is_too_large(self) -> None:
        content = bytearray(archive({f"{INFO}/METADATA": b"a"}))
        end = content.index(b"PK\x05\x06")
        struct.pack_into("<L", content, end + 12, 70 * 1024 * 1024)
        assert self.fault(bytes(content)) == "is no complete ZIP file"  # more than the file has

    @settings(max_examples=200 * SCALE)
    @given(st.data())
    def test_torn_wheels_are_refused_or_read_right(self, data: st.DataObject) -> None:
        whole = archive(
            {f"{INFO}/METADATA": b"Name: demo\n" * 9, f"{INFO}/variant.json": b"{}"},
            stored=data.draw(st.booleans()),
        )
        torn = bytearray(whole)
        for place, byte in data.draw(
            st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=4)
        ):
            torn[place] = byte
        try:
            facts = facts_of(bytes(torn[: data.draw(st.integers(0, len(torn)))]))
        except FormatError:
            return
        assert facts.metadata == b"Name: demo\n" * 9
        assert facts.variant in (b"{}", None)
