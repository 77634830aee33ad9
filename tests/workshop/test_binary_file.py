"""Compiled files, against readelf where it is."""

from __future__ import annotations

import io
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.workshop.binary_file import BinaryFile, read_binary


def read(data: bytes) -> BinaryFile | None:
    return read_binary(io.BytesIO(data))


def compiled_files() -> list[Path]:
    """Shared libraries of the running interpreter and its packages."""
    folders = (sysconfig.get_path("platlib"), sysconfig.get_path("stdlib"))
    return [path for folder in folders for path in islice(Path(folder).rglob("*.so"), 20)]


class TestElf:
    @pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf is not here")
    def test_readelf_finds_the_same(self) -> None:
        files = [*compiled_files(), Path(sys.executable).resolve()]
        for path in files:
            command = ["readelf", "--dynamic", "--wide", str(path)]
            listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
            with path.open("rb") as file:
                found = read_binary(file)
            assert found is not None
            assert found.format == "ELF"
            assert found.needed == tuple(re.findall(r"\(NEEDED\).*\[(.*)\]", listed))
            assert found.soname == next(iter(re.findall(r"\(SONAME\).*\[(.*)\]", listed)), None)
            paths = re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", listed)
            assert found.search == tuple(part for text in paths for part in text.split(":"))

    def test_a_file_that_is_cut_off_gives_what_there_is(self) -> None:
        assert read(b"\x7fELF") == BinaryFile(format="ELF", machine="unknown", needed=())

    @given(
        st.binary(max_size=200), st.sampled_from([b"\1", b"\2"]), st.sampled_from([b"\1", b"\2"])
    )
    def test_no_bytes_make_it_fail(self, data: bytes, width: bytes, order: bytes) -> None:
        found = read(b"\x7fELF" + width + order + data)
        assert found is not None


class TestOthers:
    def test_mach_o_and_pe_are_recognised(self) -> None:
        assert read(struct.pack("<II", 0xFEEDFACF, 0x0100000C)) == BinaryFile(
            format="Mach-O", machine="arm64"
        )
        assert read(b"\xca\xfe\xba\xbe\0\0\0\2") == BinaryFile(format="Mach-O", machine="universal")
        pe = (
            b"MZ".ljust(0x3C, b"\0")
            + struct.pack("<I", 0x40)
            + b"PE\0\0"
            + struct.pack("<H", 0x8664)
        )
        assert read(pe) == BinaryFile(format="PE", machine="x86_64")

    def test_scripts_classes_and_nothing_are_no_binaries(self) -> None:
        for data in (b"", b"#!/bin/sh\n", b"MZ", b"MZ" + bytes(100), b"\xca\xfe\xba\xbe\0\0\0\x34"):
            assert read(data) is None
