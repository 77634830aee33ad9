"""`vinstall PROJECT`, from the words to the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from tests.end_to_end.scene import CU12, CU13, CUDA_12_8, CUDA_13_0, Scene


def test_a_project_and_what_it_needs(scene: Scene) -> None:
    scene.wheel("app", requires=["lib>=1", "extra-only; extra == 'x'"], extras=["x"])
    scene.wheel("lib", "1.0")
    scene.wheel("lib", "2.0")
    scene.wheel("extra-only")
    ran = scene.run("app")
    assert (ran.code, ran.out) == (0, "")
    assert scene.plain(ran.err).splitlines() == [
        "environment: `<env>` (CPython <version>, `--python`)",
        "+ app 1.0",
        "+ lib 2.0",
        "installed 2 projects in <time> s",
    ]
    assert scene.installed() == {"app": "1.0", "lib": "2.0"}
    assert (
        scene.python_says("import app, lib; print(app.__version__, lib.__version__)") == "1.0 2.0"
    )


def test_asked_again_there_is_nothing_to_do(scene: Scene) -> None:
    scene.wheel("app", requires=["lib"])
    scene.wheel("lib")
    scene.run("app")
    ran = scene.run("app")
    assert ran.code == 0
    assert ran.err.splitlines()[1:] == ["nothing to do: 2 projects as asked already"]


def test_an_installed_version_that_fits_stays_until_upgraded(scene: Scene) -> None:
    scene.wheel("lib", "1.0")
    scene.run("lib")
    scene.wheel("lib", "2.0")
    scene.run("lib", "--refresh")
    assert scene.installed() == {"lib": "1.0"}
    ran = scene.run("-U", "lib", "--refresh")
    assert "~ lib 1.0 -> 2.0" in ran.err.splitlines()
    assert scene.installed() == {"lib": "2.0"}


def test_extras_and_markers(scene: Scene) -> None:
    scene.wheel(
        "app",
        requires=["never; python_version < '3'", "with-x; extra == 'x'", "always"],
        extras=["x"],
    )
    for name in ("never", "with-x", "always"):
        scene.wheel(name)
    assert scene.run("app[x]").code == 0
    assert scene.installed() == {"always": "1.0", "app": "1.0", "with-x": "1.0"}


def test_requirements_files_nested_with_constraints_and_options(scene: Scene) -> None:
    for version in ("1.0", "2.0", "3.0"):
        scene.wheel("lib", version)
    scene.wheel("app", requires=["lib"])
    (scene.root / "r.txt").write_text("# a comment\napp ; python_version > '3'\n-r more/deep.txt\n")
    (scene.root / "more").mkdir()
    (scene.root / "more" / "deep.txt").write_text("-c limits.txt\nlib \\\n  >1\n")
    (scene.root / "more" / "limits.txt").write_text("lib<3\n")
    assert scene.run("-r", "r.txt").code == 0
    assert scene.installed() == {"app": "1.0", "lib": "2.0"}


def test_a_wheel_by_path(scene: Scene) -> None:
    wheel = scene.wheel("app")
    scene.run(f"./{wheel.relative_to(scene.root)}")
    info = next(scene.env.glob("lib/python*/site-packages/app-1.0.dist-info"))
    recorded = json.loads((info / "direct_url.json").read_text())
    assert recorded["url"] == wheel.as_uri()
    assert (info / "INSTALLER").read_text().strip() == "vinstall"
    assert (info / "REQUESTED").is_file()


def test_find_links_without_an_index(scene: Scene) -> None:
    folder = scene.wheel("app").parent
    ran = scene.run_alone("--no-index", "-f", folder, "--python", scene.python, "app")
    assert ran.code == 0, ran.err
    assert scene.installed() == {"app": "1.0"}


class TestVariants:
    LABELS: ClassVar = {"null": {}, "cu12": CU12, "cu13": CU13}

    def test_the_build_for_the_machine_is_installed(self, scene: Scene) -> None:
        scene.variants("torchlike", "1.0", self.LABELS)
        assert scene.run("torchlike", variables=CUDA_12_8).code == 0
        assert scene.installed() == {"torchlike": "1.0 (cu12)"}
        assert scene.python_says("import torchlike; print(torchlike.LABEL)") == "cu12"

    def test_a_variant_that_no_longer_runs_is_replaced(self, scene: Scene) -> None:
        scene.variants("torchlike", "1.0", self.LABELS)
        scene.run("torchlike", variables=CUDA_13_0)
        ran = scene.run("torchlike", variables=CUDA_12_8)
        assert scene.installed() == {"torchlike": "1.0 (cu12)"}
        assert (
            "note: `torchlike` 1.0 is replaced: what is installed needs CUDA 13.0,"
            " the driver offers 12.8"
        ) in ran.err

    def test_a_variant_that_is_no_longer_the_best_stays_and_is_mentioned(
        self, scene: Scene
    ) -> None:
        scene.variants("torchlike", "1.0", self.LABELS)
        scene.run("torchlike", variables=CUDA_12_8)
        ran = scene.run("torchlike", variables=CUDA_13_0)
        assert scene.installed() == {"torchlike": "1.0 (cu12)"}
        assert (
            "note: `torchlike` 1.0 stays the variant `cu12`; `cu13` would be chosen now,"
            " `--reselect` switches"
        ) in ran.err
        scene.run("torchlike", "--reselect", variables=CUDA_13_0)
        assert scene.installed() == {"torchlike": "1.0 (cu13)"}

    def test_dependencies_follow_the_chosen_build(self, scene: Scene) -> None:
        scene.variants(
            "torchlike",
            "1.0",
            self.LABELS,
            requires=[
                "cuda-runtime; 'nvidia' in variant_namespaces",
                "twelve; variant_label == 'cu12'",
            ],
        )
        scene.wheel("cuda-runtime")
        scene.wheel("twelve")
        scene.run("torchlike")
        assert scene.installed() == {"torchlike": "1.0 (null)"}
        scene.run("torchlike", "--reselect", variables=CUDA_12_8)
        assert scene.installed() == {
            "cuda-runtime": "1.0",
            "torchlike": "1.0 (cu12)",
            "twelve": "1.0",
        }


class TestTarget:
    def test_a_folder(self, scene: Scene, tmp_path: Path) -> None:
        scene.wheel("app")
        assert scene.run("--target", tmp_path / "site", "app").code == 0
        assert (tmp_path / "site" / "app" / "__init__.py").is_file()
        assert scene.installed() == {}

    def test_the_active_environment(self, scene: Scene) -> None:
        scene.wheel("app")
        scene.run("--dry-run", "app")
        ran = scene.run_alone(
            "--index-url", scene.index, "app", variables={"VIRTUAL_ENV": str(scene.env)}
        )
        assert "active virtual environment" in ran.err
        assert scene.installed() == {"app": "1.0"}

    def test_the_environment_of_the_project(self, scene: Scene) -> None:
        scene.wheel("app")
        scene.run("--dry-run", "app")
        (scene.root / ".venv").symlink_to(scene.env)
        ran = scene.run_alone("--index-url", scene.index, "app")
        assert ran.code == 0, ran.err
        assert scene.installed() == {"app": "1.0"}
