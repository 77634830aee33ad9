"""The whole of what is said, kept in `golden/`: command, exit code, both streams, the report.

`VINSTALL_TEST_UPDATE=1` writes the files anew; read the difference before you keep it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.scene import (
    CU12,
    CU13,
    CUDA_12_8,
    CUDA_13_0,
    Properties,
    Scene,
)

GOLDEN = Path(__file__).with_name("golden")
LABELS: dict[str, Properties] = {"null": {}, "cu12": CU12, "cu13": CU13}
CUDA_ONLY: dict[str, Properties] = {"cu12": CU12, "cu13": CU13}
MOON: Properties = {"moon": {"phase": ["full"]}}
TPU: Properties = {"tpu": {"present": ["true"]}}
NPU: Properties = {"ascend": {"npu_type": ["910b"]}}
MKL: Properties = {"blas": {"library": ["mkl"]}}
A_TPU = {"TPU_VARIANT_PROVIDER_FORCE_PRESENT": "true"}


class Case(NamedTuple):
    """What is run once everything is set up."""

    words: tuple[str, ...] = ("lib",)
    variables: Mapping[str, str] = MappingProxyType({})


def chosen(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS, plain=True)
    return Case(variables=CUDA_12_8)


def fallen_back_to_null(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS, plain=True)
    return Case()


def fallen_back_to_plain(scene: Scene) -> Case:
    scene.variants("lib", "1.0", CUDA_ONLY, plain=True)
    return Case()


def older_release(scene: Scene) -> Case:
    scene.variants("lib", "2.0", CUDA_ONLY)
    scene.wheel("lib", "1.0")
    return Case()


def provider_unknown(scene: Scene) -> Case:
    scene.variants("lib", "1.0", {"null": {}, "full": MOON})
    return Case()


def provider_optional(scene: Scene) -> Case:
    scene.variants("lib", "1.0", {"null": {}, "tpu": TPU})
    return Case(variables=A_TPU)


def provider_optional_and_enabled(scene: Scene) -> Case:
    scene.variants("lib", "1.0", {"null": {}, "tpu": TPU})
    return Case(("--enable-provider", "tpu", "lib"), A_TPU)


def override_malformed(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS)
    return Case(variables={"NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "twelve"})


def bad_json(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS, plain=True)
    scene.variants_file("lib", "1.0", "{ not json")
    return Case(variables=CUDA_12_8)


def bad_json_and_nothing_plain(scene: Scene) -> Case:
    scene.variants("lib", "1.0", CUDA_ONLY)
    scene.variants_file("lib", "1.0", "{ not json")
    return Case(variables=CUDA_12_8)


def label_unknown(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS, listed={"null": {}, "cu12": CU12})
    return Case(variables=CUDA_13_0)


def wheel_and_index_differ(scene: Scene) -> Case:
    scene.variants("lib", "1.0", {"null": {}, "cu12": CU12}, listed={"null": {}, "cu12": CU13})
    return Case(variables=CUDA_13_0)


def nothing_compatible(scene: Scene) -> Case:
    scene.variants("lib", "1.0", CUDA_ONLY)
    return Case()


def two_indexes(scene: Scene) -> Case:
    other = scene.root / "other"
    scene.variants("lib", "1.0", {"null": {}, "cu12": CU12})
    scene.variants("lib", "1.0", {"null": {}, "mkl": MKL}, index=other)
    scene.publish(other)
    return Case(("--extra-index-url", "other", "lib"), CUDA_12_8)


def accelerator_changes(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS)
    assert scene.run("lib", variables=CUDA_12_8).code == 0
    return Case()


def accelerator_not_seen_from_a_container(scene: Scene) -> Case:
    scene.variants("lib", "1.0", {"null": {}, "npu": NPU})
    del scene.variables["CONDA_OVERRIDE_CUDA"]
    return Case(variables={"container": "docker"})


def label_demanded(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS)
    return Case(("--variant", "cu13", "lib"), CUDA_12_8)


def label_that_does_not_exist(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS)
    return Case(("--variant", "lib=cu14", "lib"), CUDA_12_8)


def namespace_demanded(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS)
    return Case(("--require", "nvidia", "lib"))


def provider_disabled(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS)
    return Case(("--disable-provider", "nvidia", "lib"), CUDA_12_8)


def variants_declined(scene: Scene) -> Case:
    scene.variants("lib", "1.0", LABELS, plain=True)
    return Case(("--no-variants", "lib"), CUDA_12_8)


def dry_run(scene: Scene) -> Case:
    scene.wheel("kept")
    scene.wheel("app", "1.0")
    assert scene.run("kept", "app").code == 0
    scene.wheel("app", "2.0", requires=["kept", "lib"])
    scene.variants("lib", "1.0", LABELS)
    return Case(("--dry-run", "-U", "--refresh", "app"), CUDA_12_8)


def no_such_project(scene: Scene) -> Case:
    return Case()


def versions_conflict(scene: Scene) -> Case:
    scene.wheel("app", requires=["lib>=2"])
    scene.wheel("lib", "1.0")
    scene.wheel("lib", "2.0")
    return Case(("app", "lib<2"))


CASES: tuple[Callable[[Scene], Case], ...] = (
    chosen,
    fallen_back_to_null,
    fallen_back_to_plain,
    older_release,
    provider_unknown,
    provider_optional,
    provider_optional_and_enabled,
    override_malformed,
    bad_json,
    bad_json_and_nothing_plain,
    label_unknown,
    wheel_and_index_differ,
    nothing_compatible,
    two_indexes,
    accelerator_changes,
    accelerator_not_seen_from_a_container,
    label_demanded,
    label_that_does_not_exist,
    namespace_demanded,
    provider_disabled,
    variants_declined,
    dry_run,
    no_such_project,
    versions_conflict,
)


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_what_is_said(scene: Scene, make: Callable[[Scene], Case]) -> None:
    case = make(scene)
    seen = _play(scene, case)
    golden = GOLDEN / f"{make.__name__}.txt"
    if os.environ.get("VINSTALL_TEST_UPDATE"):
        golden.write_text(seen, "utf-8")
    assert seen == golden.read_text("utf-8")


def _play(scene: Scene, case: Case) -> str:
    """Everything about one run as one text."""
    report = scene.root / "report.json"
    ran = scene.run(*case.words, "--report", report, variables=case.variables)
    variables = [f"{name}={value}" for name, value in case.variables.items()]
    parts = [
        " ".join(["$", *variables, "vinstall", *case.words]),
        f"exit code {ran.code}",
        f"-- stdout\n{re.sub(' {2,}', '  ', scene.plain(ran.out))}".rstrip(),
        f"-- stderr\n{scene.plain(ran.err)}".rstrip(),
    ]
    if report.is_file():
        parts.append(f"-- report\n{scene.plain(_shortened(json.loads(report.read_text())))}")
    parts.append(f"-- installed\n{json.dumps(scene.installed())}")
    return "\n".join(parts) + "\n"


def _shortened(report: dict[str, Any]) -> str:
    """The report without what depends on the machine or fills pages."""
    del report["environment"]
    for item in report["install"]:
        item["metadata"] = {name: item["metadata"][name] for name in ("name", "version")}
        item["download_info"]["archive_info"] = {"hashes": "<hashes>"}
    for answer in report["host"].values():
        for feature, values in answer["properties"].items():
            answer["properties"][feature] = [*values[:2], *["..."][: len(values) - 2]]
    return json.dumps(report, indent=2)
