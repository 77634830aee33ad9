"""Targets that are described, against uv."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from vinstall.errors import UsageError
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.target.describe import (
    WheelTags,
    describe_by_tags,
    describe_target,
    parse_platform,
)
from vinstall.target.discover import Place, Surroundings, discover_target
from vinstall.target.environment import Target


@pytest.fixture(scope="module")
def base() -> Target:
    place = Place(python=sys.executable)
    return discover_target(place, Surroundings(environ={}, cwd=Path("/"), own=None))


TAGS = [
    "cp312-cp312-manylinux_2_28_x86_64",
    "cp312-cp312-manylinux2014_x86_64",
    "cp312-abi3-manylinux_2_35_x86_64",
    "cp312-cp312-manylinux_2_39_aarch64",
    "cp312-cp312-manylinux_2_26_aarch64",
    "cp312-cp312-manylinux_2_17_aarch64",
    "cp311-abi3-musllinux_1_1_x86_64",
    "cp312-cp312-musllinux_1_2_aarch64",
    "cp312-cp312-macosx_11_0_arm64",
    "cp312-cp312-macosx_14_0_arm64",
    "cp312-cp312-macosx_10_13_x86_64",
    "cp312-cp312-macosx_10_13_universal2",
    "cp312-cp312-win_amd64",
    "cp312-cp312-win_arm64",
    "cp312-cp312-win32",
    "cp312-cp312-android_24_x86_64",
    "cp310-abi3-manylinux_2_31_riscv64",
    "py3-none-any",
]
PLATFORMS = [
    "linux",
    "macos",
    "windows",
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "riscv64-unknown-linux",
    "x86_64-manylinux2014",
    "x86_64-manylinux_2_36",
    "aarch64-manylinux_2_39",
    "manylinux_2_31_aarch64",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "aarch64-pc-windows-msvc",
    "i686-pc-windows-msvc",
    "x86_64-linux-android",
]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for tag in TAGS:
        make_wheel(folder, "demo", tag=tag, files={"demo.py": f"TAG = {tag!r}\n"})
    return folder


@pytest.mark.uv
class TestUv:
    """The same wheel is the best one."""

    @pytest.mark.parametrize("platform", PLATFORMS)
    def test_the_best_wheel_is_uvs(
        self, base: Target, wheels: Path, tmp_path: Path, platform: str
    ) -> None:
        target = describe_target(base, platform=platform, python_version="3.12")
        ranked = {
            tag: target.tags[tag]
            for wheel in wheels.iterdir()
            for tag in parse_wheel_name(wheel.name).tags
            if tag in target.tags
        }
        ours = min(ranked, key=lambda tag: ranked[tag])
        uv = shutil.which("uv", path=Path(sys.executable).parent) or "uv"
        command = [uv, "pip", "install", "--python", sys.executable, "--no-cache", "-q"]
        command += ["--no-index", "--find-links", str(wheels), "--target", str(tmp_path)]
        command += ["--python-platform", platform, "--python-version", "3.12", "demo"]
        subprocess.run(command, check=True)
        assert (tmp_path / "demo.py").read_text() == f"TAG = {ours!r}\n"


PIPS: list[tuple[str | None, tuple[str, ...], str | None, tuple[str, ...]]] = [
    ("3.9", ("win_amd64",), None, ()),
    ("39", ("win_amd64",), "cp", ("cp39",)),
    ("3.9.7", ("manylinux2014_x86_64", "linux_x86_64"), None, ()),
    ("3.10", ("manylinux2014_aarch64",), None, ()),
    ("3.12", ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64"), None, ()),
    ("3.12", ("manylinux2010_i686", "manylinux1_i686"), None, ("cp312", "abi3", "none")),
    ("3.12", ("macosx_11_0_arm64",), None, ()),
    ("3.12", ("macosx_10_9_x86_64", "macosx_11_0_universal2"), None, ()),
    ("3.13", ("ios_13_0_arm64_iphoneos",), None, ()),
    ("3.13", ("android_21_arm64_v8a",), None, ()),
    ("3.10", ("any",), "py", ("none",)),
    ("3.10", ("linux_x86_64",), "pp", ("pypy310_pp73",)),
    ("3.8", ("fantasy_1",), None, ("cp38", "cp37m")),
    (None, ("win_arm64",), None, ()),
    (None, (), None, ("cp39",)),
    ("3.14", (), "cp", ("cp314t",)),
]


class TestPip:
    """pip's tags for the same options, in pip's order."""

    @pytest.mark.parametrize(("version", "platforms", "implementation", "abis"), PIPS)
    def test_the_tags_are_the_same(
        self,
        base: Target,
        version: str | None,
        platforms: tuple[str, ...],
        implementation: str | None,
        abis: tuple[str, ...],
    ) -> None:
        tags = pytest.importorskip("pip._internal.utils.compatibility_tags")
        options = pytest.importorskip("pip._internal.cli.cmdoptions")
        theirs = tags.get_supported(
            version and tags.version_info_to_nodot(options._convert_python_version(version)[0]),
            list(platforms) or None,
            implementation,
            list(abis) or None,
        )
        wanted = WheelTags(platforms=platforms, abis=abis, implementation=implementation)
        ours = describe_by_tags(base, wanted, python_version=version)
        assert list(ours.tags) == list(dict.fromkeys(map(str, theirs)))
        assert ours.described

    def test_markers_are_those_of_what_is_named(self, base: Target) -> None:
        wanted = WheelTags(platforms=("win_amd64",), implementation="pp")
        markers = describe_by_tags(base, wanted, python_version="39").markers
        assert markers["sys_platform"] == "win32"
        assert markers["python_version"] == "3.9"
        assert markers["implementation_name"] == "pypy"

    def test_a_platform_that_is_not_known_has_the_markers_of_this_one(self, base: Target) -> None:
        found = describe_by_tags(base, WheelTags(platforms=("fantasy_1",)))
        assert found.markers == base.markers


class TestMarkers:
    def test_a_platform_sets_what_depends_on_it_and_no_more(self, base: Target) -> None:
        target = describe_target(base, platform="windows")
        changed = {key for key in base.markers if base.markers[key] != target.markers[key]}
        assert changed <= {
            "os_name",
            "sys_platform",
            "platform_system",
            "platform_machine",
            "platform_release",
            "platform_version",
        }
        assert target.markers["os_name"] == "nt"
        assert target.markers["sys_platform"] == "win32"
        assert target.markers["platform_system"] == "Windows"
        # The value Python has there; uv says `x86_64`.
        assert target.markers["platform_machine"] == "AMD64"
        assert target.markers["platform_release"] == ""
        assert target.described
        assert not base.described

    def test_a_version_sets_what_depends_on_it(self, base: Target) -> None:
        target = describe_target(base, python_version="3.9")
        assert str(target.python_version) == "3.9.0"
        assert target.markers["python_version"] == "3.9"
        assert target.markers["python_full_version"] == "3.9.0"
        assert target.markers["implementation_version"] == "3.9.0"
        assert target.markers["platform_machine"] == base.markers["platform_machine"]
        first = next(iter(target.tags))
        assert first == next(iter(base.tags)).replace(first_abi(base), "cp39")

    def test_a_free_threaded_version_changes_the_abi(self, base: Target) -> None:
        target = describe_target(base, platform="linux", python_version="3.14t")
        assert next(iter(target.tags)) == "cp314-cp314t-linux_x86_64"
        assert target.markers["python_version"] == "3.14"

    def test_the_python_of_the_base_is_kept_without_a_version(self, base: Target) -> None:
        target = describe_target(base, platform="aarch64-manylinux_2_28")
        assert target.python_version == base.python_version
        assert first_abi(target) == first_abi(base)

    @pytest.mark.parametrize(
        ("text", "version"), [("39", "3.9.0"), ("312", "3.12.0"), ("3", "3.0.0"), ("27", "2.7.0")]
    )
    def test_a_version_without_dots_is_pips(self, base: Target, text: str, version: str) -> None:
        assert str(describe_target(base, python_version=text).python_version) == version

    def test_nothing_described_is_the_base(self, base: Target) -> None:
        assert describe_target(base) is base


def first_abi(target: Target) -> str:
    return next(iter(target.tags)).split("-")[1]


class TestNames:
    @pytest.mark.parametrize(
        ("name", "same"),
        [
            ("manylinux_2_28_x86_64", "x86_64-manylinux_2_28"),
            ("manylinux2014_s390x", "s390x-manylinux_2_17"),
            ("musllinux_1_2_x86_64", "x86_64-musllinux_1_2"),
            ("macosx_13_0_arm64", "macos"),
            ("win_amd64", "windows"),
            ("X86_64-Unknown-Linux-GNU", "linux"),
        ],
    )
    def test_a_platform_tag_names_what_a_triple_names(self, name: str, same: str) -> None:
        assert parse_platform(name) == parse_platform(same)

    def test_a_plain_linux_tag_promises_no_libc(self) -> None:
        assert parse_platform("linux_aarch64").tags == ("linux_aarch64",)

    def test_pyodide_has_its_own_tag(self) -> None:
        found = parse_platform("wasm32-pyodide2024")
        assert found.tags == ("pyodide_2024_0_wasm32",)
        assert found.sys_platform == "emscripten"

    @pytest.mark.parametrize("name", ["", "solaris", "manylinux", "x86_64-manylinux_2", "../x"])
    def test_an_unknown_name_is_a_usage_error(self, name: str) -> None:
        with pytest.raises(UsageError) as caught:
            parse_platform(name)
        assert caught.value.message == f"`--python-platform {name}` is not known"
        assert caught.value.hint == (
            "known are `linux`, `macos`, `windows`, target triples, `x86_64-manylinux_2_28` and "
            "the like, and platform tags such as `win_amd64`"
        )

    @pytest.mark.parametrize("text", ["three", "3.x", "3.12.1.1x", "t", ""])
    def test_an_odd_version_is_a_usage_error(self, base: Target, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            describe_target(base, python_version=text)
        assert caught.value.message == f"`--python-version {text}` is no Python version"
