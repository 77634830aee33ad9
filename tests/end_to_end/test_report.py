"""`--report`: pip's installation report, read by those who read pip's."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.end_to_end.scene import CU12, CUDA_12_8, Scene
from tests.support.command import clean_environ

OWN = {"variant", "size"}
"""What we add to each item."""


def pips_report(scene: Scene, *words: str) -> dict[str, Any]:
    """What pip says it would install."""
    scene.publish()
    command = [sys.executable, "-m", "pip", "--python", str(scene.python), "install", "--dry-run"]
    command += ["--quiet", "--report", "-", "--index-url", scene.index.as_uri(), *words]
    done = subprocess.run(
        command, env=clean_environ(scene.home), capture_output=True, text=True, check=True
    )
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return report


def our_report(scene: Scene, *words: str) -> dict[str, Any]:
    """What vinstall says."""
    ran = scene.run("--dry-run", "--report", "-", *words)
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    assert isinstance(report, dict)
    return report


def by_name(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The items, by project."""
    return {item["metadata"]["name"]: item for item in report["install"]}


class TestBesidePip:
    def test_every_field_of_pips_has_pips_value(self, scene: Scene) -> None:
        scene.wheel(
            "app",
            requires=["lib>=1", "more; extra == 'x'"],
            extras=["x"],
            requires_python=">=3.8",
            metadata_lines=[
                "Summary: An example",
                "Keywords: one,two",
                "Classifier: A",
                "Classifier: B",
            ],
        )
        scene.wheel("lib", "1.5")
        scene.wheel("more")
        theirs, ours = pips_report(scene, "app[x]"), our_report(scene, "app[x]")
        assert {key: ours[key] for key in ("version", "environment")} == {
            key: theirs[key] for key in ("version", "environment")
        }
        assert set(ours) == {*theirs, "host"}
        stripped = {
            name: {key: value for key, value in item.items() if key not in OWN}
            for name, item in by_name(ours).items()
        }
        assert stripped == by_name(theirs)

    def test_a_wheel_by_path(self, scene: Scene) -> None:
        wheel = scene.wheel("app")
        theirs = by_name(pips_report(scene, str(wheel)))["app"]
        ours = by_name(our_report(scene, str(wheel)))["app"]
        assert {key: value for key, value in ours.items() if key not in OWN} == theirs


def test_what_is_ours(scene: Scene) -> None:
    scene.variants("lib", "1.0", {"null": {}, "cu12": CU12})
    scene.variables.update(CUDA_12_8)
    report = our_report(scene, "lib")
    (item,) = report["install"]
    wheel = scene.index / "lib" / "lib-1.0-py3-none-any-cu12.whl"
    assert item["size"] == wheel.stat().st_size
    assert item["variant"] == {
        "label": "cu12",
        "properties": ["nvidia :: cuda_version_lower_bound :: 12.0"],
        "skipped": [],
    }
    assert set(report["host"]) == {"nvidia"}
    assert set(report["host"]["nvidia"]) == {"how", "unavailable", "properties"}


def test_the_table_gives_way_to_a_report_on_standard_output(scene: Scene) -> None:
    scene.wheel("lib")
    ran = scene.run("--dry-run", "--report", "-", "lib")
    json.loads(ran.out)
    assert "1 new, 0 replaced, 0 kept; 848 B to download" in ran.err


def test_a_report_that_cannot_be_written_is_told(scene: Scene) -> None:
    scene.wheel("lib")
    ran = scene.run("--dry-run", "--report", scene.root / "no" / "report.json", "lib")
    assert ran.code == 2
    assert f"error: there is no folder for the report `{scene.root}/no/report.json`" in ran.err
