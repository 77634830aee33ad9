"""Archives from outside."""

from __future__ import annotations

import contextlib
import os
import stat
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.wheels import make_wheel
from tests.workshop.hostile_archive import overlapping, patched, with_member
from vinstall.errors import FormatError, IntegrityError, SourceError, VinstallError
from vinstall.workshop.archive import open_archive, path_fault
from vinstall.workshop.inspection import inspect_wheel
from vinstall.workshop.repack import make_variant, unmake_variant
from vinstall.workshop.variant_definition import define, wheel_table

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
TABLE = wheel_table(define(("x86_64",), ()), "null")


def faults(path: Path) -> list[str]:
    with open_archive(path) as archive:
        return [fault.message for fault in archive.faults]


def refused(path: Path, folder: Path) -> VinstallError:
    """The error with which both commands refuse `path`; nothing may have been written."""
    with pytest.raises(VinstallError) as caught:
        make_variant(path, folder, table=TABLE)
    with pytest.raises(VinstallError):
        unmake_variant(path, folder)
    assert not folder.exists()
    return caught.value


class TestPaths:
    @pytest.mark.parametrize(
        ("name", "fault"),
        [
            ("../evil.py", "has a part that is empty, `.` or `..`"),
            ("demo/../../evil.py", "has a part that is empty, `.` or `..`"),
            ("demo//evil.py", "has a part that is empty, `.` or `..`"),
            ("/etc/passwd", "is not a relative path with forward slashes"),
            ("demo\\evil.py", "is not a relative path with forward slashes"),
            ("C:evil.py", "is not a relative path with forward slashes"),
            ("demo/ev\nil.py", "has an empty name or a control character in it"),
            ("a" * 256, "has a name of more than 255 bytes, or a path of more than 1024"),
            ("ü" * 128, "has a name of more than 255 bytes, or a path of more than 1024"),
            ("abc/" * 300, "has a name of more than 255 bytes, or a path of more than 1024"),
        ],
    )
    def test_unsafe_names_are_faults_and_refused(
        self, tmp_path: Path, name: str, fault: str
    ) -> None:
        wheel = with_member(tmp_path, name, b"" if name.endswith("/") else b"x")
        shown = name if len(name) <= 120 else f"{name[:120]}..."
        assert faults(wheel) == [f"`{shown}` {fault}"]
        error = refused(wheel, tmp_path / "out")
        assert error.message == f"`{wheel.name}` cannot be made into a variant wheel"
        assert error.context[0] == f"{wheel.name}: `{shown}` {fault} [archive-entry]"

    def test_a_name_cut_by_nul_is_refused(self, tmp_path: Path) -> None:
        wheel = patched(with_member(tmp_path, "evil.py_"), b"evil.py_", b"evil.py\0")
        assert faults(wheel) == ["`evil.py\0` has an empty name or a control character in it"]

    def test_bad_utf_8_is_no_readable_archive(self, tmp_path: Path) -> None:
        wheel = patched(with_member(tmp_path, "deümo.py"), "deümo".encode(), b"de\xff\xfemo")
        with pytest.raises(FormatError, match=r"is not a readable zip archive$"):
            faults(wheel)
        assert refused(wheel, tmp_path / "out").message == (
            f"`{wheel.name}` is not a readable zip archive"
        )

    def test_a_name_that_is_not_marked_as_utf_8_is_refused(self, tmp_path: Path) -> None:
        wheel = patched(with_member(tmp_path, "demox.py"), b"demox.py", b"dem\x81\x82.py")
        assert faults(wheel) == ["`demüé.py` has a name that is not marked as UTF-8"]

    @given(st.text(max_size=40))
    def test_fit_paths_stay_below_the_folder(self, name: str) -> None:
        if path_fault(name) is None:
            root = Path("/srv/root")
            resolved = Path(os.path.normpath(root / name))
            assert resolved.is_relative_to(root)
            assert resolved != root


class TestKinds:
    @pytest.mark.parametrize(
        ("mode", "fault"),
        [
            (stat.S_IFLNK | 0o777, "is a symbolic link"),
            (stat.S_IFIFO | 0o644, "is neither a file nor a folder"),
            (stat.S_IFCHR | 0o644, "is neither a file nor a folder"),
        ],
    )
    def test_links_and_devices_are_refused(self, tmp_path: Path, mode: int, fault: str) -> None:
        wheel = with_member(tmp_path, "demo/link", b"/etc/passwd", attributes=mode)
        assert faults(wheel) == [f"`demo/link` {fault}"]
        refused(wheel, tmp_path / "out")

    def test_other_compressions_are_refused(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, compression=zipfile.ZIP_BZIP2)
        assert faults(wheel)[0] == (
            "`demo/__init__.py` is compressed by method 12, wheels are stored or deflated"
        )
        refused(wheel, tmp_path / "out")

    def test_encrypted_members_are_refused(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path)
        data = bytearray(wheel.read_bytes())
        data[data.index(b"PK\1\2") + 8] |= 1
        wheel.write_bytes(data)
        assert faults(wheel) == ["`demo/__init__.py` is encrypted"]


class TestDuplicates:
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_a_name_twice_is_refused(self, tmp_path: Path) -> None:
        wheel = with_member(tmp_path, "demo/__init__.py")
        assert faults(wheel) == ["`demo/__init__.py` is in it more than once"]
        refused(wheel, tmp_path / "out")

    def test_a_file_that_is_also_a_folder_is_refused(self, tmp_path: Path) -> None:
        wheel = with_member(tmp_path, "demo/__init__.py/x")
        assert faults(wheel) == ["`demo/__init__.py` is both a file and a folder"]

    def test_two_names_for_one_member_are_refused(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path)
        patched(wheel, b"demo/__init__.py", b"demo/__evil__.py", count=1)
        assert faults(wheel) == [
            "`demo/__init__.py` is named differently in the directory and before its data"
        ]


class TestSizes:
    def test_a_bomb_of_one_member_is_refused(self, tmp_path: Path) -> None:
        wheel = with_member(tmp_path, "demo/zeros", bytes(40 << 20))
        (message,) = faults(wheel)
        assert message.endswith(f"from {wheel.stat().st_size}: a zip bomb")
        refused(wheel, tmp_path / "out")

    def test_a_bomb_of_overlapping_members_is_refused(self, tmp_path: Path) -> None:
        names = [b"demo/%05d" % number for number in range(3000)]
        wheel = overlapping(tmp_path / "demo-1.0-py3-none-any.whl", names)
        assert any("overlap" in fault for fault in faults(wheel))
        refused(wheel, tmp_path / "out")

    def test_more_data_than_declared_is_refused_while_streaming(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, files={"demo.py": "a" * 5000})
        patched(wheel, (5000).to_bytes(4, "little"), (4000).to_bytes(4, "little"))
        error = refused(wheel, tmp_path / "out")
        assert error.context == (
            f"{wheel.name}: RECORD says that `demo.py` has 5000 bytes, it has 4000 [record]",
        )
        with open_archive(wheel) as archive, pytest.raises(IntegrityError) as caught:
            archive.read("demo.py")
        assert caught.value.message == (
            f"`demo.py` in `{wheel.name}` unpacks to more than the 4000 bytes declared"
        )

    def test_a_member_that_reaches_past_the_end_is_refused(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, files={"demo.py": "ab"}, compression=zipfile.ZIP_STORED)
        data = wheel.read_bytes()
        central = data.index(b"PK\1\2")
        size = (1 << 30).to_bytes(4, "little")
        wheel.write_bytes(data[: central + 20] + size * 2 + data[central + 28 :])
        assert any("overlap" in fault for fault in faults(wheel))

    def test_a_large_member_is_read_in_pieces(self, tmp_path: Path) -> None:
        block = os.urandom(1 << 20)
        wheel = make_wheel(tmp_path, files={"demo/big": block * 24})
        tracemalloc.start()
        make_variant(wheel, tmp_path / "out", table=TABLE)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 6 << 20


class TestNoArchive:
    def test_what_is_no_zip_is_said_to_be_none(self, tmp_path: Path) -> None:
        path = tmp_path / "demo-1.0-py3-none-any.whl"
        path.write_bytes(b"hello")
        assert (
            refused(path, tmp_path / "out").message
            == f"`{path.name}` is not a readable zip archive"
        )

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="cannot be read"):
            inspect_wheel(tmp_path / "demo-1.0-py3-none-any.whl")

    @settings(max_examples=150 * SCALE, deadline=None)
    @given(data=st.data())
    def test_a_damaged_wheel_is_made_right_or_refused_whole(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        """Any bytes changed, cut or put in: an error that is ours, or a wheel with the same content."""
        folder = tmp_path_factory.mktemp("damaged")
        wheel = make_wheel(folder, files={"demo.py": "print(1)\n" * 40, "demo/a": b"\0" * 300})
        good = wheel.read_bytes()
        with zipfile.ZipFile(wheel) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        where = data.draw(st.integers(0, len(good) - 1))
        length = data.draw(st.integers(0, 12))
        wheel.write_bytes(good[:where] + data.draw(st.binary(max_size=12)) + good[where + length :])
        with contextlib.suppress(VinstallError):
            inspect_wheel(wheel)
        try:
            made = make_variant(wheel, folder / "out", table=TABLE)
        except VinstallError:
            assert not (folder / "out").exists()
            return
        with zipfile.ZipFile(made.path) as archive:
            assert archive.testzip() is None
            for name in archive.namelist():
                if not name.endswith(("/RECORD", "/variant.json")):
                    assert archive.read(name) == content[name]
