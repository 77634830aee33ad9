"""Wheels made from wheels."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installer.sources import WheelFile as InstallerWheel

from tests.support.wheels import make_wheel
from vinstall.errors import FormatError, IntegrityError, UsageError
from vinstall.formats.variant_json import Property, VariantTable, parse_property
from vinstall.workshop.repack import Edits, make_variant, unmake_variant
from vinstall.workshop.variant_definition import define, wheel_table

variant_dist_info = pytest.importorskip("variantlib.variant_dist_info")

V3 = parse_property("x86_64 :: level :: v3")


def table(label: str = "v3", *properties: Property) -> VariantTable:
    found = properties or ((V3,) if label != "null" else ())
    return wheel_table(define(("x86_64",), found), label, found)


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def rows(path: Path) -> set[str]:
    record = next(data for name, data in members(path).items() if name.endswith("/RECORD"))
    return set(record.decode().splitlines())


class TestMake:
    """PEP 825: a variant wheel has a label in its name and a `variant.json` inside."""

    def test_name_metadata_and_record_are_those_of_a_variant_wheel(self, tmp_path: Path) -> None:
        plain = make_wheel(tmp_path, tag="cp311-cp311-linux_x86_64", build="3")
        made = make_variant(plain, tmp_path / "out", table=table())
        assert made.path == tmp_path / "out" / "demo-1.0-3-cp311-cp311-linux_x86_64-v3.whl"
        assert made.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()
        assert made.size == made.path.stat().st_size
        document = members(made.path)["demo-1.0.dist-info/variant.json"]
        assert json.loads(document) == {
            "$schema": "https://variants-schema.wheelnext.dev/v0.2.0.json",
            "default-priorities": {"namespace": ["x86_64"]},
            "providers": {"x86_64": {"requires": ["x86-64-variant-provider>=0.2,<1"]}},
            "variants": {"v3": {"x86_64": {"level": ["v3"]}}},
        }
        assert variant_dist_info.VariantDistInfo(document, "v3").variant_label == "v3"
        with InstallerWheel.open(plain) as wheel:  # an unlabelled name is all installer 1.1 takes
            wheel.validate_record()

    def test_record_is_right_to_the_last_row(self, tmp_path: Path) -> None:
        plain = make_wheel(
            tmp_path, files={"demo/a, b.py": "1\n", 'demo/"q".py': "2\n", "demo/ü.py": "3\n"}
        )
        made = make_variant(plain, tmp_path, table=table())
        with InstallerWheel.open(made.path) as wheel:
            wheel.validate_record()
        new = rows(made.path) - rows(plain)
        assert len(new) == 1
        assert new.pop().startswith("demo-1.0.dist-info/variant.json,sha256=")
        assert rows(plain) < rows(made.path)

    def test_what_was_changed_is_said(self, tmp_path: Path) -> None:
        made = make_variant(make_wheel(tmp_path), tmp_path, table=table())
        assert made.changes == (
            "file name `demo-1.0-py3-none-any.whl` is now `demo-1.0-py3-none-any-v3.whl`",
            "variant.json is new: `v3` with x86_64 :: level :: v3",
        )

    def test_the_input_is_never_written_to(self, tmp_path: Path) -> None:
        plain = make_wheel(tmp_path)
        before = plain.read_bytes()
        plain.chmod(0o400)
        make_variant(plain, tmp_path, table=table())
        assert plain.read_bytes() == before

    def test_a_wheel_with_a_label_is_refused(self, tmp_path: Path) -> None:
        made = make_variant(make_wheel(tmp_path), tmp_path, table=table())
        with pytest.raises(UsageError, match=r"has the variant label `v3` already$"):
            make_variant(made.path, tmp_path, table=table("v4"))

    def test_a_namespace_without_a_known_provider_gives_schema_0_1_1(self, tmp_path: Path) -> None:
        prop = parse_property("foo :: bar :: baz")
        made = make_variant(
            make_wheel(tmp_path), tmp_path, table=wheel_table(define((), (prop,)), "x", (prop,))
        )
        assert json.loads(members(made.path)["demo-1.0.dist-info/variant.json"]) == {
            "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
            "default-priorities": {"namespace": ["foo"]},
            "variants": {"x": {"foo": {"bar": ["baz"]}}},
        }

    def test_an_existing_other_file_is_not_replaced(self, tmp_path: Path) -> None:
        plain = make_wheel(tmp_path)
        (tmp_path / "demo-1.0-py3-none-any-v3.whl").write_bytes(b"precious")
        with pytest.raises(UsageError, match="exists and is another file"):
            make_variant(plain, tmp_path, table=table())
        assert (tmp_path / "demo-1.0-py3-none-any-v3.whl").read_bytes() == b"precious"
        made = make_variant(plain, tmp_path, table=table(), overwrite=True)
        assert make_variant(plain, tmp_path, table=table()) == made
        assert sorted(os.listdir(tmp_path)) == sorted((plain.name, made.path.name))

    def test_signatures_are_dropped_and_said(self, tmp_path: Path) -> None:
        plain = make_wheel(
            tmp_path, files={"demo.py": "", "demo-1.0.dist-info/RECORD.jws": "signed"}
        )
        made = make_variant(plain, tmp_path, table=table())
        assert "demo-1.0.dist-info/RECORD.jws" not in members(made.path)
        assert "RECORD.jws is gone, a signature does not survive changes" in made.changes


class TestReproducible:
    """Equal input gives equal bytes; SOURCE_DATE_EPOCH is the only time that shows."""

    def test_two_runs_give_the_same_bytes(self, tmp_path: Path) -> None:
        plain = make_wheel(tmp_path)
        first = make_variant(plain, tmp_path / "a", table=table())
        second = make_variant(plain, tmp_path / "b", table=table())
        assert first.path.read_bytes() == second.path.read_bytes()

    def test_wheels_that_differ_in_times_alone_become_equal(self, tmp_path: Path) -> None:
        made = []
        for number, date in enumerate(((2020, 1, 1, 0, 0, 0), (2024, 5, 6, 7, 8, 10))):
            plain = make_wheel(tmp_path / str(number), compression=zipfile.ZIP_STORED)
            retimed = tmp_path / f"{number}new" / plain.name
            retimed.parent.mkdir()
            with zipfile.ZipFile(plain) as old, zipfile.ZipFile(retimed, "w") as new:
                for info in old.infolist():
                    entry = zipfile.ZipInfo(info.filename, date)
                    entry.external_attr = info.external_attr
                    new.writestr(entry, old.read(info))
            made.append(make_variant(retimed, tmp_path / f"o{number}", table=table(), epoch=10**9))
        assert made[0].sha256 == made[1].sha256
        with zipfile.ZipFile(made[0].path) as archive:
            assert {info.date_time for info in archive.infolist()} == {(2001, 9, 9, 1, 46, 40)}

    @pytest.mark.parametrize(
        ("epoch", "date"),
        [(0, (1980, 1, 1, 0, 0, 0)), (10**11, (2107, 11, 16, 9, 46, 40))],
    )
    def test_times_outside_zip_s_range_are_moved_into_it(
        self, tmp_path: Path, epoch: int, date: tuple[int, ...]
    ) -> None:
        made = make_variant(make_wheel(tmp_path), tmp_path, table=table(), epoch=epoch)
        with zipfile.ZipFile(made.path) as archive:
            assert {info.date_time for info in archive.infolist()} == {date}


class TestRename:
    """Today's `foo-cpu` becomes `foo`: the distribution's name changes, the modules' do not."""

    def test_metadata_folders_and_file_name_carry_the_new_name(self, tmp_path: Path) -> None:
        plain = make_wheel(
            tmp_path,
            "foo-cpu",
            files={"foo/__init__.py": "", "foo_cpu-1.0.data/scripts/foo": "#!python\n"},
            requires=["foo-cpu[extra]; extra == 'all'", "numpy"],
            extras=["all", "extra"],
        )
        made = make_variant(
            plain,
            tmp_path,
            table=table("null"),
            edits=Edits(
                rename="Foo.Bar", drop_requirements=("NumPy",), add_requirements=("scipy>=1",)
            ),
        )
        found = members(made.path)
        assert made.path.name == "foo_bar-1.0-py3-none-any-null.whl"
        assert list(found) == [
            "foo/__init__.py",
            "foo_bar-1.0.data/scripts/foo",
            "foo_bar-1.0.dist-info/METADATA",
            "foo_bar-1.0.dist-info/WHEEL",
            "foo_bar-1.0.dist-info/variant.json",
            "foo_bar-1.0.dist-info/RECORD",
        ]
        assert found["foo_bar-1.0.dist-info/METADATA"].decode() == (
            "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n"
            "Requires-Dist: Foo.Bar[extra]; extra == 'all'\n"
            "Provides-Extra: all\nProvides-Extra: extra\nRequires-Dist: scipy>=1\n"
        )
        assert made.changes == (
            "file name `foo_cpu-1.0-py3-none-any.whl` is now `foo_bar-1.0-py3-none-any-null.whl`",
            "METADATA: Requires-Dist `numpy` is gone",
            "METADATA: Requires-Dist: scipy>=1 is new",
            "METADATA: Name `foo-cpu` is now `Foo.Bar`",
            "METADATA: Requires-Dist `foo-cpu[extra]; extra == 'all'` is now `Foo.Bar[extra]; extra == 'all'`",
            "folder `foo_cpu-1.0.dist-info` is now `foo_bar-1.0.dist-info`",
            "folder `foo_cpu-1.0.data` is now `foo_bar-1.0.data`",
            "variant.json is new: `null` with no properties",
        )
        with InstallerWheel.open(made.path) as wheel:
            wheel.validate_record()

    def test_a_dependency_that_is_not_there_cannot_be_dropped(self, tmp_path: Path) -> None:
        with pytest.raises(FormatError, match="has no Requires-Dist on `nothing`"):
            make_variant(
                make_wheel(tmp_path),
                tmp_path / "out",
                table=table(),
                edits=Edits(drop_requirements=("nothing",)),
            )
        assert not (tmp_path / "out").exists()

    def test_what_is_no_name_or_requirement_is_refused(self, tmp_path: Path) -> None:
        plain = make_wheel(tmp_path)
        with pytest.raises(UsageError, match="`-x` is no project name"):
            make_variant(plain, tmp_path, table=table(), edits=Edits(rename="-x"))
        with pytest.raises(FormatError):
            make_variant(plain, tmp_path, table=table(), edits=Edits(add_requirements=("a b c",)))
        assert os.listdir(tmp_path) == [plain.name]


class TestUnmake:
    def test_the_plain_wheel_is_back(self, tmp_path: Path) -> None:
        plain = make_wheel(tmp_path)
        made = make_variant(plain, tmp_path / "made", table=table())
        back = unmake_variant(made.path, tmp_path / "back")
        assert back.path.name == plain.name
        assert members(back.path) == members(plain)
        assert back.changes == (
            "file name `demo-1.0-py3-none-any-v3.whl` is now `demo-1.0-py3-none-any.whl`",
            "variant.json is gone",
        )

    def test_a_plain_wheel_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="has no variant label, it is a plain wheel already"):
            unmake_variant(make_wheel(tmp_path), tmp_path)

    def test_a_broken_variant_json_is_no_hindrance(self, tmp_path: Path) -> None:
        bad = make_wheel(tmp_path, label="x", variant_json="{")
        assert unmake_variant(bad, tmp_path).path.name == "demo-1.0-py3-none-any.whl"

    def test_markers_that_stay_behind_are_mentioned(self, tmp_path: Path) -> None:
        made = make_variant(
            make_wheel(tmp_path, requires=["a; variant_label == 'v3'"]), tmp_path, table=table()
        )
        assert unmake_variant(made.path, tmp_path / "o").changes[-1] == (
            "METADATA still has variant markers, which installers without variants refuse"
        )

    @settings(max_examples=25 * int(os.environ.get("VINSTALL_TEST_SCALE", "1")), deadline=None)
    @given(
        files=st.dictionaries(
            st.text("abcü,\"' ", min_size=1).map(lambda name: f"demo/{name}.py"),
            st.binary(max_size=2000) | st.integers(0, 400_000).map(bytes),
            max_size=5,
        ),
        stored=st.booleans(),
        rename=st.none() | st.just("other-name"),
    )
    def test_make_and_unmake_give_the_same_content(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        files: dict[str, bytes],
        stored: bool,
        rename: str | None,
    ) -> None:
        folder = tmp_path_factory.mktemp("wheels")
        compression = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        plain = make_wheel(folder, files=dict(files), compression=compression)
        made = make_variant(plain, folder / "made", table=table(), edits=Edits(rename=rename))
        with InstallerWheel.open(made.path) as wheel:
            wheel.validate_record()
        back = unmake_variant(made.path, folder / "back")
        if rename is None:
            assert members(back.path) == members(plain)
        else:
            assert {
                name: data for name, data in members(back.path).items() if name in files
            } == files


class TestLies:
    """A wheel whose parts contradict one another is refused, and nothing is written."""

    def test_a_record_with_other_hashes(self, tmp_path: Path) -> None:
        bad = make_wheel(tmp_path, files={"demo.py": "x"})
        with_record(bad, lambda text: text.replace("sha256=", "sha256=x", 1))
        with pytest.raises(IntegrityError) as caught:
            make_variant(bad, tmp_path / "out", table=table())
        assert caught.value.message == f"`demo.py` in `{bad.name}` is not what its RECORD says"
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            (
                lambda text: text + "gone.py,,\n",
                "RECORD lists `gone.py`, which is not in the wheel",
            ),
            (lambda text: text + text, "RECORD lists `demo.py` more than once"),
            (lambda text: text.partition("\n")[2], "RECORD does not list `demo.py`"),
            (
                lambda text: text.replace(",1\n", ",7\n", 1),
                "RECORD says that `demo.py` has 7 bytes, it has 1",
            ),
            (
                lambda text: text.replace("sha256=", "md5=", 1),
                "RECORD hashes `demo.py` with md5, sha256 or better is asked for",
            ),
            (lambda text: text.replace("sha256=", "", 1), "RECORD has no hash of `demo.py`"),
            (lambda text: "a,b\n" + text, "line 1 of RECORD has 2 fields instead of 3"),
            (lambda text: text.replace(",1\n", ",-1\n", 1), "line 1 of RECORD has the size `-1`"),
            (lambda text: '"' + text, "RECORD is not CSV"),
        ],
    )
    def test_a_record_that_does_not_fit_the_archive(
        self, tmp_path: Path, change: Callable[[str], str], fault: str
    ) -> None:
        bad = with_record(make_wheel(tmp_path, files={"demo.py": "x"}), change)
        with pytest.raises(FormatError) as caught:
            make_variant(bad, tmp_path / "out", table=table())
        assert caught.value.message == f"`{bad.name}` cannot be made into a variant wheel"
        assert f"{bad.name}: {fault} [record]" in caught.value.context
        assert caught.value.hint == "nothing was written"
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("name", "fault"),
        [
            ("other-1.0-py3-none-any.whl", "METADATA is of demo 1.0 [wheel-identity]"),
            (
                "demo-2.0-py3-none-any.whl",
                "has the folder `demo-1.0.dist-info`, of another release [wheel-identity]",
            ),
        ],
    )
    def test_a_name_of_another_release(self, tmp_path: Path, name: str, fault: str) -> None:
        bad = make_wheel(tmp_path).rename(tmp_path / name)
        with pytest.raises(FormatError) as caught:
            make_variant(bad, tmp_path / "out", table=table())
        assert f"{name}: {fault}" in caught.value.context


def with_record(path: Path, change: Callable[[str], str]) -> Path:
    """`path` with its RECORD changed."""
    content = members(path)
    name = next(name for name in content if name.endswith("/RECORD"))
    content[name] = change(content[name].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in content.items():
            archive.writestr(member, data)
    return path
