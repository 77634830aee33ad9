"""The real ways of looking at a machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from vinstall.providers.machine import described_machine, this_machine

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")


@posix
class TestThisMachine:
    def test_it_knows_system_and_processor(self) -> None:
        machine = this_machine()
        assert machine.processor == os.uname().machine
        assert machine.system in ("Linux", "Darwin", sys.platform)

    def test_a_file_is_read_up_to_the_limit(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b" 0x1ae0\xff\n")
        assert this_machine().read(str(tmp_path / "file"), 4) == " 0x1"
        assert this_machine().text(str(tmp_path / "file")) == "0x1ae0\N{REPLACEMENT CHARACTER}"

    def test_what_is_not_there_is_none(self, tmp_path: Path) -> None:
        machine = this_machine({"PATH": str(tmp_path)})
        missing = str(tmp_path / "missing")
        assert machine.text(missing) is None
        assert machine.text(str(tmp_path)) is None
        assert machine.entries(missing) == ()
        assert machine.identity(missing) is None
        assert machine.load("libvinstall-missing.so.1") is None
        assert machine.run(("vinstall-missing",), 1.0) is None

    def test_entries_are_sorted(self, tmp_path: Path) -> None:
        for name in ("b", "a", "c"):
            (tmp_path / name).touch()
        assert list(this_machine().entries(str(tmp_path))) == ["a", "b", "c"]

    def test_a_file_that_changes_has_another_identity(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("a")
        before = this_machine().identity(str(file))
        folder = this_machine().identity(str(tmp_path))
        file.write_text("ab")
        (tmp_path / "other").touch()
        assert before != this_machine().identity(str(file))
        assert folder == this_machine().identity(str(tmp_path))

    def test_a_library_is_loaded(self) -> None:
        assert this_machine().load("libc.so.6" if sys.platform == "linux" else "libc.dylib")

    def test_commands_are_found_by_the_path_of_the_machine(self, tmp_path: Path) -> None:
        script = tmp_path / "tool"
        script.write_text('#!/bin/sh\necho "$1 $ROCR_VISIBLE_DEVICES$CUDA_VISIBLE_DEVICES$KEPT"\n')
        script.chmod(0o755)
        machine = this_machine(
            {
                "PATH": f"{tmp_path}:/usr/bin:/bin",
                "ROCR_VISIBLE_DEVICES": "1",
                "CUDA_VISIBLE_DEVICES": "2",
                "KEPT": "3",
            }
        )
        assert machine.run(("tool", "x"), 5.0) == "x 3\n"

    @pytest.mark.parametrize("body", ["exit 3", "sleep 5"])
    def test_a_command_that_fails_or_hangs_says_nothing(self, tmp_path: Path, body: str) -> None:
        script = tmp_path / "tool"
        script.write_text(f"#!/bin/sh\necho half\n{body}\n")
        script.chmod(0o755)
        assert this_machine({"PATH": f"{tmp_path}:/usr/bin:/bin"}).run(("tool",), 0.2) is None


def test_a_described_machine_says_nothing() -> None:
    machine = described_machine(system="Linux", processor="x86_64", environ={})
    assert machine.described
    assert machine.text("/proc/cpuinfo") is None
    assert machine.entries("/") == ()
    assert machine.identity("/") is None
    assert machine.load("libc.so.6") is None
    assert machine.run(("true",), 1.0) is None
