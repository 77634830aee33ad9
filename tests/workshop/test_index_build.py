"""A folder of distributions becomes a static index."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.support.wheels import make_wheel
from tests.workshop.installers import label_of, uv_install, vinstall_install
from vinstall.errors import FormatError, SourceError
from vinstall.formats.simple_api import parse_project_html, parse_project_json
from vinstall.formats.variant_json import parse_property, parse_variant_table
from vinstall.workshop.index_build import build_index
from vinstall.workshop.index_state import STATE_FILE, read_state, render_state
from vinstall.workshop.repack import Edits, make_variant
from vinstall.workshop.serve import serve_index
from vinstall.workshop.variant_definition import define, wheel_table

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))


def make(
    folder: Path, label: str | None, *properties: str, name: str = "demo", **more: Any
) -> Path:
    """A wheel in `folder`, through `make_variant` where it has a label."""
    plain = make_wheel(folder / ".plain", name, **more)
    if label is None:
        return Path(shutil.move(plain, folder / plain.name))
    found = tuple(map(parse_property, properties))
    table = wheel_table(define(("x86_64",), found), label, found)
    return make_variant(plain, folder, table=table).path


def document(label: str, **change: Any) -> dict[str, Any]:
    return {
        "$schema": "https://variants-schema.wheelnext.dev/v0.2.0.json",
        "default-priorities": {"namespace": ["x86_64"]},
        "providers": {"x86_64": {"requires": ["x86-64-variant-provider"]}},
        "variants": {label: {"x86_64": {"level": [label[:2]]}}},
        **change,
    }


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file's inode and content."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_ino, path.read_bytes())
        for path in files
    }


class TestPages:
    def test_both_forms_list_the_same_with_hashes_and_sidecars(self, tmp_path: Path) -> None:
        make(tmp_path, "v3", "x86_64::level::v3", requires_python=">=3.9")
        plain = make(tmp_path, None, requires_python=">=3.9")
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "demo-0.9.tar.gz").write_bytes(b"source")
        (tmp_path / "notes.zip").write_bytes(b"no distribution")
        os.utime(plain, (1_600_000_000, 1_600_000_000.5))
        report = build_index(tmp_path)
        assert (report.projects, report.files, report.read) == (1, 3, 3)
        pages = tmp_path / "simple" / "demo"
        url = (pages / "index.html").as_uri()
        name = canonicalize_name("demo")
        found = parse_project_json(
            (pages / "index.json").read_bytes(), url=url, name=name, source=""
        )
        html = parse_project_html((pages / "index.html").read_text(), url=url, name=name, source="")
        assert [file.filename for file in found.files] == [
            "demo-0.9.tar.gz",
            "demo-1.0-variants.json",
            "demo-1.0-py3-none-any-v3.whl",
            "demo-1.0-py3-none-any.whl",
        ]
        assert found.versions == ("0.9", "1.0")
        for file, other in zip(found.files, html.files, strict=True):
            path = Path(file.url.removeprefix("file://"))
            data = path.read_bytes()
            assert file.hashes == (("sha256", hashlib.sha256(data).hexdigest()),)
            assert file.size == len(data)
            assert other == file._replace(size=None, upload_time=None)
            if file.filename.endswith(".whl"):
                assert file.requires_python == ">=3.9"
                sidecar = Path(f"{path}.metadata").read_bytes()
                assert file.metadata_hashes == (("sha256", hashlib.sha256(sidecar).hexdigest()),)
                assert sidecar.startswith(b"Metadata-Version:")
        assert found.files[-1].upload_time == "2020-09-13T12:26:40.500000Z"
        root = json.loads((tmp_path / "simple" / "index.json").read_bytes())
        assert root["projects"] == [{"name": "demo"}]

    def test_names_and_versions_of_index_files_are_normalized(self, tmp_path: Path) -> None:
        make(tmp_path, "v3", "x86_64::level::v3", name="Foo-Bar", version="1.0.POST1")
        build_index(tmp_path)
        assert (tmp_path / "simple/foo-bar/foo_bar-1.0.post1-variants.json").is_file()

    def test_an_index_file_lists_every_label_of_the_release(self, tmp_path: Path) -> None:
        for level in ("v2", "v3"):
            make(tmp_path, level, f"x86_64::level::{level}")
        make(tmp_path, "null")
        build_index(tmp_path)
        table = parse_variant_table(
            (tmp_path / "simple/demo/demo-1.0-variants.json").read_bytes(), strict=True
        )
        assert dict(table.variants) == {
            "null": frozenset(),
            "v2": frozenset({parse_property("x86_64::level::v2")}),
            "v3": frozenset({parse_property("x86_64::level::v3")}),
        }

    def test_wheels_of_an_old_generation_keep_it(self, tmp_path: Path) -> None:
        old: dict[str, Any] = {
            "$schema": "https://variants-schema.wheelnext.dev/v0.0.3.json",
            "default-priorities": {"namespace": ["x86_64"], "feature": {"x86_64": ["level"]}},
            "providers": {"x86_64": {"requires": ["p"], "enable-if": "python_version > '3'"}},
            "static-properties": {},
        }
        for label in ("v2", "v3"):
            variants = {"variants": {label: {"x86_64": {"level": [label]}}}}
            make_wheel(tmp_path, label=label, variant_json=old | variants)
        build_index(tmp_path)
        written = json.loads((tmp_path / "simple/demo/demo-1.0-variants.json").read_bytes())
        both = {label: {"x86_64": {"level": [label]}} for label in ("v2", "v3")}
        assert written == old | {"variants": both}


class TestConflicts:
    """Contradictions are refused with both wheels named, and nothing is written."""

    def refused(self, folder: Path) -> tuple[str, ...]:
        before = snapshot(folder)
        with pytest.raises(FormatError) as caught:
            build_index(folder)
        assert caught.value.message == f"`{folder}` cannot be made into an index"
        assert snapshot(folder) == before
        return caught.value.context

    def test_one_label_with_two_meanings(self, tmp_path: Path) -> None:
        make_wheel(tmp_path, label="v3", variant_json=document("v3"), tag="py2-none-any")
        make_wheel(tmp_path, label="v2", variant_json=document("v2"))
        other = document("v3", variants={"v3": {"x86_64": {"level": ["v4"]}}})
        make_wheel(tmp_path, label="v3", variant_json=other)
        assert self.refused(tmp_path) == (
            "simple/demo/demo-1.0-variants.json: `demo-1.0-py2-none-any-v3.whl` and "
            "`demo-1.0-py3-none-any-v3.whl`: variants.v3: two documents of one release give it "
            "other properties [variants-conflict]",
        )

    def test_two_orders_of_namespaces(self, tmp_path: Path) -> None:
        make_wheel(tmp_path, label="v3", variant_json=document("v3"))
        providers = {name: {"requires": ["p"]} for name in ("amd", "x86_64")}
        providers["x86_64"] = {"requires": ["x86-64-variant-provider"]}
        other = document(
            "v2", **{"default-priorities": {"namespace": ["amd", "x86_64"]}, "providers": providers}
        )
        make_wheel(tmp_path, label="v2", variant_json=other)
        (line,) = self.refused(tmp_path)
        assert "`demo-1.0-py3-none-any-v2.whl` and `demo-1.0-py3-none-any-v3.whl`" in line

    def test_one_name_with_two_contents(self, tmp_path: Path) -> None:
        make_wheel(tmp_path / "a", files={"demo.py": "1"})
        make_wheel(tmp_path / "b", files={"demo.py": "2"})
        assert self.refused(tmp_path) == (
            "b/demo-1.0-py3-none-any.whl: has the name of `a/demo-1.0-py3-none-any.whl` "
            "and other content [index-duplicate]",
        )

    def test_every_bad_wheel_is_named_at_once(self, tmp_path: Path) -> None:
        make_wheel(tmp_path, "a", label="x")
        make_wheel(tmp_path, "b", label="x", variant_json="{}")
        (tmp_path / "c-1.0-py3-none-any.whl").write_bytes(b"no zip")
        make_wheel(tmp_path, "d").rename(tmp_path / "d-1-2-3.whl")
        make_wheel(tmp_path, "e").rename(tmp_path / "f-1.0-py3-none-any.whl")
        lines = self.refused(tmp_path)
        assert [line.partition(":")[0] for line in lines] == [
            "a-1.0-py3-none-any-x.whl",
            "b-1.0-py3-none-any-x.whl",
            "c-1.0-py3-none-any.whl",
            "d-1-2-3.whl",
            "f-1.0-py3-none-any.whl",
            "f-1.0-py3-none-any.whl",
        ]

    def test_a_refusal_leaves_an_older_index_as_it_was(self, tmp_path: Path) -> None:
        make(tmp_path, None)
        build_index(tmp_path)
        make_wheel(tmp_path, label="x")
        self.refused(tmp_path)

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="is no folder"):
            build_index(tmp_path / "nothing")


class TestIncremental:
    def test_a_second_build_writes_nothing(self, tmp_path: Path) -> None:
        make(tmp_path, "v3", "x86_64::level::v3")
        build_index(tmp_path)
        before = snapshot(tmp_path)
        report = build_index(tmp_path)
        assert (report.read, report.written, report.removed) == (0, (), ())
        assert snapshot(tmp_path) == before

    def test_a_new_wheel_touches_its_release_alone(self, tmp_path: Path) -> None:
        make(tmp_path, "v3", "x86_64::level::v3")
        make(tmp_path, None, name="other")
        build_index(tmp_path)
        make(tmp_path, "v2", "x86_64::level::v2")
        report = build_index(tmp_path)
        assert report.read == 1
        assert report.written == (
            "demo-1.0-py3-none-any-v2.whl.metadata",
            "simple/demo/demo-1.0-variants.json",
            "simple/demo/index.html",
            "simple/demo/index.json",
        )

    def test_what_is_gone_from_the_folder_is_gone_from_the_index(self, tmp_path: Path) -> None:
        gone = make(tmp_path, "v3", "x86_64::level::v3")
        make(tmp_path, None, name="other")
        build_index(tmp_path)
        gone.unlink()
        report = build_index(tmp_path)
        assert report.removed == (
            "demo-1.0-py3-none-any-v3.whl.metadata",
            "simple/demo/demo-1.0-variants.json",
            "simple/demo/index.html",
            "simple/demo/index.json",
        )
        assert not (tmp_path / "simple" / "demo").exists()

    def test_a_replaced_wheel_is_read_again_even_with_its_old_time(self, tmp_path: Path) -> None:
        wheel = make(tmp_path, None, files={"demo.py": "1"})
        build_index(tmp_path)
        facts = wheel.stat()
        new = make_wheel(tmp_path / ".plain", files={"demo.py": "2"})
        os.utime(new, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        new.replace(wheel)
        build_index(tmp_path)
        page = (tmp_path / "simple/demo/index.html").read_text()
        assert hashlib.sha256(wheel.read_bytes()).hexdigest() in page

    def test_an_equal_file_keeps_its_upload_time(self, tmp_path: Path) -> None:
        wheel = make(tmp_path, None)
        build_index(tmp_path)
        before = (tmp_path / "simple/demo/index.json").read_bytes()
        os.utime(wheel, (1, 1))
        assert build_index(tmp_path).read == 1
        assert (tmp_path / "simple/demo/index.json").read_bytes() == before

    @pytest.mark.parametrize(
        "state",
        [
            b"",
            b"[]",
            b"{}",
            b'{"version": 1}',
            b'{"version": 99}',
            b"\xff",
            b'{"version":1,"documents":[],"files":[[1]]}',
        ],
    )
    def test_a_lost_state_costs_time_alone(self, tmp_path: Path, state: bytes) -> None:
        make(tmp_path, "v3", "x86_64::level::v3")
        build_index(tmp_path)
        before = snapshot(tmp_path)
        (tmp_path / STATE_FILE).write_bytes(state)
        assert build_index(tmp_path).read == 1
        after = snapshot(tmp_path)
        assert {**after, STATE_FILE: before[STATE_FILE]} == before

    def test_a_state_from_elsewhere_removes_nothing_outside(self, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("x")
        folder = tmp_path / "site"
        make(folder, None)
        build_index(folder)
        state = json.loads((folder / STATE_FILE).read_bytes())
        state["written"] += ["../precious", str(tmp_path / "precious")]
        (folder / STATE_FILE).write_text(json.dumps(state))
        assert build_index(folder).removed == ()
        assert (tmp_path / "precious").is_file()

    def test_the_state_is_read_back_as_it_was_written(self, tmp_path: Path) -> None:
        make(tmp_path, "v3", "x86_64::level::v3")
        build_index(tmp_path)
        assert render_state(read_state(tmp_path)) == (tmp_path / STATE_FILE).read_bytes()

    def test_one_wheel_more_costs_one_wheel(self, tmp_path: Path) -> None:
        """At scale 20: 10,000 wheels; the figure is printed, the number of reads is asserted."""
        seed = make_wheel(tmp_path / ".seed", label="v3", variant_json=document("v3"))
        data = seed.read_bytes()
        count = 500 * SCALE
        for number in range(count):
            (tmp_path / f"demo-1.0-{number}-py3-none-any-v3.whl").write_bytes(data)
        start = time.perf_counter()
        assert build_index(tmp_path).read == count
        first = time.perf_counter() - start
        (tmp_path / f"demo-1.0-{count}-py3-none-any-v3.whl").write_bytes(data)
        start = time.perf_counter()
        report = build_index(tmp_path)
        print(f"{count} wheels: {first:.2f} s, one more: {time.perf_counter() - start:.2f} s")
        assert (report.read, report.files) == (1, count + 1)


@pytest.mark.uv
class TestUv:
    """uv 0.13.8 and vinstall install every kind of wheel made here, and the same ones."""

    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        folder = tmp_path / "site"
        for level in ("v1", "v2"):
            make(folder, level, f"x86_64::level::{level}")
        make(folder, "null")
        make(folder, None)
        for lower in ("12.0", "13.0"):
            make(folder, f"cu{lower[:2]}", f"nvidia::cuda_version_lower_bound::{lower}", name="gpu")
        make(folder, "null", name="gpu")
        make(folder, "openblas", "blas_lapack::provider::openblas", name="linear")
        old = make_wheel(folder / ".plain", "old-cpu", files={"old.py": "LABEL = 'v1'"})
        prop = parse_property("x86_64::level::v1")
        table = wheel_table(define((), (prop,)), "v1", (prop,))
        make_variant(old, folder, table=table, edits=Edits(rename="new"), epoch=0)
        build_index(folder)
        return folder

    def test_labels_are_chosen_as_the_host_allows(self, site: Path, tmp_path: Path) -> None:
        with serve_index(site).running() as url:

            def label(project: str, **variables: str) -> str | None:
                target = tmp_path / f"{project}{len(variables)}"
                said = uv_install(url, target / "uv", project, **variables)
                assert "Failed to parse" not in said
                vinstall_install(url, target / "vinstall", project, **variables)
                assert label_of(target / "vinstall") == label_of(target / "uv")
                return label_of(target / "uv")

            assert label("demo") in ("v1", "v2", "null")
            assert label("gpu") in ("cu12", "cu13", "null")
            assert label("gpu", NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION="12.8") == "cu12"
            assert label("linear") == "openblas"
            assert label("new") in ("v1", "null")
            assert (tmp_path / "new0" / "uv" / "old.py").is_file()
