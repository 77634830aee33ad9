"""What is installed, and the parts of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.variant_json import Property
from vinstall.target.environment import Scheme, Target
from vinstall.target.installed import (
    InstalledDistribution,
    InstalledVariant,
    RecordRow,
    parse_record,
    scan_installed,
)


def target_with(*sites: Path, own: Path | None = None) -> Target:
    """A target that looks at `sites`; the first one is its own."""
    home = own or sites[0]
    return Target(
        python=Path("/python"),
        python_version=Version("3.12.0"),
        markers={},
        tags={},
        scheme=Scheme(purelib=home, platlib=home, scripts=home, data=home, headers=home),
        site_paths=sites,
        prefix=home,
        origin="tests",
    )


def dist_info(site: Path, name: str, version: str, **files: str | bytes) -> Path:
    """A `.dist-info` folder with files; `__` in their names stands for a dot."""
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    for filename, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / filename.replace("__", ".")).write_bytes(data)
    return folder


def only(target: Target) -> InstalledDistribution:
    (found,) = scan_installed(target)
    return found


class TestScan:
    def test_names_are_normalised_and_versions_parsed(self, tmp_path: Path) -> None:
        location = dist_info(tmp_path, "Zope.Interface", "5.4")
        assert only(target_with(tmp_path)) == InstalledDistribution(
            name=canonicalize_name("zope-interface"), version=Version("5.4"), location=location
        )

    def test_what_is_no_distribution_is_passed_over(self, tmp_path: Path) -> None:
        for name in ("demo", "~emo-1.0.dist-info", "-x-1.0.dist-info", ".vinstall-1.dist-info"):
            (tmp_path / name).mkdir()
        assert list(scan_installed(target_with(tmp_path))) == []

    def test_the_first_site_folder_wins_and_the_second_is_not_local(self, tmp_path: Path) -> None:
        own, base = tmp_path / "own", tmp_path / "base"
        dist_info(own, "demo", "2.0")
        dist_info(base, "demo", "1.0")
        dist_info(base, "other", "1.0")
        found = scan_installed(target_with(own, base))
        assert [(each.name, str(each.version), each.local) for each in found] == [
            ("demo", "2.0", True),
            ("other", "1.0", False),
        ]
        assert found.duplicates == ()

    def test_the_same_project_twice_in_one_folder_is_noticed(self, tmp_path: Path) -> None:
        dist_info(tmp_path, "demo", "1.0")
        second = dist_info(tmp_path, "demo", "2.0")
        found = scan_installed(target_with(tmp_path))
        assert [str(each.version) for each in found] == ["1.0"]
        assert [each.location for each in found.duplicates] == [second]

    def test_one_folder_under_two_names_is_looked_at_once(self, tmp_path: Path) -> None:
        site = tmp_path / "lib"
        dist_info(site, "demo", "1.0")
        (tmp_path / "lib64").symlink_to(site)
        found = scan_installed(target_with(site, tmp_path / "lib64"))
        assert len(list(found)) == 1
        assert found.duplicates == ()

    def test_a_folder_that_is_missing_is_empty(self, tmp_path: Path) -> None:
        assert list(scan_installed(target_with(tmp_path / "nowhere"))) == []

    def test_an_odd_folder_name_is_read_from_its_metadata(self, tmp_path: Path) -> None:
        location = tmp_path / "demo.dist-info"
        location.mkdir()
        (location / "METADATA").write_text("Name: Demo\nVersion: 3.1\n\nVersion: 9\n")
        found = only(target_with(tmp_path))
        assert (found.name, str(found.version)) == ("demo", "3.1")

    def test_one_that_says_nothing_is_unreadable(self, tmp_path: Path) -> None:
        location = tmp_path / "demo.dist-info"
        location.mkdir()
        found = scan_installed(target_with(tmp_path))
        assert list(found) == []
        assert found.unreadable == (location,)

    def test_a_hundred_are_listed_in_a_few_milliseconds(self, tmp_path: Path) -> None:
        for number in range(100):
            dist_info(tmp_path, f"project_{number}", f"1.{number}")
        target = target_with(tmp_path)
        begin = time.perf_counter()
        found = scan_installed(target)
        assert time.perf_counter() - begin < 0.1  # a loaded machine; usually below one
        assert len(found.distributions) == 100


class TestLegacy:
    def test_a_setuptools_folder_counts(self, tmp_path: Path) -> None:
        folder = tmp_path / "demo-1.2-py3.8.egg-info"
        folder.mkdir()
        (folder / "PKG-INFO").write_text("Name: demo\nVersion: 1.2\n")
        found = only(target_with(tmp_path))
        assert (found.name, str(found.version), found.kind) == ("demo", "1.2", "egg-info")
        assert found.metadata() == b"Name: demo\nVersion: 1.2\n"

    def test_a_distutils_file_counts(self, tmp_path: Path) -> None:
        (tmp_path / "demo-1.2.egg-info").write_text("Name: demo\nVersion: 1.2\n")
        found = only(target_with(tmp_path))
        assert (found.name, str(found.version), found.kind) == ("demo", "1.2", "distutils")
        assert found.metadata() == b"Name: demo\nVersion: 1.2\n"
        assert found.record() is None

    def test_an_egg_link_leads_to_its_metadata(self, tmp_path: Path) -> None:
        site, source = tmp_path / "site", tmp_path / "source"
        site.mkdir()
        (source / "demo.egg-info").mkdir(parents=True)
        (source / "demo.egg-info" / "PKG-INFO").write_text("Name: demo\nVersion: 0.1\n")
        (site / "demo.egg-link").write_text(f"{source}\n.")
        found = only(target_with(site))
        assert (found.name, str(found.version), found.kind) == ("demo", "0.1", "egg-link")
        assert found.is_editable()

    def test_a_link_that_leads_nowhere_is_unreadable(self, tmp_path: Path) -> None:
        (tmp_path / "demo.egg-link").write_text("/nowhere\n.")
        assert scan_installed(target_with(tmp_path)).unreadable == (tmp_path / "demo.egg-link",)


class TestParts:
    def test_each_part_is_read_on_demand(self, tmp_path: Path) -> None:
        dist_info(
            tmp_path,
            "demo",
            "1.0",
            INSTALLER="vinstall\n",
            REQUESTED="",
            RECORD="demo.py,sha256=abc,3\ndemo-1.0.dist-info/RECORD,,\n",
            METADATA="Name: demo\n",
            direct_url__json=json.dumps({"url": "file:///x", "dir_info": {"editable": True}}),
        )
        found = only(target_with(tmp_path))
        assert found.installer() == "vinstall"
        assert found.requested()
        assert found.is_editable()
        assert found.metadata() == b"Name: demo\n"
        assert found.record() == (
            RecordRow("demo.py", "sha256=abc", "3"),
            RecordRow("demo-1.0.dist-info/RECORD", "", ""),
        )
        assert found.variant() is None
        assert found.site == tmp_path

    def test_what_is_missing_is_none(self, tmp_path: Path) -> None:
        dist_info(tmp_path, "demo", "1.0")
        found = only(target_with(tmp_path))
        assert found.installer() is None
        assert not found.requested()
        assert found.record() is None
        assert found.direct_url() is None
        assert found.provenance() is None
        assert not found.is_editable()
        assert found.metadata() == b""

    @pytest.mark.parametrize("text", ["", "[]", "{", "\xff"])
    def test_a_broken_origin_is_none(self, tmp_path: Path, text: str) -> None:
        dist_info(tmp_path, "demo", "1.0", direct_url__json=text.encode("latin-1"))
        assert only(target_with(tmp_path)).direct_url() is None


V3 = {"x86_64": {"level": ["v3", "v4"]}}


def variant_json(**variants: object) -> str:
    priorities = {"namespace": ["x86_64"]}
    schema = "https://variants-schema.wheelnext.dev/v0.1.1.json"
    document = {"$schema": schema, "default-priorities": priorities, "variants": variants}
    return json.dumps(document)


class TestVariant:
    def test_label_and_properties_are_told(self, tmp_path: Path) -> None:
        dist_info(tmp_path, "demo", "1.0", variant__json=variant_json(v3=V3))
        assert only(target_with(tmp_path)).variant() == InstalledVariant(
            label="v3",
            properties=frozenset(
                (Property("x86_64", "level", "v3"), Property("x86_64", "level", "v4"))
            ),
        )

    def test_a_file_of_two_variants_is_refused(self, tmp_path: Path) -> None:
        text = variant_json(null={}, v3=V3)
        folder = dist_info(tmp_path, "demo", "1.0", variant__json=text)
        with pytest.raises(FormatError) as caught:
            only(target_with(tmp_path)).variant()
        assert caught.value.message == (
            f"{folder}/variant.json: lists 2 variants, an installed wheel is one"
        )


ROWS = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1),
        st.sampled_from(["", "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"]),
        st.sampled_from(["", "0", "123456"]),
    )
)


class TestRecord:
    @given(ROWS)
    def test_what_csv_writes_is_read(self, rows: list[tuple[str, str, str]]) -> None:
        from vinstall.installation.record import render_record

        assert parse_record(render_record(rows).encode()) == tuple(RecordRow(*row) for row in rows)

    def test_blank_lines_and_short_rows_are_read(self) -> None:
        assert parse_record(b"a.py\n\nb.py,,\r\n") == (
            RecordRow("a.py", "", ""),
            RecordRow("b.py", "", ""),
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"a,b,c,d\n", "RECORD: line 1 has 4 fields, not 3"),
            (b"\xff\n", "RECORD: is not UTF-8"),
            (b'a,"b\n', "RECORD: is no table: unexpected end of data"),
        ],
    )
    def test_what_is_no_record_is_refused(self, text: bytes, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            parse_record(text)
        assert caught.value.message == message
