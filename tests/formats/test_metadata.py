"""Core metadata: the few fields an installer acts on."""

from __future__ import annotations

import importlib.metadata
import marshal
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.metadata import parse_email
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.formats.strategies import SCALE, marker_texts, project_names, requirements, versions
from vinstall.errors import FormatError
from vinstall.formats.marker import MarkerContext
from vinstall.formats.metadata import (
    Metadata,
    dependencies,
    pack_metadata,
    parse_metadata,
    unpack_metadata,
)
from vinstall.formats.requirement import Requirement, parse_requirement, render_requirement
from vinstall.formats.variant_json import Property

TEXT = b"""Metadata-Version: 2.4
Name: A_b
Version: 1.0
requires-python: >=3.8
Description-Content-Type: text/markdown
Requires-Dist: plain
Requires-Dist: folded>=1;
 python_version >= '3'
Requires-Dist: cuda; 'nvidia' in variant_namespaces
Requires-Dist: fast; extra == 'Fast_Math'
Provides-Extra: Fast_Math
Provides-Extra: dev
Dynamic: Requires-Dist
License: Name: not a field
        Version: 9

Name: other
Requires-Dist: from-the-description
"""


def real_files() -> list[bytes]:
    found = (dist.read_text("METADATA") for dist in importlib.metadata.distributions())
    return [text.encode() for text in found if text]


class TestParsing:
    def test_reads_the_header_block_and_nothing_below_it(self) -> None:
        assert parse_metadata(TEXT) == Metadata(
            name=canonicalize_name("a-b"),
            version=Version("1.0"),
            requires_python=SpecifierSet(">=3.8"),
            requires_dist=(
                parse_requirement("plain"),
                parse_requirement("folded>=1;  python_version >= '3'"),
                parse_requirement("cuda; 'nvidia' in variant_namespaces"),
                parse_requirement("fast; extra == 'Fast_Math'"),
            ),
            extras=frozenset({canonicalize_name("fast-math"), canonicalize_name("dev")}),
            dynamic=frozenset({"requires-dist"}),
            metadata_version="2.4",
        )

    def test_line_ends_of_windows_are_read_the_same(self) -> None:
        assert parse_metadata(TEXT.replace(b"\n", b"\r\n")) == parse_metadata(TEXT)

    @settings(max_examples=40 * SCALE)
    @given(project_names, versions, st.lists(requirements(), max_size=4))
    def test_what_was_written_is_found(
        self, name: str, version: Version, listed: list[Requirement]
    ) -> None:
        lines = [f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {render_requirement(requirement)}" for requirement in listed]
        found = parse_metadata("\n".join(lines).encode())
        assert (found.name, found.version) == (name, version)
        assert found.requires_dist == tuple(listed)

    @pytest.mark.parametrize("old", ["2.7", "%s", ">=3.6,,<4 ", "3.6+", "=>3"])
    def test_a_requires_python_that_is_none_counts_as_none(self, old: str) -> None:
        text = f"Name: a\nVersion: 1\nRequires-Python: {old}\n"
        found = parse_metadata(text.encode()).requires_python
        assert found is None or found == SpecifierSet(old)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"", "Name: is missing"),
            (b"\nName: a\nVersion: 1\n", "Name: is missing"),
            (b"Name: a\n", "Version: is missing"),
            (b"Name: ../a\nVersion: 1\n", "Name: `../a` is no project name"),
            (b"Name: a\nVersion: one\n", "Version: `one` is no version"),
            (b"Metadata-Version: 3.0\nName: a\nVersion: 1\n", "Metadata-Version: is `3.0`, newer than 2"),
            (b"Name: a\nVersion: 1\nRequires-Dist: b c\n", "Requires-Dist: `b c` is no requirement"),
            (b"\xff\xfe\x00", "Name: is missing"),
        ],
    )  # fmt: skip
    def test_refuses_what_cannot_be_acted_on(self, text: bytes, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            parse_metadata(text)
        assert caught.value.message == message

    @given(st.binary(max_size=80))
    def test_any_bytes_are_metadata_or_a_format_error(self, text: bytes) -> None:
        with pytest.raises(FormatError):
            parse_metadata(text)

    def test_agrees_with_packaging_on_every_installed_distribution(self) -> None:
        files = real_files()
        assert len(files) > 10
        for text in files:
            raw, _ = parse_email(text)
            found = parse_metadata(text)
            assert found.name == canonicalize_name(raw["name"])
            assert str(found.version) == str(Version(raw["version"]))
            assert found.metadata_version == raw["metadata_version"]
            assert found.extras == {canonicalize_name(e) for e in raw.get("provides_extra", [])}
            assert found.requires_dist == tuple(
                parse_requirement(line) for line in raw.get("requires_dist", [])
            )

    def test_reads_the_metadata_of_the_example_wheels(self, shared_data: Path) -> None:
        paths = sorted((shared_data / "real-index").rglob("*.metadata"))
        found = [parse_metadata(path.read_bytes()) for path in paths]
        assert len(found) == 10
        markers = [r.marker.text for m in found for r in m.requires_dist if r.marker is not None]
        assert sum("variant_properties" in marker for marker in markers) > 0

    def test_a_hundred_files_take_milliseconds(self) -> None:
        files = [TEXT + b"x" * 10_000] * 100
        best = min(_seconds(files) for _ in range(5))
        assert best < 0.02


def _seconds(files: list[bytes]) -> float:
    start = time.perf_counter()
    for text in files:
        parse_metadata(text)
    return time.perf_counter() - start


class TestDependencies:
    def test_are_those_whose_markers_hold_in_the_order_written(self) -> None:
        metadata = parse_metadata(TEXT)
        environment = {"python_version": "3.11"}
        plain = dependencies(metadata, MarkerContext(environment=environment))
        assert [requirement.name for requirement in plain] == ["plain", "folded"]
        asked = frozenset({canonicalize_name("fast-math")})
        found = dependencies(metadata, MarkerContext(environment=environment, extras=asked))
        assert [requirement.name for requirement in found] == ["plain", "folded", "fast"]


ENVIRONMENT = {"python_version": "3.11", "sys_platform": "linux", "os_name": "posix"}


def packed(metadata: Metadata, environment: dict[str, str] = ENVIRONMENT) -> Metadata:
    """As it is after it was packed for an environment, written, read and unpacked."""
    written = marshal.dumps(pack_metadata(metadata, environment))
    return unpack_metadata(marshal.loads(written), environment)


class TestPacking:
    @given(project_names, versions, st.lists(requirements(), max_size=4), st.booleans())
    def test_nothing_is_lost(
        self, name: str, version: Version, listed: list[Requirement], has_python: bool
    ) -> None:
        metadata = Metadata(
            name=canonicalize_name(name),
            version=version,
            requires_python=SpecifierSet(">=3.8,!=3.9.*") if has_python else None,
            requires_dist=tuple(listed),
            extras=frozenset({canonicalize_name("b"), canonicalize_name("a")}),
            dynamic=frozenset({"version"}),
            metadata_version="2.1",
        )
        assert packed(metadata) == metadata
        assert list(packed(metadata).requires_dist[1:]) == listed[1:]
        assert str(packed(metadata).version) == str(version)

    def test_the_same_requirements_hold(self) -> None:
        """Of every distribution installed here, with each of its extras, here and elsewhere."""
        compared = 0
        for text in (TEXT, *real_files()):
            metadata = parse_metadata(text)
            kept = packed(metadata)
            for extras in ((), *((extra,) for extra in metadata.extras)):
                for environment in (ENVIRONMENT, {**ENVIRONMENT, "sys_platform": "win32"}):
                    context = MarkerContext(environment=environment, extras=frozenset(extras))
                    found = dependencies(kept, context)
                    assert found == dependencies(metadata, context)
                    compared += len(found)
        assert compared > 100

    @settings(max_examples=200 * SCALE)
    @given(st.lists(marker_texts, max_size=4), st.sets(st.sampled_from(["a", "b-c"])))
    def test_so_it_is_with_markers_made_at_random(
        self, markers: list[str], asked: set[str]
    ) -> None:
        lines = "".join(f"Requires-Dist: a; {marker}\n" for marker in markers)
        try:
            metadata = parse_metadata(f"Name: a\nVersion: 1\n{lines}".encode())
        except FormatError:
            return
        environment = dict(ENVIRONMENT)
        for label in ("", "cu12"):
            context = MarkerContext(
                environment=environment,
                extras=frozenset(map(canonicalize_name, asked)),
                label=label,
                properties=frozenset({Property("a", "b", "c")} if label else ()),
            )
            kept = packed(metadata, environment)
            try:
                expected = dependencies(metadata, context)
            except FormatError:
                with pytest.raises(FormatError):
                    dependencies(kept, context)
            else:
                assert dependencies(kept, context) == expected

    def test_equal_lines_share_one_requirement(self) -> None:
        first, second = (packed(parse_metadata(TEXT)) for _ in range(2))
        assert first.requires_dist[1] is second.requires_dist[1]

    def test_a_marker_without_meaning_is_a_fault_as_before(self) -> None:
        text = b"Name: a\nVersion: 1\nRequires-Dist: b; os_name ~= 'x' and extra == 'y'\n"
        metadata = packed(parse_metadata(text))
        with pytest.raises(FormatError):
            dependencies(metadata, MarkerContext(environment=ENVIRONMENT))

    @pytest.mark.parametrize(
        "asked",
        [
            "variant_label == 'cu12'",
            "variant_label != ''",
            "'a' in variant_namespaces",
            "'a :: b' in variant_features",
            "'a :: b :: c' in variant_properties",
        ],
    )
    @pytest.mark.parametrize("marker", ["extra == 'x' and {}", "{} and extra == 'x'", "{}"])
    def test_what_variants_decide_is_decided_for_each(self, marker: str, asked: str) -> None:
        """Packed is what one file says; which variant it is chosen as, is known later."""
        text = f"Name: a\nVersion: 1\nRequires-Dist: b; {marker.format(asked)}\n".encode()
        kept = packed(parse_metadata(text), ENVIRONMENT)
        plain = MarkerContext(environment=ENVIRONMENT, extras=frozenset({canonicalize_name("x")}))
        chosen = MarkerContext(
            environment=ENVIRONMENT,
            extras=plain.extras,
            label="cu12",
            properties=frozenset({Property("a", "b", "c")}),
        )
        assert dependencies(kept, plain) == ()
        assert [one.name for one in dependencies(kept, chosen)] == ["b"]
