"""Platform tags from facts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vinstall.target.platforms import (
    LinuxFacts,
    cpython_abis,
    cpython_tags,
    linux_platforms,
    other_tags,
    probed_platforms,
)


def glibc(machine: str, *version: int, hard_float: bool = False) -> list[str]:
    facts = LinuxFacts(machine=machine, glibc=(version[0], version[1]), hard_float=hard_float)
    return list(linux_platforms(facts))


class TestManylinux:
    """PEP 600: `manylinux_${GLIBCMAJOR}_${GLIBCMINOR}`, down to the oldest profile."""

    def test_every_older_glibc_follows_with_its_legacy_name(self) -> None:
        assert glibc("aarch64", 2, 19) == [
            "linux_aarch64",
            "manylinux_2_19_aarch64",
            "manylinux_2_18_aarch64",
            "manylinux_2_17_aarch64",
            "manylinux2014_aarch64",
        ]

    def test_x86_reaches_back_to_2_5(self) -> None:
        for machine in ("x86_64", "i686"):
            tags = glibc(machine, 2, 12)
            assert tags[1:3] == [f"manylinux_2_12_{machine}", f"manylinux2010_{machine}"]
            assert tags[-2:] == [f"manylinux_2_5_{machine}", f"manylinux1_{machine}"]

    def test_soft_float_arm_has_no_profile(self) -> None:
        assert glibc("armv7l", 2, 31) == ["linux_armv7l"]
        assert glibc("armv7l", 2, 17, hard_float=True)[1:] == [
            "manylinux_2_17_armv7l",
            "manylinux2014_armv7l",
        ]

    def test_an_unknown_machine_has_its_native_tag_alone(self) -> None:
        assert glibc("mips64", 2, 36) == ["linux_mips64"]

    def test_a_32_bit_python_on_64_bit_arm_takes_both_names(self) -> None:
        tags = glibc("armv8l", 2, 17, hard_float=True)
        assert tags[:2] == ["linux_armv8l", "linux_armv7l"]
        assert "manylinux_2_17_armv7l" in tags

    def test_what_the_distributor_refuses_is_left_out(self) -> None:
        facts = LinuxFacts(machine="s390x", glibc=(2, 18), refused_glibc=frozenset({(2, 17)}))
        assert list(linux_platforms(facts)) == ["linux_s390x", "manylinux_2_18_s390x"]


def test_musllinux_lists_every_older_minor_version() -> None:
    """PEP 656."""
    facts = LinuxFacts(machine="x86_64", musl=(1, 2))
    assert list(linux_platforms(facts)) == [
        "linux_x86_64",
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
    ]


class TestProbed:
    def test_a_32_bit_python_on_a_64_bit_kernel_is_i686(self) -> None:
        tags = probed_platforms({"name": "linux-x86_64", "bits": 32, "glibc": [2, 5]})
        assert tags == ["linux_i686", "manylinux_2_5_i686", "manylinux1_i686"]

    def test_macos_lists_older_versions_and_fat_formats(self) -> None:
        found = probed_platforms(
            {"name": "macosx-11.0-arm64", "bits": 64, "mac": ["12.6.1", "arm64"]}
        )
        assert found[:4] == [
            "macosx_12_0_arm64",
            "macosx_12_0_universal2",
            "macosx_11_0_arm64",
            "macosx_11_0_universal2",
        ]

    def test_windows_has_one_tag(self) -> None:
        assert probed_platforms({"name": "win-amd64", "bits": 64}) == ["win_amd64"]
        assert probed_platforms({"name": "win32", "bits": 32}) == ["win32"]

    def test_android_counts_down_to_level_16(self) -> None:
        facts = {"name": "android-21-arm64_v8a", "bits": 64, "android": 21}
        found = probed_platforms(facts)
        assert found[0] == "android_21_arm64_v8a"
        assert found[-1] == "android_16_arm64_v8a"

    def test_ios_has_its_version_first(self) -> None:
        facts = {"name": "ios-13.0-arm64-iphoneos", "bits": 64, "ios": ["15.2", "arm64_iphoneos"]}
        assert probed_platforms(facts)[:2] == ["ios_15_2_arm64_iphoneos", "ios_15_1_arm64_iphoneos"]


class TestInterpreters:
    def test_a_free_threaded_python_takes_no_abi3(self) -> None:
        """PEP 703; the stable ABI is PEP 384's."""
        assert cpython_abis((3, 13), free_threaded=True, debug=False) == ["cp313t"]
        tags = cpython_tags((3, 13), ["cp313t"], ["linux_x86_64"])
        assert tags[0] == "cp313-cp313t-linux_x86_64"
        assert not [tag for tag in tags if "-abi3-" in tag]

    def test_a_debug_build_takes_ordinary_wheels_second(self) -> None:
        assert cpython_abis((3, 12), free_threaded=False, debug=True) == ["cp312d", "cp312"]

    def test_pypy_is_told_by_the_suffix_of_its_extensions(self) -> None:
        suffix = ".pypy310-pp73-x86_64-linux-gnu.so"
        tags = other_tags("pypy", (3, 10), suffix, ["linux_x86_64"])
        assert tags[:2] == ("pp310-pypy310_pp73-linux_x86_64", "pp310-none-linux_x86_64")
        assert "pp3-none-any" in tags

    @given(
        st.sampled_from(["x86_64", "aarch64", "riscv64"]),
        st.integers(0, 60),
        st.sampled_from([(3, 8), (3, 11), (3, 14)]),
    )
    def test_no_tag_comes_twice_and_plain_python_is_always_last(
        self, machine: str, minor: int, version: tuple[int, int]
    ) -> None:
        platforms = glibc(machine, 2, minor)
        abis = cpython_abis(version, free_threaded=False, debug=False)
        tags = cpython_tags(version, abis, platforms)
        assert len(set(tags)) == len(tags)
        assert tags[-1] == "py30-none-any"
        assert tags.index("py3-none-any") < tags.index("py30-none-any")
