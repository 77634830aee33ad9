"""The page published for torch, served on loopback: what each host is told."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.scene import Scene
from tests.support.server import serving

CUDA = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"
SM = "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"
INTEL = "INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP"

HOSTS = {
    "h200-driver580": {CUDA: "13.0", SM: "9.0"},
    "h100-driver535": {CUDA: "12.2", SM: "9.0"},
    "t4-driver580": {CUDA: "13.0", SM: "7.5"},
    "rtx5090-driver570": {CUDA: "12.8", SM: "12.0"},
    "intel-arc-a770": {INTEL: "12.55.8"},
    "nogpu-x86_64-v3": {},
}
"""Hosts of the published rankings, and the override variables that stand for them."""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the wheels are for Linux"
)


def ranking(shared_data: Path, host: str) -> dict[str, Any]:
    """What is expected for torch 2.10.0 on `host`."""
    rankings = json.loads((shared_data / "rankings.json").read_text())["rankings"]
    found = [
        one
        for one in rankings
        if (one["host"], one["package"], one["version"]) == (host, "torch", "2.10.0")
        and one["json"].startswith("v0.0.3")
    ]
    assert len(found) == 1
    assert isinstance(found[0], dict)
    return found[0]


def explained(scene: Scene, shared_data: Path, host: str, project: str) -> dict[str, Any]:
    """`explain --format json` on the served page."""
    with serving(shared_data / "real-index" / "v0.0.3-291c782") as server:
        ran = scene.run_alone(
            "explain",
            project,
            "--index-url",
            server.url,
            "--python",
            scene.python,
            "--format",
            "json",
            variables=HOSTS[host],
        )
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_the_labels_rank_as_published(scene: Scene, shared_data: Path, host: str) -> None:
    expected = ranking(shared_data, host)
    document = explained(scene, shared_data, host, "torch==2.10.0")
    assert list(document) == ["project", "version", "index", "labels"]
    assert (document["project"], document["version"]) == ("torch", "2.10.0")
    fitting = [label for label in document["labels"] if label["rank"] is not None]
    assert [label["label"] for label in fitting] == expected["labels"]
    assert [label["rank"] for label in fitting] == list(range(len(fitting)))
    best = next(label["wheel"] for label in fitting if label["wheel"] is not None)
    here = f"cp3{sys.version_info.minor}"
    assert best == expected["best_wheel_cp312"].replace("cp312", here)


def test_each_label_that_does_not_fit_says_why(scene: Scene, shared_data: Path) -> None:
    document = explained(scene, shared_data, "rtx5090-driver570", "torch==2.10.0")
    reasons = {label["label"]: label["reason"] for label in document["labels"]}
    assert reasons["cuda13.0"] == "needs CUDA 13.0, the driver offers 12.8"
    assert reasons["cuda12.6"] == (
        "is built for compute capability 5.0, 6.0, 7.0, 7.5 or 3 others, the GPU has 12.0"
    )
    assert reasons["cuda12.8"] == ("has wheels only for `manylinux_2_28_aarch64` and `win_amd64`")
    assert reasons["null"] is None


def test_the_newest_release_is_explained_and_what_comes_instead(
    scene: Scene, shared_data: Path
) -> None:
    """No Mac accepts the tags of torch 2.10.0's wheels: an older plain one can be installed."""
    with serving(shared_data / "real-index" / "v0.0.3-291c782") as server:
        ran = scene.run_alone(
            "explain",
            "torch",
            *("--index-url", server.url, "--python", scene.python),
            *("--python-platform", "macos", "--python-version", "3.12"),
        )
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0].startswith("torch 2.10.0 from http://127.0.0.1:")
    assert ran.out.splitlines()[-1] == "would install torch 2.9.1 instead"
