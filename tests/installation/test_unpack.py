"""Wheels into the store: the bytes, what they are checked against, and what is written down."""

from __future__ import annotations

import hashlib
import os
import random
import struct
import sys
import threading
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.installation.archives import INFO, METADATA, WHEEL, archive, digest, entry
from tests.installation.builders import Listener
from tests.support.wheels import make_wheel
from vinstall.cache.files import Cache
from vinstall.cache.store import EntryPoint, Store, StoredWheel
from vinstall.errors import InstallationError
from vinstall.installation import unpack
from vinstall.installation.inflate import Codec, best_codec
from vinstall.installation.unpack import unpack_wheel
from vinstall.installation.wheel_file import InvalidWheel

ZLIB = Codec(lambda: zlib.decompressobj(-15), zlib.crc32, zlib.error)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Cache(tmp_path / "cache").folder("unpacked"))


@pytest.fixture(params=["best", "zlib"], autouse=True)
def _codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds for isal and for zlib."""
    if request.param == "zlib":
        monkeypatch.setattr(unpack, "best_codec", lambda: ZLIB)


def put(path: Path, store: Store, *, threads: int = 0) -> StoredWheel:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with ThreadPoolExecutor(threads or 1) as pool:
        return unpack_wheel(
            path,
            filename=path.name,
            sha256=sha256,
            store=store,
            pool=pool if threads else None,
            observer=Listener(),
        )


def fault(path: Path, store: Store) -> str:
    """Why a wheel is refused while it is unpacked; nothing stays behind then."""
    with pytest.raises(InvalidWheel) as caught:
        put(path, store)
    assert list((store.root.parent / "tmp").iterdir()) == []
    assert not store.root.exists() or list(store.root.iterdir()) == []
    (found,) = caught.value.context
    return found


def files(wheel: StoredWheel) -> dict[str, bytes]:
    root = Path(wheel.path)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def content_of(path: Path) -> dict[str, bytes]:
    """What zipfile finds in a wheel."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist() if not name.endswith("/")}


class TestBytes:
    """What is unpacked is what is in the archive."""

    def test_a_wheel_is_unpacked_whole(self, tmp_path: Path, store: Store) -> None:
        path = make_wheel(tmp_path, files={"demo/__init__.py": "x = 1\n", "demo/empty": ""})
        expected = content_of(path)
        del expected[f"{INFO}/RECORD"]
        assert files(put(path, store)) == expected | {f"{INFO}/INSTALLER": b"vinstall\n"}

    @pytest.mark.parametrize("threads", [0, 3])
    @pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_large_members_are_streamed(
        self, tmp_path: Path, store: Store, compression: int, threads: int
    ) -> None:
        noise = random.Random(1)
        contents: dict[str, str | bytes] = {
            "demo/noise.bin": noise.randbytes((1 << 20) + 70_007),
            "demo/text.txt": b"".join(b"%d\n" % noise.getrandbits(20) for _ in range(300_000)),
            "demo/zeros.bin": bytes(6 << 20),
            "demo/small.py": b"x = 1\n",
        }
        path = make_wheel(tmp_path, files=contents, compression=compression)
        found = files(put(path, store, threads=threads))
        assert {name: found[name] for name in contents} == contents

    @settings(max_examples=40)
    @given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(), max_size=8))
    def test_any_content_survives(
        self, tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]
    ) -> None:
        folder = tmp_path_factory.mktemp("content")
        path = make_wheel(folder, files=dict(contents))
        found = files(put(path, Store(folder / "v1" / "unpacked")))
        assert {name: found[name] for name in contents} == contents

    def test_a_long_extra_field_does_not_shift_the_bytes(
        self, tmp_path: Path, store: Store
    ) -> None:
        info = entry("demo/a.py")
        info.extra = struct.pack("<HH", 0x6375, 400) + bytes(400)
        path = archive(tmp_path, (info, "x = 1\n"), ("demo/b.py", "y = 2\n"))
        found = files(put(path, store))
        assert (found["demo/a.py"], found["demo/b.py"]) == (b"x = 1\n", b"y = 2\n")

    def test_bytes_before_the_archive_are_passed_over(self, tmp_path: Path, store: Store) -> None:
        path = archive(tmp_path, ("demo/a.py", "x = 1\n"))
        path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
        assert files(put(path, store))["demo/a.py"] == b"x = 1\n"

    def test_names_outside_of_ascii_are_kept(self, tmp_path: Path, store: Store) -> None:
        path = archive(tmp_path, ("Ünï/日本.txt", "x"))
        assert files(put(path, store))["Ünï/日本.txt"] == b"x"

    def test_hashes_other_than_sha256_are_checked_too(self, tmp_path: Path, store: Store) -> None:
        import base64

        hashed = base64.urlsafe_b64encode(hashlib.sha512(b"1").digest()).rstrip(b"=").decode()
        rows = [f"{INFO}/{name},{digest(text.encode())}," for name, text in INFOS]
        good = "\n".join([f"a.py,sha512={hashed},1", *rows, ""])
        assert put(archive(tmp_path / "good", ("a.py", "1"), record=good), store)
        bad = "\n".join([f"a.py,sha512={hashed[::-1]},1", *rows, ""])
        wheel = archive(tmp_path / "bad", ("a.py", "1"), record=bad)
        with pytest.raises(InvalidWheel) as caught:
            put(wheel, store)
        assert caught.value.context == ("`a.py` does not match its hash in RECORD",)


INFOS = (("METADATA", METADATA), ("WHEEL", WHEEL))
SIZES = [100, (1 << 20) + 90_000]
"""A member read as a whole, and one that is streamed."""


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def central(path: Path, offset: int, form: str, value: int) -> Path:
    """Overwrite a field of the first entry in the archive's directory."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.index(b"PK\1\2") + offset, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("size", SIZES)
class TestLies:
    """Everything the archive says about a member is held against its bytes."""

    def test_a_wrong_hash_in_record_is_refused(
        self, tmp_path: Path, store: Store, size: int
    ) -> None:
        rows = [f"{INFO}/{name},{digest(text.encode())}," for name, text in INFOS]
        record = "\n".join([f"a.bin,{digest(b'other')},{size}", *rows, ""])
        wheel = archive(tmp_path, ("a.bin", noise(size)), record=record)
        assert fault(wheel, store) == "`a.bin` does not match its hash in RECORD"

    def test_a_wrong_checksum_is_refused(self, tmp_path: Path, store: Store, size: int) -> None:
        wheel = central(archive(tmp_path, ("a.bin", noise(size))), 16, "<I", 1)
        assert fault(wheel, store) == "`a.bin` fails its checksum"

    @pytest.mark.parametrize("difference", [-1, 1])
    def test_a_wrong_size_is_refused(
        self, tmp_path: Path, store: Store, size: int, difference: int
    ) -> None:
        rows = [f"{INFO}/{name},{digest(text.encode())}," for name, text in INFOS]
        record = "\n".join([f"a.bin,{digest(noise(size))},", *rows, ""])
        wheel = archive(tmp_path, ("a.bin", noise(size)), record=record)
        central(wheel, 24, "<I", size + difference)
        found = f"`a.bin` does not hold the {size + difference} bytes that are declared"
        assert fault(wheel, store) == found

    def test_bytes_that_do_not_inflate_are_refused(
        self, tmp_path: Path, store: Store, size: int
    ) -> None:
        wheel = archive(tmp_path, ("a.bin", noise(size)))
        data = bytearray(wheel.read_bytes())
        data[35:60] = b"\xff" * 25
        wheel.write_bytes(data)
        assert fault(wheel, store).startswith("`a.bin` ")

    def test_a_bomb_stops_at_its_declared_size(
        self, tmp_path: Path, store: Store, size: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A member that inflates to far more than it declares is not inflated further."""
        rows = [f"{INFO}/{name},{digest(text.encode())}," for name, text in INFOS]
        record = "\n".join([f"a.bin,{digest(b'')},", *rows, ""])
        wheel = archive(tmp_path, ("a.bin", noise(size) + bytes(24 << 20)), record=record)
        central(wheel, 24, "<I", size)
        written: list[int] = []
        honest = os.write

        def write(out: int, data: bytes) -> int:
            written.append(len(data))
            return honest(out, data)

        monkeypatch.setattr("vinstall.installation.inflate.os.write", write)
        assert fault(wheel, store) == f"`a.bin` does not hold the {size} bytes that are declared"
        assert sum(written) <= size

    @pytest.mark.parametrize(
        ("offset", "new", "expected"),
        [
            (30, b"b", "has another name in its local header"),
            (0, b"Q", "has no local header where the archive says"),
            (26, b"\x07", "has no local header where the archive says"),
            (8, b"\0", "has another compression in its local header"),
        ],
    )
    def test_a_local_header_that_contradicts_is_refused(
        self, tmp_path: Path, store: Store, size: int, offset: int, new: bytes, expected: str
    ) -> None:
        wheel = archive(tmp_path, ("a.bin", noise(size)))
        data = bytearray(wheel.read_bytes())
        data[offset : offset + 1] = new
        wheel.write_bytes(data)
        assert fault(wheel, store) == f"`a.bin` {expected}"


class TestManifest:
    def test_groups_say_what_goes_where(self, tmp_path: Path, store: Store) -> None:
        path = archive(
            tmp_path,
            ("pkg/a.py", "a"),
            (entry("pkg/tool", 0o100755), "tool"),
            ("pkg/sub/b.py", "bb"),
            ("demo-1.0.data/headers/demo.h", "h"),
            ("demo-1.0.data/scripts/run", "#!python\nprint()\n"),
            ("demo-1.0.data/scripts/tool", "#!/bin/sh\n"),
        )
        wheel = put(path, store)
        places = {(group.scheme, group.folder, group.source): group.names for group in wheel.groups}
        assert places == {
            ("purelib", "pkg", "pkg"): ("a.py", "tool"),
            ("purelib", "pkg/sub", "pkg/sub"): ("b.py",),
            ("headers", "", "demo-1.0.data/headers"): ("demo.h",),
            ("scripts", "", "demo-1.0.data/scripts"): ("run", "tool"),
            ("purelib", INFO, INFO): ("METADATA", "WHEEL", "INSTALLER"),
        }
        assert wheel.templates == {"demo-1.0.data/scripts/run"}
        modes = {
            name: mode & 0o111 != 0 for group in wheel.groups for name, _, _, mode in group.rows()
        }
        assert {name for name, executable in modes.items() if executable} == {"run", "tool"}
        assert store.find(wheel.sha256) == wheel

    def test_record_has_every_row_but_those_of_templates(
        self, tmp_path: Path, store: Store
    ) -> None:
        path = archive(
            tmp_path,
            ("pkg/a, b.py", "a"),
            ("demo-1.0.data/scripts/run", "#!python\n"),
            ("demo-1.0.data/scripts/tool", "#!/bin/sh\n"),
        )
        parts = {part.scheme: part.text for part in put(path, store).record}
        assert parts["scripts"] == f"tool,{digest(b'#!/bin/sh' + bytes([10]))},10\n"
        assert parts["purelib"].splitlines() == [
            f'"pkg/a, b.py",{digest(b"a")},1',
            f"{INFO}/METADATA,{digest(METADATA.encode())},{len(METADATA)}",
            f"{INFO}/WHEEL,{digest(WHEEL.encode())},{len(WHEEL)}",
            f"{INFO}/INSTALLER,{digest(b'vinstall' + bytes([10]))},9",
        ]

    def test_entry_points_are_read(self, tmp_path: Path, store: Store) -> None:
        text = "[console_scripts]\ndemo = demo.cli:main\n[gui_scripts]\nw = demo:app.run [x]\n"
        path = make_wheel(tmp_path, entry_points=text + "[other]\nz = demo\n")
        assert put(path, store).entry_points == (
            EntryPoint("demo", "demo.cli", "main", "console"),
            EntryPoint("w", "demo", "app.run", "gui"),
        )

    @pytest.mark.parametrize(
        "name", ["../evil", "a/b", "..", ".", "C:evil", "a\\b", "bell\x07", "/abs"]
    )
    def test_a_script_name_that_leads_elsewhere_is_refused(
        self, tmp_path: Path, store: Store, name: str
    ) -> None:
        path = make_wheel(tmp_path, entry_points=f"[console_scripts]\n{name} = demo:main\n")
        shown = name.encode("unicode_escape").decode()
        assert fault(path, store) == f"`{shown}` is no name for a script"

    @pytest.mark.parametrize(
        ("text", "detail"),
        [
            ("[console_scripts]\na = demo\n", "a script is not given as `module:callable`"),
            (
                "[console_scripts]\na = demo:main; import os\n",
                "a script is not given as `module:callable`",
            ),
            ("garbage\n", "File contains no section headers."),
            ("[console_scripts]\na = x:y\na = x:z\n", "While reading from '<string>' [line  3]"),
        ],
    )
    def test_what_is_no_entry_point_is_refused(
        self, tmp_path: Path, store: Store, text: str, detail: str
    ) -> None:
        found = fault(make_wheel(tmp_path, entry_points=text), store)
        assert found.startswith(f"`entry_points.txt` cannot be read: {detail}")


class TestFailures:
    def test_a_full_disk_leaves_nothing_and_says_where(
        self, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(out: int, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("vinstall.installation.inflate.os.write", full)
        path = make_wheel(tmp_path)
        with pytest.raises(InstallationError) as caught:
            put(path, store)
        assert caught.value.message == (
            f"`{path.name}` could not be unpacked: No space left on device"
        )
        assert caught.value.context == (f"in the cache `{store.root}`",)
        assert list((store.root.parent / "tmp").iterdir()) == []

    def test_a_failing_part_stops_the_others(self, tmp_path: Path, store: Store) -> None:
        contents: dict[str, str | bytes] = {f"m{number}": noise(1 << 20) for number in range(20)}
        path = make_wheel(tmp_path, files=contents)
        data = bytearray(path.read_bytes())
        data[data.index(b"m19") + 5000] ^= 0xFF
        path.write_bytes(data)
        before = threading.active_count()
        with pytest.raises(InvalidWheel):
            put(path, store, threads=2)
        assert threading.active_count() == before
        assert list((store.root.parent / "tmp").iterdir()) == []

    def test_oddities_are_told_in_detail(self, tmp_path: Path, store: Store) -> None:
        texts = {"WHEEL": WHEEL.replace("1.0", "1.3", 1)}
        path = archive(tmp_path, ("a.py", ""), texts=texts)
        listener = Listener()
        unpack_wheel(path, filename=path.name, sha256="0" * 64, store=store, observer=listener)
        assert listener.details == [f"`{path.name}`: Wheel-Version 1.3 is newer than 1.0"]


def test_isal_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    assert best_codec().error is zlib.error
