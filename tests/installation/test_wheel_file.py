"""What is refused before a byte is written."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.installation.archives import INFO, METADATA, WHEEL, archive, digest, entry, patched
from tests.support.wheels import make_wheel
from vinstall.errors import FormatError, IntegrityError
from vinstall.installation import archive_entries, wheel_file
from vinstall.installation.archive_entries import directory_faults, name_fault
from vinstall.installation.wheel_file import CheckedWheel, InvalidWheel, check_wheel

FILENAME = "demo-1.0-py3-none-any.whl"


def check(path: Path, *, insensitive: bool = False) -> CheckedWheel:
    return check_wheel(path, filename=path.name, insensitive=insensitive)


def refusal(path: Path, *, insensitive: bool = False) -> tuple[str, ...]:
    """The faults for which a wheel is refused."""
    with pytest.raises(InvalidWheel) as caught:
        check(path, insensitive=insensitive)
    assert caught.value.message == f"`{path.name}` is not a valid wheel"
    assert isinstance(caught.value, IntegrityError)
    return caught.value.context


class TestNames:
    @pytest.mark.parametrize(
        ("name", "fault"),
        [
            ("../evil.py", "leaves its folder"),
            ("pkg/../../evil.py", "leaves its folder"),
            ("pkg/./x.py", "leaves its folder"),
            ("pkg//x.py", "leaves its folder"),
            ("/etc/passwd", "is not a relative path with `/` between its parts"),
            ("C:/windows/x", "is not a relative path with `/` between its parts"),
            ("c:x", "is not a relative path with `/` between its parts"),
            ("pkg\\..\\evil.py", "is not a relative path with `/` between its parts"),
            ("\\\\server\\share\\x", "is not a relative path with `/` between its parts"),
            ("pkg/\nx.py", "has control characters in its name"),
            ("pkg/\u2028x.py", "has control characters in its name"),
            ("n" * 256, "has a name too long for a file system"),
            ("/".join(["long"] * 600), "has a name too long for a file system"),
            (".vinstall-1/journal", "has a name that vinstall keeps for itself"),
            ("pkg/.Vinstall-x", "has a name that vinstall keeps for itself"),
        ],
    )
    def test_a_name_that_leads_elsewhere_is_refused(
        self, tmp_path: Path, name: str, fault: str
    ) -> None:
        (found,) = refusal(archive(tmp_path, (name, "x = 1\n")))
        assert found.endswith(f"` {fault}")

    def test_a_name_in_a_data_folder_is_held_to_the_same(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("demo-1.0.data/purelib/../../../x.py", "x = 1\n"))
        assert refusal(wheel) == ("entry `demo-1.0.data/purelib/../../../x.py` leaves its folder",)

    def test_a_name_cut_by_a_nul_byte_is_refused(self, tmp_path: Path) -> None:
        wheel = patched(archive(tmp_path, ("pkg/xQy.py", "")), (b"pkg/xQy.py", b"pkg/x\0y.py"))
        assert refusal(wheel)[0] == "entry `pkg/x` has control characters in its name"

    def test_hostile_names_are_shown_harmlessly(self, tmp_path: Path) -> None:
        (found,) = refusal(archive(tmp_path, ("../\x1b[31m" + "x" * 100, "")))
        assert "\x1b" not in found
        assert len(found) < 160

    @given(st.text(min_size=1, max_size=40))
    def test_an_allowed_name_stays_inside_and_survives_a_round_trip(self, name: str) -> None:
        if name_fault(name, windows=False) is None:
            path = Path("/root/of/all", name)
            assert path.is_relative_to("/root/of/all")
            assert path.as_posix() == f"/root/of/all/{name.removesuffix('/')}"
            assert ".." not in path.parts

    @given(st.lists(st.sampled_from(["..", ".", "", "a", "C:", "b.py", "\\", "\0", " "])))
    def test_climbing_names_are_refused_however_they_are_built(self, parts: list[str]) -> None:
        name = "/".join(parts)
        if {"..", "."} & set(parts) or "" in parts or not name:
            assert name_fault(name) is not None or name == f"{name[:-1]}/"

    @pytest.mark.parametrize("name", ["con", "pkg/NUL.py", "com1.txt", "x ", "y.", "a:b", "q?.py"])
    def test_names_that_windows_does_not_allow_are_refused_there(self, name: str) -> None:
        fault = name_fault(f"pkg/{name}", windows=True)
        assert fault == "has a name that Windows does not allow"
        assert name_fault(f"pkg/{name}", windows=False) is None

    @pytest.mark.parametrize("name", ["pkg/__init__.py", "a+b-c.so", "Ünïcode/日本.txt", "a b.py"])
    def test_ordinary_names_are_allowed(self, tmp_path: Path, name: str) -> None:
        assert check(archive(tmp_path, (name, ""))).members[0].name == name


class TestEntries:
    def test_a_symbolic_link_is_refused(self, tmp_path: Path) -> None:
        link = entry("pkg/link", stat.S_IFLNK | 0o777)
        assert refusal(archive(tmp_path, (link, "/etc/passwd"))) == (
            "entry `pkg/link` is a symbolic link",
        )

    @pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
    def test_a_device_is_refused(self, tmp_path: Path, kind: int) -> None:
        assert refusal(archive(tmp_path, (entry("pkg/device", kind | 0o666), ""))) == (
            "entry `pkg/device` is neither a file nor a folder",
        )

    def test_the_same_name_twice_is_refused(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/a.py", "good"), ("pkg/a.py", "evil"))
        assert "it has `pkg/a.py` twice" in refusal(wheel)

    def test_names_that_differ_in_case_are_refused_where_they_are_one(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/A.py", "1"), ("pkg/a.py", "2"))
        assert len(check(wheel).members) == 4
        assert refusal(wheel, insensitive=True) == (
            "it has `pkg/a.py` and `pkg/A.py`, one file here",
        )

    def test_normal_forms_of_one_name_are_one_there_too(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/\u00e9.py", "1"), ("pkg/e\u0301.py", "2"))
        assert len(check(wheel).members) == 4
        assert len(refusal(wheel, insensitive=True)) == 1

    def test_a_file_that_is_also_a_folder_is_refused(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg", "file"), ("pkg/a.py", "1"))
        assert refusal(wheel) == ("it has `pkg` as a file and as a folder",)

    def test_a_folder_entry_is_no_file(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/", ""), ("pkg/a.py", "1"))
        assert check(wheel).members[0].name == "pkg/a.py"

    def test_a_folder_with_contents_is_refused(self, tmp_path: Path) -> None:
        assert "entry `pkg/` is a folder with contents" in refusal(archive(tmp_path, ("pkg/", "1")))

    def test_an_encrypted_entry_is_refused(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/a.py", "1"))
        data = bytearray(wheel.read_bytes())
        at = data.index(b"PK\1\2")
        data[at + 8] |= 1
        wheel.write_bytes(data)
        assert "entry `pkg/a.py` is encrypted" in refusal(wheel)

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_other_compressions_are_refused(self, tmp_path: Path, method: int) -> None:
        info = entry("pkg/a.py")
        info.compress_type = method
        assert refusal(archive(tmp_path, (info, "1" * 1000))) == (
            f"entry `pkg/a.py` is compressed by method {method}; a wheel is stored or deflated",
        )

    def test_many_faults_are_counted(self, tmp_path: Path) -> None:
        found = refusal(archive(tmp_path, *((f"../{number}.py", "") for number in range(9))))
        assert len(found) == 6
        assert found[-1] == "and 4 more"


def info(**fields: object) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(str(fields.pop("filename")))
    for name, value in fields.items():
        setattr(found, name, value)
    return found


_PARTS = st.sampled_from(["a", "b.py", ".x", "..", ".", "", "@", "C:", "\\", "é", ".vinstall-1"])
_INFOS = st.builds(
    info,
    filename=st.lists(_PARTS, min_size=1, max_size=4).map("/".join).filter(bool),
    external_attr=st.sampled_from(
        [0, 0o100644 << 16, 0o40755 << 16, 0o120777 << 16, 0o10644 << 16]
    ),
    flag_bits=st.sampled_from([0, 0, 0x800, 1]),
    compress_type=st.sampled_from([0, 8, 8, 12]),
    compress_size=st.integers(0, 2),
    file_size=st.integers(0, 2),
    header_offset=st.integers(0, 60).map(lambda at: at * 100),
)


class TestLooksAtAll:
    """At the entries of an archive together: a faster way to the same answer."""

    @given(st.lists(_INFOS, max_size=4))
    def test_they_find_what_is_found_entry_by_entry(self, infos: list[zipfile.ZipInfo]) -> None:
        assert list(directory_faults(infos, insensitive=False)) == list(
            archive_entries._faults(infos, insensitive=False)
        )

    @given(st.lists(_INFOS, max_size=4))
    def test_nothing_is_passed_over(self, infos: list[zipfile.ZipInfo]) -> None:
        if archive_entries._are_plain(infos):
            assert list(archive_entries._faults(infos, insensitive=False)) == []

    def test_they_are_enough_for_an_ordinary_wheel(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: object, **__: object) -> None:
            raise AssertionError("looked at entry by entry")

        monkeypatch.setattr(archive_entries, "_faults", refused)
        members = [("pkg/", ""), ("pkg/a.py", ""), ("pkg/.b/@c", ""), ("d e.txt", "")]
        assert len(check(archive(tmp_path, *members)).members) == 5


class TestBombs:
    def test_a_high_ratio_is_refused(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/zeros", bytes(80 << 20)))
        (found,) = refusal(wheel)
        assert re.fullmatch(r"it would unpack to 83886\d+ bytes, \d+ times its size", found)

    def test_a_small_file_of_zeros_is_none(self, tmp_path: Path) -> None:
        assert check(archive(tmp_path, ("pkg/zeros", bytes(8 << 20)))).members

    def test_entries_that_share_bytes_are_refused(self, tmp_path: Path) -> None:
        """The densest bombs let every entry of the directory point at one run of bytes."""
        wheel = archive(tmp_path, ("pkg/a.py", "1" * 500), ("pkg/b.py", "1" * 500))
        data = bytearray(wheel.read_bytes())
        second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
        struct.pack_into("<I", data, second + 42, 0)
        wheel.write_bytes(data)
        assert "entries `pkg/a.py` and `pkg/b.py` overlap" in refusal(wheel)


class TestFiles:
    @pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\5\6" + bytes(18)])
    def test_what_is_no_zip_archive_is_refused(self, tmp_path: Path, content: bytes) -> None:
        wheel = tmp_path / FILENAME
        wheel.write_bytes(content)
        assert len(refusal(wheel)) == 1

    def test_a_truncated_wheel_is_refused(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/a.py", "1" * 5000))
        wheel.write_bytes(wheel.read_bytes()[:-40])
        assert refusal(wheel) == ("File is not a zip file",)

    def test_an_entry_without_a_name_is_a_fault(self, tmp_path: Path) -> None:
        """zipfile of Python 3.11 asks for its last character."""
        wheel = make_wheel(tmp_path)
        wheel.write_bytes(wheel.read_bytes().replace(b"demo/__init__.py", b"\0" * 16))
        with pytest.raises(InvalidWheel):
            check(wheel)

    @given(st.data())
    def test_no_damage_leads_to_anything_but_a_refusal(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        wheel = archive(tmp_path_factory.mktemp("damage"), ("pkg/a.py", "x = 1\n"))
        content = bytearray(wheel.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content) - 1))
            content[at] = data.draw(st.integers(0, 255))
        wheel.write_bytes(content)
        try:
            checked = check(wheel)
        except InvalidWheel:
            return
        assert all(name_fault(member.name) is None for member in checked.members)


class TestNaming:
    def test_the_dist_info_folder_must_name_the_project(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/a.py", ""), filename="other-1.0-py3-none-any.whl")
        (found,) = refusal(wheel)
        assert found.startswith("Wheel .dist-info directory doesn't match wheel filename")

    def test_and_the_version(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/a.py", ""), filename="demo-2.0-py3-none-any.whl")
        assert refusal(wheel) == (f"`{INFO}` gives version `1.0`",)

    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            ("Name: demo", "Name: evil", "its METADATA names the project `evil`"),
            ("Version: 1.0\n", "Version: 1.1\n", "its METADATA gives version `1.1`"),
            ("Version: 1.0\n", "", "its METADATA gives version `None`"),
        ],
    )
    def test_and_so_must_metadata(self, tmp_path: Path, old: str, new: str, fault: str) -> None:
        head, _, rest = METADATA.partition("\n")
        texts = {"METADATA": f"{head}\n{rest.replace(old, new)}"}
        assert refusal(archive(tmp_path, ("pkg/a.py", ""), texts=texts)) == (fault,)

    def test_equal_spellings_agree(self, tmp_path: Path) -> None:
        texts = {"METADATA": "Metadata-Version: 2.1\nName: DEMO\nVersion: 1.0.0\n"}
        assert check(archive(tmp_path, ("pkg/a.py", ""), texts=texts)).dist_info == INFO

    def test_two_dist_info_folders_are_refused(self, tmp_path: Path) -> None:
        (found,) = refusal(archive(tmp_path, ("other-1.0.dist-info/METADATA", METADATA)))
        assert found.startswith("Wheel doesn't contain exactly one .dist-info directory")

    @pytest.mark.parametrize("name", ["METADATA", "WHEEL"])
    def test_a_missing_file_is_named(self, tmp_path: Path, name: str) -> None:
        (found,) = refusal(archive(tmp_path, ("pkg/a.py", ""), texts={name: ""}))
        assert f"{INFO}/{name}" in found

    def test_a_name_that_is_no_wheels_is_a_format_error(self, tmp_path: Path) -> None:
        with pytest.raises(FormatError):
            check_wheel(tmp_path / "x", filename="demo.zip")

    def test_labelled_names_are_read(self, tmp_path: Path) -> None:
        path = make_wheel(tmp_path, label="cu13", variant_json={})
        assert check(path).name.label == "cu13"

    def test_the_file_may_lie_under_another_name(self, tmp_path: Path) -> None:
        path = archive(tmp_path, ("pkg/a.py", "")).rename(tmp_path / "ab12")
        assert check_wheel(path, filename=FILENAME).filename == FILENAME


class TestWheelVersion:
    """PEP 427: "A wheel installer should warn if Wheel-Version is greater than the version it
    supports, and must fail if Wheel-Version has a greater major version than the version it
    supports."
    """

    def wheel(self, tmp_path: Path, version: str) -> Path:
        texts = {"WHEEL": WHEEL.replace("Wheel-Version: 1.0", f"Wheel-Version: {version}")}
        return archive(tmp_path, ("pkg/a.py", ""), texts=texts)

    def test_a_greater_minor_version_is_remarked(self, tmp_path: Path) -> None:
        assert check(self.wheel(tmp_path, "1.9")).remarks == (
            "Wheel-Version 1.9 is newer than 1.0",
        )

    @pytest.mark.parametrize("version", ["2.0", "0.1"])
    def test_another_major_version_is_refused(self, tmp_path: Path, version: str) -> None:
        assert refusal(self.wheel(tmp_path, version)) == (
            f"its Wheel-Version is {version}, known is 1.0",
        )

    @pytest.mark.parametrize("version", ["", "one", "1"])
    def test_no_version_is_refused(self, tmp_path: Path, version: str) -> None:
        assert refusal(self.wheel(tmp_path, version)) == ("its WHEEL file gives no Wheel-Version",)

    @pytest.mark.parametrize(("text", "root"), [("true", "purelib"), ("false", "platlib")])
    def test_the_root_goes_where_the_wheel_says(self, tmp_path: Path, text: str, root: str) -> None:
        texts = {"WHEEL": WHEEL.replace("Purelib: true", f"Purelib: {text}")}
        assert check(archive(tmp_path, ("a.py", ""), texts=texts)).root == root


class TestRecord:
    """PEP 427: "installation will fail if any file in the archive is not both mentioned and
    correctly hashed in RECORD"."""

    def test_a_file_that_is_not_mentioned_is_refused(self, tmp_path: Path) -> None:
        honest = archive(tmp_path / "honest", ("pkg/a.py", "1"))
        with zipfile.ZipFile(honest) as file:
            record = file.read(f"{INFO}/RECORD").decode()
        wheel = archive(tmp_path, ("pkg/a.py", "1"), ("pkg/b.py", "2"), record=record)
        assert refusal(wheel) == ("RECORD gives no hash for `pkg/b.py`",)

    def test_a_row_with_other_than_three_fields_is_refused(self, tmp_path: Path) -> None:
        record = f"pkg/a.py,{digest(b'1')},1\npkg/b.py,1\n"
        assert refusal(archive(tmp_path, ("pkg/a.py", "1"), record=record)) == (
            "RECORD cannot be read: row 1 has 2 fields, not 3",
        )

    @pytest.mark.parametrize(
        ("row", "fault"),
        [
            ("pkg/a.py,,1", "RECORD gives no hash for `pkg/a.py`"),
            ("pkg/a.py,md5=abc,1", "RECORD gives no hash of sha256 or better for `pkg/a.py`"),
            (f"pkg/a.py,{digest(b'1')},2", "RECORD gives 2 bytes, not 1, for `pkg/a.py`"),
            (
                f"pkg/a.py,{digest(b'1')},1\npkg/a.py,{digest(b'2')},1",
                "RECORD contradicts itself on `pkg/a.py`",
            ),
            (
                f"pkg/a.py,{digest(b'1')},1\n../../../bin/python,{digest(b'')},0",
                "RECORD lists `../../../bin/python`, which leaves it",
            ),
        ],
    )
    def test_a_row_that_cannot_be_true_is_refused(
        self, tmp_path: Path, row: str, fault: str
    ) -> None:
        rows = [f"{INFO}/{name},{digest(text.encode())},{len(text)}" for name, text in INFOS]
        record = "\n".join([row, *rows, f"{INFO}/RECORD,,", ""])
        assert refusal(archive(tmp_path, ("pkg/a.py", "1"), record=record)) == (fault,)

    def test_a_listed_file_that_is_missing_is_remarked(self, tmp_path: Path) -> None:
        rows = [f"{INFO}/{name},{digest(text.encode())},{len(text)}" for name, text in INFOS]
        record = "\n".join([f"gone.py,{digest(b'')},0", *rows, f"{INFO}/RECORD,,", ""])
        found = check(archive(tmp_path, record=record))
        assert found.remarks == ("RECORD lists `gone.py`, which is missing",)

    @pytest.mark.parametrize("record", ["a,b,c,d\n", 'a,"b\n'])
    def test_what_is_no_table_is_refused(self, tmp_path: Path, record: str) -> None:
        (found,) = refusal(archive(tmp_path, ("pkg/a.py", "1"), record=record))
        assert found.startswith("RECORD ")

    @given(st.text(st.sampled_from('ab/,,,\n\n\r"\\é\u2028'), max_size=30))
    def test_its_rows_are_those_of_the_csv_module(self, text: str) -> None:
        def rows(read: Callable[[str, str], list[list[str]]]) -> object:
            try:
                return read(text, FILENAME)
            except InvalidWheel as error:
                return error.context

        assert rows(wheel_file._record_rows) == rows(wheel_file._quoted_rows)

    def test_none_at_all_is_refused(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("pkg/a.py", "1"), record="")
        assert refusal(wheel) == (f"There is no item named '{INFO}/RECORD' in the archive",)


INFOS = (("METADATA", METADATA), ("WHEEL", WHEEL))


class TestPlaces:
    def test_data_folders_go_to_their_schemes(self, tmp_path: Path) -> None:
        wheel = archive(
            tmp_path,
            ("pkg/a.py", ""),
            ("demo-1.0.data/purelib/p.py", ""),
            ("demo-1.0.data/platlib/q.so", ""),
            ("demo-1.0.data/headers/demo.h", ""),
            ("demo-1.0.data/scripts/run", ""),
            ("demo-1.0.data/data/share/x/y.txt", ""),
        )
        found = {(member.scheme, member.destination) for member in check(wheel).members}
        assert found == {
            ("purelib", "pkg/a.py"),
            ("purelib", "p.py"),
            ("platlib", "q.so"),
            ("headers", "demo.h"),
            ("scripts", "run"),
            ("data", "share/x/y.txt"),
            ("purelib", f"{INFO}/METADATA"),
            ("purelib", f"{INFO}/WHEEL"),
        }

    @pytest.mark.parametrize(
        "name", ["demo-1.0.data/other/x", "demo-1.0.data/x", "demo-1.0.data/data/"]
    )
    def test_an_unknown_scheme_is_refused(self, tmp_path: Path, name: str) -> None:
        content = "" if name.endswith("/") else "1"
        wheel = archive(tmp_path, (name, content))
        if name.endswith("/"):
            assert check(wheel).members
        else:
            assert refusal(wheel) == (f"`{name}` belongs to no installation scheme",)

    def test_a_file_is_no_data_folder(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("demo-1.0.data", ""))
        assert refusal(wheel) == ("`demo-1.0.data` belongs to no installation scheme",)

    def test_another_projects_data_folder_is_an_ordinary_one(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("other-1.0.data/scripts/x", ""))
        assert check(wheel).members[0].scheme == "purelib"

    def test_two_files_for_one_place_are_refused(self, tmp_path: Path) -> None:
        wheel = archive(tmp_path, ("a.py", "1"), ("demo-1.0.data/platlib/a.py", "2"))
        assert refusal(wheel) == ("`a.py` and `demo-1.0.data/platlib/a.py` go to the same place",)

    def test_what_an_installer_writes_is_not_taken_from_the_wheel(self, tmp_path: Path) -> None:
        texts = {"INSTALLER": "evil", "REQUESTED": " ", "direct_url.json": "{}", "LICENSE": "x"}
        wheel = archive(tmp_path, ("pkg/__pycache__/a.cpython-311.pyc", "x"), texts=texts)
        assert sorted(member.name for member in check(wheel).members) == [
            f"{INFO}/LICENSE",
            f"{INFO}/METADATA",
            f"{INFO}/WHEEL",
        ]

    def test_scripts_and_marked_files_are_executable(self, tmp_path: Path) -> None:
        wheel = archive(
            tmp_path,
            (entry("pkg/tool", 0o100755), ""),
            ("pkg/a.py", ""),
            ("demo-1.0.data/scripts/run", ""),
        )
        found = {member.name: member.executable for member in check(wheel).members}
        assert found["pkg/tool"]
        assert found["demo-1.0.data/scripts/run"]
        assert not found["pkg/a.py"]
