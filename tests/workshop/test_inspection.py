"""Everything there is to know about one wheel file."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from vinstall.formats.variant_json import parse_property, parse_variant_table
from vinstall.workshop.binary_file import BinaryFile
from vinstall.workshop.inspection import KindSize, inspect_wheel

V3 = {
    "$schema": "https://variants-schema.wheelnext.dev/v0.2.0.json",
    "default-priorities": {"namespace": ["x86_64"]},
    "providers": {"x86_64": {"requires": ["x86-64-variant-provider"]}},
    "variants": {"v3": {"x86_64": {"level": ["v3"]}}},
}


def fault_lines(path: Path) -> list[str]:
    return [fault.sentence() for fault in inspect_wheel(path).faults]


class TestFacts:
    def test_a_good_wheel_is_described_and_has_no_fault(self, tmp_path: Path) -> None:
        wheel = make_wheel(
            tmp_path,
            label="v3",
            variant_json=V3,
            tag="cp311-cp311-linux_x86_64",
            requires=["numpy>=2; variant_label == 'v3'"],
            requires_python=">=3.9",
            files={
                "demo/__init__.py": "x",
                "demo/a.cpython-311-x86_64-linux-gnu.so": "not compiled",
                "demo/libz.so.1.2": "no",
                "demo/LICENSE": "",
            },
        )
        found = inspect_wheel(wheel)
        assert found.faults == ()
        assert found.name is not None
        assert found.name.label == "v3"
        assert found.properties == frozenset({parse_property("x86_64::level::v3")})
        assert found.table is not None
        assert found.table.namespaces == ("x86_64",)
        assert found.requires_python == ">=3.9"
        assert found.requirements == ("numpy>=2 ; variant_label == 'v3'",)
        assert found.size == wheel.stat().st_size
        assert found.libraries == {}
        assert [kind.size for kind in found.kinds] == sorted(
            (kind.size for kind in found.kinds), reverse=True
        )
        assert KindSize(kind=".so", files=2, size=14, compressed_size=18) in found.kinds
        assert KindSize(kind=".py", files=1, size=1, compressed_size=3) in found.kinds

    def test_shared_libraries_are_listed_with_what_they_need(self, tmp_path: Path) -> None:
        if shutil.which("gcc") is None:
            pytest.skip("gcc is not here")
        source = tmp_path / "x.c"
        source.write_text("#include <math.h>\ndouble f(double x) { return sin(x); }\n")
        library = tmp_path / "x.so"
        command = ["gcc", "-shared", "-fPIC", "-Wl,--no-as-needed", "-Wl,-soname,libx.so.1"]
        command += ["-Wl,-rpath,$ORIGIN/../libs", "-o", str(library), str(source), "-lm"]
        subprocess.run(command, check=True)
        wheel = make_wheel(tmp_path, files={"demo/x.so": library.read_bytes()})
        found = inspect_wheel(wheel).libraries
        machine = subprocess.run(
            ["gcc", "-dumpmachine"], capture_output=True, check=True, text=True
        )
        assert found == {
            "demo/x.so": BinaryFile(
                format="ELF",
                machine=machine.stdout.partition("-")[0],
                needed=("libm.so.6", "libc.so.6"),
                soname="libx.so.1",
                search=("$ORIGIN/../libs",),
            )
        }


class TestFaults:
    """Every fault is found, each under its rule."""

    def test_a_label_without_metadata(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, label="v3")
        assert fault_lines(wheel) == [
            f"{wheel.name}: has no `demo-1.0.dist-info/variant.json` [label-without-metadata]"
        ]

    def test_metadata_without_a_label(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, variant_json=V3)
        assert fault_lines(wheel) == [
            f"{wheel.name}: carries `variant.json` but has no label [metadata-without-label]"
        ]

    def test_metadata_of_another_label(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, label="v4", variant_json=V3)
        assert fault_lines(wheel) == [
            f"{wheel.name}: variant.json describes `v3`, not `v4` [variant-json]"
        ]

    def test_metadata_that_does_not_parse(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, label="v3", variant_json={**V3, "default-priorities": {}})
        assert fault_lines(wheel) == [
            f"{wheel.name}: variant.json: default-priorities.namespace: is missing [variant-json]"
        ]

    def test_tags_that_differ(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path)
        renamed = wheel.rename(tmp_path / "demo-1.0-py2.py3-none-any.whl")
        assert fault_lines(renamed) == [
            f"{renamed.name}: WHEEL lists the tags py3-none-any [wheel-tags]"
        ]

    def test_a_name_that_is_none(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path).rename(tmp_path / "demo-1.0-py3-none-any-V3.whl")
        assert fault_lines(wheel) == [
            f"{wheel.name}: `{wheel.name}` has the variant label `V3` [wheel-name]"
        ]

    def test_an_index_file_that_disagrees(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, label="v3", variant_json=V3)

        def told(change: dict[str, object]) -> list[str]:
            index = parse_variant_table(json.dumps({**V3, **change}))
            return [fault.message for fault in inspect_wheel(wheel, index=index).faults]

        assert told({}) == []
        assert told({"variants": {"v4": {}}}) == ["the index file does not list `v3`"]
        assert told({"variants": {"v3": {"x86_64": {"level": ["v2"]}}}}) == [
            "the index file gives `v3` other properties"
        ]
        assert told({"default-priorities": {"namespace": ["amd", "x86_64"]}}) == [
            "the index file disagrees: default-priorities.namespace: two documents of one release disagree"
        ]
