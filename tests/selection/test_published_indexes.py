"""The oddities of indexes as published, and what is made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.selection.builders import filenames, spoken
from tests.selection.published import (
    Host,
    Index,
    choices_on,
    described_hosts,
    labels_on,
    read_rankings,
)
from vinstall.formats.requirement import render_requirement
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice

NEWEST = "v0.0.3-291c782"
EXAMPLE = "extra/abi-dependency-example"
Told = list[tuple[str, int | None, str | None, str | None]]


@pytest.fixture(scope="module")
def index(shared_data: Path) -> Index:
    return Index(shared_data / "real-index")


@pytest.fixture(scope="module")
def hosts(shared_data: Path) -> dict[str, Host]:
    return described_hosts(read_rankings(shared_data))


def choices(
    index: Index, host: Host, project: str, version: str, *, folder: str = NEWEST
) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
    stem = project.replace("-", "_")
    document = f"{folder}/{project}/{stem}-{version}-variants.json"
    return choices_on(index.release(project, version, document), index.table(document), host)


def told(index: Index, host: Host, project: str, version: str, *, folder: str = NEWEST) -> Told:
    """Label, rank, wheel and sentence of each label."""
    stem = project.replace("-", "_")
    document = f"{folder}/{project}/{stem}-{version}-variants.json"
    ranks = labels_on(index.release(project, version, document), index.table(document), host)
    return [
        (
            one.label,
            one.rank,
            one.wheel.file.filename if one.wheel else None,
            one.reason.sentence() if one.reason else None,
        )
        for one in ranks
    ]


def test_a_null_variant_under_another_label_ranks_like_null(
    index: Index, hosts: dict[str, Host]
) -> None:
    (choice,), _ = choices(index, hosts["nogpu-unknown-cpu"], "torch", "2.8.0")
    assert choice.label == "00000000"
    assert choice.artifact.file.filename == (
        "torch-2.8.0-cp312-cp312-manylinux_2_28_x86_64-00000000.whl"
    )
    assert choice.matched == frozenset()
    (choice,), _ = choices(index, hosts["h200-driver580"], "torch", "2.8.0")
    assert [wheel.name.label for wheel in choice.runners_up] == ["cu128", "cu126", "00000000"]


def test_the_best_label_without_a_wheel_for_the_platform_falls_through(
    index: Index, hosts: dict[str, Host]
) -> None:
    host = hosts["rtx5090-driver570"]
    (choice,), rejected = choices(index, host, "torch", "2.10.0")
    assert choice.label == "null"
    assert told(index, host, "torch", "2.10.0")[:4] == [
        ("cuda12.8", 0, None, "has wheels only for `manylinux_2_28_aarch64` and `win_amd64`"),
        ("null", 1, "torch-2.10.0-cp312-cp312-manylinux_2_28_x86_64-null.whl", None),
        (
            "cuda12.6",
            None,
            None,
            "is built for compute capability 5.0, 6.0, 7.0, 7.5 or 3 others, the GPU has 12.0",
        ),
        ("cuda13.0", None, None, "needs CUDA 13.0, the driver offers 12.8"),
    ]
    assert spoken(rejected)[0] == (
        "torch-2.10.0-cp312-cp312-manylinux_2_28_x86_64-cuda13.0.whl"
        " needs CUDA 13.0, the driver offers 12.8"
    )
    (older,), _ = choices(index, host, "torch", "2.9.0")
    assert older.label == "cuda12.8"


def test_a_misspelled_platform_rules_the_release_out_and_an_older_one_is_there(
    index: Index, hosts: dict[str, Host]
) -> None:
    host = hosts["macos-m4"]
    none, rejected = choices(index, host, "torch", "2.10.0")
    assert none == ()
    assert (
        "torch-2.10.0-cp312-cp312-macosx_110_0_arm64-null.whl"
        " is made for `cp312-cp312-macosx_110_0_arm64`"
    ) in spoken(rejected)
    (older,), _ = choices(index, host, "torch", "2.9.0")
    assert filenames((older,)) == ["torch-2.9.0-cp312-cp312-macosx_11_0_arm64-null.whl"]


def test_a_described_label_without_any_wheel_says_so(index: Index, hosts: dict[str, Host]) -> None:
    ranks = told(index, hosts["h200-driver580"], "numpy", "2.3.3")
    assert ranks[0] == ("x8664v4_mkl", 0, None, "has no wheel in this release")


def test_a_value_supported_everywhere_is_ruled_out_by_tags(
    index: Index, hosts: dict[str, Host]
) -> None:
    assert told(index, hosts["nogpu-x86_64-v3"], "numpy", "2.3.4") == [
        ("accelerate", 0, None, "has wheels only for `macosx_13_0_x86_64` and `macosx_14_0_arm64`"),
        ("openblas", 1, "numpy-2.3.4-cp312-cp312-linux_x86_64-openblas.whl", None),
        ("x8664v4_mkl", None, None, "needs an x86-64 CPU of level v4, this one has v3"),
    ]


def test_a_property_the_metadata_itself_does_not_offer_rules_its_labels_out(
    index: Index, hosts: dict[str, Host]
) -> None:
    """Static properties name `priority :: order`, the labels use `priority :: cuda`."""
    none, rejected = choices(index, hosts["h200-driver580"], "torch", "2.9.0", folder=EXAMPLE)
    assert none == ()
    assert [one.reason.sentence() for one in rejected] == [
        "needs `priority :: cuda` 3, the target offers none",
        "needs `priority :: cuda` 2, the target offers none",
        "needs `priority :: cuda` 1, the target offers none",
    ]


def test_a_binding_namespace_that_is_listed_nowhere_binds(
    index: Index, hosts: dict[str, Host]
) -> None:
    found, _ = choices(index, hosts["h200-driver580"], "vllm", "0.11.0", folder=EXAMPLE)
    assert [
        (choice.label, [render_requirement(one) for one in choice.constraints]) for choice in found
    ] == [("cu128_pyt2.8.0", ["torch==2.8.0.*"])]


def test_labels_that_bind_differently_are_tried_in_their_order(
    index: Index, hosts: dict[str, Host]
) -> None:
    found, _ = choices(index, hosts["h200-driver580"], "flash_attn", "2.8.0", folder=EXAMPLE)
    assert [
        (choice.label, [render_requirement(one) for one in choice.constraints]) for choice in found
    ] == [
        ("cu13_pyt2.9.0", ["torch==2.9.0.*"]),
        ("cu12_pyt2.9.0", ["torch==2.9.0.*"]),
        ("cu12_pyt2.8.0", ["torch==2.8.0.*"]),
    ]


def test_one_build_under_two_spellings_of_its_tags_is_taken_once_by_the_better_tag(
    index: Index, hosts: dict[str, Host]
) -> None:
    """`manylinux2014` and `manylinux_2_17` are one platform; the newer spelling ranks higher."""
    (choice,), _ = choices(index, hosts["h200-driver580"], "nvidia-cuda-runtime", "12.6.77")
    assert choice.artifact.file.filename == (
        "nvidia_cuda_runtime-12.6.77-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64-cu12.whl"
    )
    assert choice.runners_up == ()
