"""What a reason says, word for word, and which is said first."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from tests.selection.builders import properties
from vinstall.selection.reason import (
    Excluded,
    ForeignProject,
    HashNotAllowed,
    NamespaceMissing,
    NamespaceUnavailable,
    NoSuchLabel,
    NoWheelHere,
    PythonMismatch,
    Reason,
    Rejection,
    TagMismatch,
    Unreadable,
    UnsupportedFeature,
    VariantDataInvalid,
    Yanked,
    most_telling_first,
)
from vinstall.selection.wording import either

REASONS: list[tuple[Reason, str]] = [
    (
        NoSuchLabel(label="cu9", available=("cu13", "null")),
        "has no variant `cu9`; it has `cu13`, `null`",
    ),
    (NoSuchLabel(label="cu9", available=()), "has no variant `cu9`, nor any other"),
    (
        VariantDataInvalid(fault="variants.cu13.nvidia: is empty"),
        "has no usable variant metadata: variants.cu13.nvidia: is empty",
    ),
    (
        NamespaceUnavailable(namespace="nvidia", why="disabled by `--disable-provider`"),
        "needs `nvidia`: disabled by `--disable-provider`",
    ),
    (NamespaceMissing(namespace="nvidia"), "uses nothing of `nvidia`, which `--require` asks for"),
    (
        HashNotAllowed(listed=(("sha256", "aa"), ("sha512", "bb"))),
        "has the hash `sha256:aa` or `sha512:bb`, which is not among those required",
    ),
    (Excluded(option="--no-variants"), "is excluded by `--no-variants`"),
    (Yanked(why=""), "was yanked"),
    (Yanked(why="bad build"), "was yanked: bad build"),
    (
        PythonMismatch(required=">=3.13", python="3.12.1"),
        "needs Python >=3.13, the environment has 3.12.1",
    ),
    (NoWheelHere(only=()), "has no wheel in this release"),
    (NoWheelHere(only=("win32", "win_amd64")), "has wheels only for `win32` and `win_amd64`"),
    (TagMismatch(tags=("a-b-c",)), "is made for `a-b-c`"),
    (TagMismatch(tags=tuple("abcd")), "is made for `a`, `b`, `c` and others"),
    (
        ForeignProject(listed_for=canonicalize_name("demo")),
        "is no file of `demo`, on whose page it is listed",
    ),
    (Unreadable(fault="has 3 parts"), "has 3 parts"),
]


@pytest.mark.parametrize(("reason", "sentence"), REASONS)
def test_every_reason_speaks(reason: Reason, sentence: str) -> None:
    assert reason.sentence() == sentence


class TestUnsupportedFeature:
    @pytest.mark.parametrize(
        ("wanted", "offered", "sentence"),
        [
            (
                ["nvidia :: cuda_version_lower_bound :: 13.0"],
                ("12.4", "12.3"),
                "needs CUDA 13.0, the driver offers 12.4",
            ),
            (
                ["nvidia :: cuda_version_lower_bound :: 13.0"],
                (),
                "needs CUDA 13.0, no NVIDIA GPU was found",
            ),
            (
                ["nvidia :: cuda_version_upper_bound :: 12.0"],
                ("15.20", "13.1"),
                "needs a driver older than CUDA 12.0, the driver is newer",
            ),
            (
                [
                    "nvidia :: sm_arch :: 100_real",
                    "nvidia :: sm_arch :: 90_real",
                    "nvidia :: sm_arch :: 90_virtual",
                ],
                ("75_real", "75_virtual"),
                "is built for compute capability 9.0 or 10.0, the GPU has 7.5",
            ),
            (
                [f"nvidia :: sm_arch :: {arch}_real" for arch in (50, 60, 70, 80, 90, 100)],
                ("120_real",),
                "is built for compute capability 5.0, 6.0, 7.0, 8.0 or 2 others, the GPU has 12.0",
            ),
            (
                ["amd :: gfx_arch :: gfx90a"],
                ("gfx1100",),
                "is built for gfx90a, the GPU is gfx1100",
            ),
            (["amd :: rocm_version :: 7.0"], ("6.4",), "needs ROCm 7.0, this machine has 6.4"),
            (["amd :: rocm_version :: 7.0"], (), "needs ROCm 7.0, no AMD GPU with ROCm was found"),
            (
                ["intel :: device_ip :: 12.55.8", "intel :: device_ip :: 20.1.0"],
                ("12.10.0",),
                "is built for Intel GPUs 12.55.8 or 20.1.0, the GPU is 12.10.0",
            ),
            (
                ["x86_64 :: level :: v4"],
                ("v3", "v2", "v1"),
                "needs an x86-64 CPU of level v4, this one has v3",
            ),
            (
                ["x86_64 :: level :: v4"],
                (),
                "needs an x86-64 CPU of level v4, this is no x86-64 CPU",
            ),
            (["x86_64 :: avx512f :: on"], (), "needs an x86-64 CPU with `avx512f`"),
            (
                ["aarch64 :: version :: 9.0a"],
                ("8.2a",),
                "needs an Arm CPU of version 9.0a, this one has 8.2a",
            ),
            (["aarch64 :: sve2 :: on"], (), "needs an Arm CPU with `sve2`"),
            (["tpu :: present :: true"], ("false",), "needs a TPU, none was found"),
            (
                ["abi_dependency :: torch :: nightly"],
                (),
                "binds to `torch` nightly, which begins no release",
            ),
            (
                ["ascend :: npu_type :: 910c"],
                ("a3", "a2"),
                "needs `ascend :: npu_type` 910c, the target offers a3 or a2",
            ),
            (
                ["ascend :: npu_type :: 910c"],
                (),
                "needs `ascend :: npu_type` 910c, the target offers none",
            ),
        ],
    )
    def test_says_what_is_wanted_and_what_there_is(
        self, wanted: list[str], offered: tuple[str, ...], sentence: str
    ) -> None:
        reason = UnsupportedFeature(wanted=tuple(sorted(properties(*wanted))), offered=offered)
        assert reason.sentence() == sentence


class TestEither:
    @pytest.mark.parametrize(
        ("values", "text"),
        [
            (["a"], "a"),
            (["a", "b"], "a or b"),
            (["a", "b", "c"], "a, b or c"),
            (list("abcde"), "a, b, c, d or e"),
            (list("abcdef"), "a, b, c, d or 2 others"),
        ],
    )
    def test_lists_are_read_aloud_and_cut(self, values: list[str], text: str) -> None:
        assert either(values) == text


class TestMostTellingFirst:
    def test_what_came_closest_is_said_first(self) -> None:
        unsupported = UnsupportedFeature(
            wanted=tuple(properties("nvidia :: sm_arch :: 90_real")), offered=()
        )
        reasons = [reason for reason, _ in REASONS]
        mixed = [Rejection(filename="f", label=None, reason=one) for one in (*reasons, unsupported)]
        ordered = [type(one.reason).__name__ for one in most_telling_first(reversed(mixed))]
        assert list(dict.fromkeys(ordered)) == [
            "NoSuchLabel",
            "VariantDataInvalid",
            "UnsupportedFeature",
            "NamespaceUnavailable",
            "NamespaceMissing",
            "HashNotAllowed",
            "Excluded",
            "Yanked",
            "PythonMismatch",
            "NoWheelHere",
            "TagMismatch",
            "ForeignProject",
            "Unreadable",
        ]

    def test_the_label_the_user_demands_comes_before_all(self) -> None:
        fault = Rejection(filename="a", label="cu12", reason=VariantDataInvalid(fault="x"))
        tags = Rejection(filename="b", label="cu13", reason=TagMismatch(tags=("t",)))
        assert most_telling_first([fault, tags], demanded="cu13") == (tags, fault)

    def test_a_wrong_value_says_more_than_a_thing_that_is_not_there(self) -> None:
        amd, nvidia = (
            Rejection(
                filename=wanted,
                label=None,
                reason=UnsupportedFeature(wanted=tuple(properties(wanted)), offered=offered),
            )
            for wanted, offered in (
                ("amd :: rocm_version :: 7.0", ()),
                ("nvidia :: cuda_version_lower_bound :: 13.0", ("12.4",)),
            )
        )
        assert most_telling_first([amd, nvidia]) == (nvidia, amd)

    def test_equal_reasons_stay_in_order(self) -> None:
        first = Rejection(filename="z", label=None, reason=Excluded(option="--no-binary"))
        second = Rejection(filename="a", label=None, reason=Excluded(option="--no-binary"))
        assert most_telling_first([first, second]) == (first, second)
