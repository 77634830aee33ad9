"""Lock files.  Spec: PEP 751, PEP 825 "Integration with pylock.toml"."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker as PackagingMarker
from packaging.pylock import Pylock

from vinstall.errors import FormatError
from vinstall.formats.lock_name import is_lock_name
from vinstall.formats.pylock import Lock, parse_lock
from vinstall.formats.pylock_writer import render_lock

_DIGEST = "a" * 64
_WHEEL = {"url": "https://files.example/demo-1.0-py3-none-any.whl", "hashes": {"sha256": _DIGEST}}
_CHECKOUT = {
    "type": "git",
    "url": "https://h.example/r",
    "commit-id": "c",
    "subdirectory": "../x",
}
_TABLE = {
    "$schema": "https://schema.example/peps/825/v0.1.1.json",
    "default-priorities": {"namespace": ["nvidia"]},
    "variants": {"cu13": {"nvidia": {"cuda_version_lower_bound": ["13.0"]}}, "null": {}},
}


def document(**package: object) -> dict[str, Any]:
    """A lock with one package."""
    entry: dict[str, object] = {"name": "demo", "version": "1.0", "wheels": [_WHEEL], **package}
    return {
        "lock-version": "1.0",
        "created-by": "vinstall",
        "packages": [{key: value for key, value in entry.items() if value is not None}],
    }


def parsed(source: dict[str, Any]) -> Lock:
    return parse_lock(tomli_w.dumps(source))


class TestRoundTrip:
    """PEP 751: "Tools SHOULD write their lock files in a consistent way"."""

    def test_what_another_tool_wrote_and_we_do_not_know_survives(self) -> None:
        source = document(
            novel={"a": 1},
            tool={"other": {"x": [1, 2]}},
            wheels=[{**_WHEEL, "novel": "kept"}],
        ) | {"novel": ["top"], "tool": {"other": {"y": True}}}
        assert tomllib.loads(render_lock(parsed(source)))["packages"][0]["novel"] == {"a": 1}
        again = tomllib.loads(render_lock(parsed(source)))
        assert again["novel"] == ["top"]
        assert again["tool"] == {"other": {"y": True}}
        assert again["packages"][0]["wheels"][0]["novel"] == "kept"
        assert again["packages"][0]["tool"] == {"other": {"x": [1, 2]}}

    def test_variants_json_is_written_again_as_it_was(self) -> None:
        """PEP 825: "The `$schema` key MUST be preserved"."""
        lock = parsed(document(**{"variants-json": _TABLE}))
        variants = lock.packages[0].variants
        assert variants is not None
        assert sorted(variants.variants) == ["cu13", "null"]
        assert tomllib.loads(render_lock(lock))["packages"][0]["variants-json"] == _TABLE

    def test_times_are_in_utc(self) -> None:
        local = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
        lock = parsed(document(wheels=[{**_WHEEL, "upload-time": local}]))
        assert lock.packages[0].wheels[0].upload_time == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)

    def test_absent_and_empty_lists_of_extras_are_told_apart(self) -> None:
        assert parsed(document()).extras is None
        empty = parsed(document() | {"extras": [], "dependency-groups": []})
        assert (empty.extras, empty.dependency_groups) == ((), ())
        assert "extras = []" in render_lock(empty)


_names = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True)
_versions = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}(rc[0-9])?", fullmatch=True)
_digests = st.text("0123456789abcdef", min_size=64, max_size=64)
_markers = st.sampled_from(
    ["sys_platform == 'linux'", "python_version < '3.12' and os_name == 'posix'"]
)


@st.composite
def _files(draw: st.DrawFn, suffix: str, name: str, version: str) -> dict[str, Any]:
    file = f"{name.replace('-', '_')}-{version}{suffix}"
    place = draw(
        st.sampled_from([{"url": f"https://files.example/{file}"}, {"path": f"files/{file}"}])
    )
    extra = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "size": st.integers(0, 10**10),
                "upload-time": st.datetimes(
                    datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)
                ),
                "name": st.just(file),
            },
        )
    )
    return {**place, **extra, "hashes": {"sha256": draw(_digests)}}


@st.composite
def _packages(draw: st.DrawFn) -> dict[str, Any]:
    name, version = draw(_names), draw(_versions)
    wheel = _files("-py3-none-any.whl", name, version)
    entry: dict[str, Any] = {"name": name, "version": version, "wheels": [draw(wheel)]}
    if draw(st.booleans()):
        entry["sdist"] = draw(_files(".tar.gz", name, version))
    choices: dict[str, st.SearchStrategy[Any]] = {
        "marker": _markers,
        "requires-python": st.sampled_from([">=3.8", ">=3.9,<4"]),
        "index": st.just("https://index.example/simple/"),
        "dependencies": st.lists(st.fixed_dictionaries({"name": _names}), min_size=1, max_size=3),
        "attestation-identities": st.just([{"kind": "Publisher", "repository": "a/b"}]),
    }
    nothing: dict[str, st.SearchStrategy[Any]] = {}
    return entry | draw(st.fixed_dictionaries(nothing, optional=choices))


_top: dict[str, st.SearchStrategy[Any]] = {
    "environments": st.lists(_markers, min_size=1, unique=True),
    "requires-python": st.just(">=3.9"),
    "extras": st.lists(_names, unique=True),
    "dependency-groups": st.lists(_names, unique=True),
}
_required: dict[str, st.SearchStrategy[Any]] = {
    "lock-version": st.just("1.0"),
    "created-by": st.just("vinstall"),
    "packages": st.lists(_packages(), max_size=4, unique_by=lambda entry: str(entry["name"])),
}
_locks = st.fixed_dictionaries(_required, optional=_top)


class TestAnyLock:
    """Properties of every lock."""

    @given(_locks)
    def test_rendering_twice_changes_no_byte(self, source: dict[str, Any]) -> None:
        once = render_lock(parsed(source))
        assert render_lock(parse_lock(once)) == once

    @given(_locks)
    def test_packaging_reads_the_same_lock(self, source: dict[str, Any]) -> None:
        theirs = Pylock.from_dict(tomllib.loads(render_lock(parsed(source))))
        ours = parsed(source)
        assert [package.name for package in theirs.packages] == [p.name for p in ours.packages]
        assert [package.version for package in theirs.packages] == [
            p.version for p in ours.packages
        ]
        for mine, other in zip(ours.packages, theirs.packages, strict=True):
            assert [wheel.filename for wheel in other.wheels or ()] == [w.name for w in mine.wheels]
            assert mine.marker is None or PackagingMarker(mine.marker.text) == other.marker

    @given(st.data(), _locks)
    def test_a_truncated_lock_is_refused_or_still_a_lock(
        self, data: st.DataObject, source: dict[str, Any]
    ) -> None:
        text = render_lock(parsed(source))
        cut = text[: data.draw(st.integers(0, len(text)))]
        try:
            found = parse_lock(cut)
        except FormatError:
            return  # any other exception fails the test
        assert len(found.packages) <= len(source["packages"])


class TestFaults:
    """Each is refused with its place."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"version": 1}, "packages[0].version: expected a string, found an integer"),
            ({"version": "one"}, "packages[0].version: `one` is not a version"),
            ({"name": "De_Mo"}, "packages[0].name: `De_Mo` is not a normalised name"),
            ({"marker": "sys_platform =="}, "packages[0].marker: "),
            (
                {"requires-python": "three"},
                "packages[0].requires-python: `three` is not a version specifier",
            ),
            (
                {"wheels": [{"url": "https://f.example/a.whl"}]},
                "packages[0].wheels[0].hashes: at least one hash is required",
            ),
            (
                {"wheels": [{**_WHEEL, "hashes": {"sha256": "xyz"}}]},
                "packages[0].wheels[0].hashes.sha256: `xyz` is not a sha256 digest in hexadecimal",
            ),
            (
                {"wheels": [{"hashes": {"sha256": _DIGEST}}]},
                "packages[0].wheels[0].path: this key is required",
            ),
            (
                {"wheels": [{**_WHEEL, "name": "../x.whl"}]},
                "packages[0].wheels[0].name: `../x.whl` is not a file name",
            ),
            (
                {"wheels": [{**_WHEEL, "size": -1}]},
                "packages[0].wheels[0].size: a size is not negative",
            ),
            (
                {"wheels": [{**_WHEEL, "size": True}]},
                "packages[0].wheels[0].size: expected an integer, found a boolean",
            ),
            ({"wheels": "x"}, "packages[0].wheels: expected an array, found a string"),
            (
                {"wheels": None},
                "packages[0]: an entry needs `wheels`, `sdist`, `archive`, `directory` or `vcs`",
            ),
            ({"directory": {"path": "."}}, "packages[0]: `directory`, `wheels` exclude each other"),
            (
                {"wheels": None, "vcs": _CHECKOUT},
                "packages[0].vcs.subdirectory: `../x` leaves the source tree",
            ),
            ({"variants-json": {"variants": 3}}, "packages[0].variants-json: "),
            (
                {"attestation-identities": [{}]},
                "packages[0].attestation-identities[0].kind: this key is required",
            ),
        ],
    )
    def test_a_bad_package(self, change: dict[str, Any], message: str) -> None:
        with pytest.raises(FormatError) as caught:
            parsed(document(**change))
        assert caught.value.message.startswith(message)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"lock-version": "2.0"},
                "lock-version: version `2.0` of the lock format is not known",
            ),
            ({"lock-version": "1"}, "lock-version: version `1` of the lock format is not known"),
            ({"environments": ["nonsense"]}, "environments[0]: "),
            ({"packages": [3]}, "packages[0]: expected a table, found an integer"),
            ({"extras": [1]}, "extras[0]: expected a string, found an integer"),
            (
                {"packages": document()["packages"] * 2},
                "packages[1]: `demo` 1.0 is listed twice with the same marker",
            ),
        ],
    )
    def test_a_bad_document(self, change: dict[str, Any], message: str) -> None:
        with pytest.raises(FormatError) as caught:
            parsed(document() | change)
        assert caught.value.message.startswith(message)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"\xff", "the file is not UTF-8"),
            (b"a = [", "the file is not TOML"),
            (b"a = " + b"[" * 100_000, "the file is not TOML"),
            (b'created-by = "x"', "lock-version: this key is required"),
        ],
    )
    def test_a_file_that_is_no_lock(self, text: bytes, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            parse_lock(text)
        assert caught.value.message == message or caught.value.message.startswith(
            "tables or arrays"
        )

    def test_a_newer_minor_version_is_read(self) -> None:
        """PEP 751: only another major version must be an error."""
        assert parsed(document() | {"lock-version": "1.7"}).lock_version == "1.7"


@pytest.mark.parametrize(
    ("name", "is_lock"),
    [
        ("pylock.toml", True),
        ("pylock.dev.toml", True),
        ("pylock.a.b.toml", False),
        ("lock.toml", False),
        ("pylock..toml", False),
    ],
)
def test_lock_file_names(name: str, is_lock: bool) -> None:
    assert is_lock_name(name) is is_lock
