"""The commands about what is installed, as a user meets them; pip beside them where it has the same."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.end_to_end.scene import CU12, CU13, CUDA_12_8, CUDA_13_0, NO_GPU, SCHEMA, Scene
from tests.support.command import clean_environ
from tests.support.wheels import make_wheel

LABELS = {"null": {}, "cu12": CU12, "cu13": CU13}


def pip(scene: Scene, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """pip, on the environment of the scene."""
    command = [sys.executable, "-m", "pip", "--python", str(scene.python), *map(str, words)]
    environ = clean_environ(scene.home, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_COLOR="1")
    return subprocess.run(
        command, capture_output=True, text=True, env=environ, cwd=scene.root, check=False
    )


def json_of(scene: Scene, *words: str | Path, **more: Any) -> Any:
    """What a command prints with `--format json`."""
    ran = scene.run_alone(*words, "--python", scene.python, "--format", "json", **more)
    return json.loads(ran.out)


def fill(scene: Scene) -> Scene:
    """Install an oddly spelled name, a dependency, a direct URL and an editable."""
    scene.wheel("Odd.Name", requires=["lib>=1", "extra-only; extra == 'x'"], extras=["x"])
    scene.wheel("lib", "1.5")
    direct = make_wheel(scene.root / "direct", "direct", "3.0")
    project = scene.root / "tree"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "tree"\nversion = "0.1"\n'
    )
    wheel = make_wheel(scene.root / "built", "tree", "0.1", files={"tree.pth": str(project)})
    (project / "backend.py").write_text(BACKEND.format(wheel=str(wheel)))
    ran = scene.run("Odd.Name", f"direct @ {direct.as_uri()}", "-e", project)
    assert ran.code == 0, ran.err
    return scene


ORDER = """\
# why
--index-url https://index.example/simple/
  # indented

lib>1  # at the end of a line
-r nowhere.txt
ODD.name[x]; python_version > "2"

# why
nonesuch==1
lib
"""

BACKEND = """
import shutil

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    shutil.copy({wheel!r}, wheel_directory)
    return {wheel!r}.rpartition("/")[2]
"""


@pytest.fixture
def lived_in(scene: Scene) -> Scene:
    """A filled environment."""
    return fill(scene)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A filled environment that every test leaves as it is."""
    scene = Scene(tmp_path_factory.mktemp("settled"))
    scene.make_environment()
    scene.variables.update(NO_GPU)
    return fill(scene)


class TestBesidePip:
    """The output of pip 26.3 on the same environment."""

    @pytest.mark.parametrize(
        "words",
        [
            ["list"],
            ["list", "--format", "freeze"],
            ["list", "--not-required"],
            ["list", "--editable"],
            ["list", "--exclude-editable"],
            ["list", "--exclude", "odd_name"],
            ["list", "-v"],
            ["list", "--format", "freeze", "-v"],
            ["freeze"],
            ["freeze", "--exclude-editable"],
            ["freeze", "--exclude", "lib", "--all"],
            ["check"],
        ],
        ids=" ".join,
    )
    def test_the_output_is_the_same(self, settled: Scene, words: list[str]) -> None:
        theirs = pip(settled, *words)
        ours = settled.run_alone(*words, "--python", settled.python)
        assert (ours.code, ours.out) == (theirs.returncode, theirs.stdout)

    @pytest.mark.parametrize(
        "words", [[], ["--all"], ["--exclude", "lib"], ["--exclude-editable"]], ids=" ".join
    )
    def test_frozen_in_the_order_of_files(self, settled: Scene, words: list[str]) -> None:
        (settled.root / "order.txt").write_text(ORDER)
        (settled.root / "more.txt").write_text("# why\n\nnonesuch\nodd_name\n# more\n")
        words = ["freeze", "-r", "order.txt", "-r", "more.txt", *words]
        theirs = pip(settled, *words)
        ours = settled.run_alone(*words, "--python", settled.python)
        assert (ours.code, ours.out) == (theirs.returncode, theirs.stdout)
        assert "\n## The following requirements were added by pip freeze:\n" in ours.out

    def test_an_editable_in_a_repository(self, lived_in: Scene) -> None:
        project = lived_in.root / "tree"
        for words in (
            ["init", "-q"],
            [
                "-c",
                "user.name=x",
                "-c",
                "user.email=x@x.example",
                "commit",
                "-qm",
                "x",
                "--allow-empty",
            ],
            ["remote", "add", "origin", "git@host.example:group/tree.git"],
        ):
            subprocess.run(["git", *words], cwd=project, check=True)
        ours = lived_in.run_alone("freeze", "--python", lived_in.python)
        assert ours.out == pip(lived_in, "freeze").stdout
        assert "-e git+ssh://git@host.example/group/tree.git@" in ours.out

    def test_list_in_json_has_more(self, settled: Scene) -> None:
        """Difference: what pip says only with `-v` is always there, and so is `variant`."""
        theirs = json.loads(pip(settled, "list", "-v", "--format", "json").stdout)
        ours = json_of(settled, "list")
        assert [one.pop("variant") for one in ours] == [None] * 4
        assert ours == theirs

    def test_outdated(self, lived_in: Scene) -> None:
        lived_in.wheel("lib", "2.0")
        lived_in.wheel("lib", "3.0rc1")
        lived_in.wheel("Odd.Name", "1.0.post1", requires_python="<3")
        lived_in.publish()
        folder = lived_in.index / "lib"
        words: list[str | Path] = ["list", "--outdated", "--no-index", "--find-links", folder]
        theirs = pip(lived_in, *words)
        ours = lived_in.run_alone(*words, "--python", lived_in.python)
        assert ours.out == theirs.stdout
        assert ours.out.splitlines()[2:] == ["lib     1.5     2.0    wheel"]
        ours = lived_in.run_alone(*words, "--pre", "--python", lived_in.python)
        assert ours.out == pip(lived_in, *words, "--pre").stdout

    def test_check_says_what_is_broken_in_the_same_words(self, lived_in: Scene) -> None:
        lived_in.wheel("wants-old", requires=["lib<1"])
        lived_in.run("wants-old", "--no-deps")
        lived_in.wheel("wants-gone", requires=["gone; python_version > '3'", "never; extra == 'y'"])
        lived_in.run("wants-gone", "--no-deps")
        theirs = pip(lived_in, "check")
        ours = lived_in.run_alone("check", "--python", lived_in.python)
        assert (ours.code, ours.out) == (theirs.returncode, theirs.stdout)
        assert ours.out.splitlines() == [
            "wants-gone 1.0 requires gone, which is not installed.",
            "wants-old 1.0 has requirement lib<1, but you have lib 1.5.",
        ]

    def test_uninstall_leaves_the_same_files(self, lived_in: Scene) -> None:
        """Difference: pip leaves folders that held nothing but its own leftovers, never files."""
        (lived_in.root / "second").mkdir()
        second = Scene(lived_in.root / "second")
        second.make_environment()
        words: list[str | Path] = [
            *("lib", "Odd.Name"),
            (lived_in.root / "direct" / "direct-3.0-py3-none-any.whl"),
        ]
        places: list[str | Path] = [
            "--no-index",
            "-f",
            lived_in.index / "lib",
            "-f",
            lived_in.index / "Odd.Name",
        ]
        for scene, run in ((lived_in, pip), (second, pip)):
            assert run(scene, "install", *places, "--force-reinstall", *words).returncode == 0
        assert pip(lived_in, "uninstall", "-y", "tree").returncode == 0
        assert pip(lived_in, "uninstall", "-y", "lib", "direct").returncode == 0
        ran = second.run_alone("uninstall", "lib", "direct", "--python", second.python)
        assert ran.code == 0, ran.err
        assert _files(second) == _files(lived_in)

    def test_pip_uninstalls_what_vinstall_installed(self, lived_in: Scene) -> None:
        assert pip(lived_in, "uninstall", "-y", "Odd.Name", "lib", "direct", "tree").returncode == 0
        assert lived_in.installed() == {}


def _files(scene: Scene) -> list[str]:
    site = next(scene.env.glob("lib/python*/site-packages"))
    return sorted(
        path.relative_to(site).as_posix()
        for path in site.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


class TestUninstall:
    def test_it_says_what_else_would_break(self, lived_in: Scene) -> None:
        ran = lived_in.run_alone("uninstall", "lib", "--python", lived_in.python)
        assert (ran.code, ran.out) == (0, "")
        assert ran.err.splitlines()[1:] == [
            "- lib 1.5 (6 files)",
            "warning: `odd-name` 1.0 needs `lib` and will be broken",
            "removed 1 project",
        ]
        assert "lib" not in lived_in.installed()

    def test_what_is_not_installed_is_a_warning(self, settled: Scene) -> None:
        ran = settled.run_alone("uninstall", "nope", "--python", settled.python)
        assert ran.code == 0
        assert ran.err.splitlines()[1:] == [
            "warning: `nope` is not installed",
            "nothing was removed",
        ]

    def test_a_dry_run_in_json(self, settled: Scene) -> None:
        found = json_of(settled, "uninstall", "lib", "nope", "--dry-run")
        assert [one["name"] for one in found["removed"]] == ["lib"]
        assert all(Path(path).is_file() for path in found["removed"][0]["files"])
        assert found["absent"] == ["nope"]
        assert found["broken"] == [{"name": "odd-name", "version": "1.0", "needs": "lib"}]
        assert found["done"] is False
        assert "lib" in settled.installed()

    @pytest.mark.parametrize(
        ("answer", "left"), [("n", ["lib"]), ("y", []), ("", [])], ids=["no", "yes", "enter"]
    )
    def test_on_a_terminal_it_asks(self, scene: Scene, answer: str, left: list[str]) -> None:
        scene.wheel("lib")
        scene.run("lib")
        master, terminal = pty.openpty()
        try:
            os.write(master, f"{answer}\n".encode())
            done = subprocess.run(
                [sys.executable, "-m", "vinstall", "uninstall", "lib", "-p", scene.python],
                stdin=terminal,
                capture_output=True,
                text=True,
                env=clean_environ(scene.home),
                check=True,
            )
        finally:
            os.close(master)
            os.close(terminal)
        assert "Proceed? [Y/n]: " in done.stderr
        assert list(scene.installed()) == left

    def test_what_conda_installed_is_left_to_conda(self, lived_in: Scene) -> None:
        (info,) = lived_in.env.glob("lib/python*/site-packages/lib-1.5.dist-info")
        (info / "INSTALLER").write_text("conda\n")
        (lived_in.env / "conda-meta").mkdir()
        words: list[str | Path] = ["uninstall", "-y", "odd-name", "lib"]
        ran = lived_in.run_alone(*words, variables={"CONDA_PREFIX": str(lived_in.env)})
        assert ran.code == 1
        assert ran.err.splitlines()[1:] == [
            "error: `lib` 1.5 was installed by conda",
            "  conda keeps records of its own, which would be wrong afterwards",
            "hint: use `conda remove lib`; `--break-system-packages` does it all the same",
        ]
        assert {"lib", "Odd.Name"} <= lived_in.installed().keys()
        ran = lived_in.run_alone(
            *words, "--break-system-packages", variables={"CONDA_PREFIX": str(lived_in.env)}
        )
        assert ran.code == 0, ran.err
        assert not {"lib", "Odd.Name"} & lived_in.installed().keys()

    def test_an_environment_the_system_manages_is_left_alone(self, scene: Scene) -> None:
        if not any(Path("/usr/lib").glob("python3*/EXTERNALLY-MANAGED")):
            pytest.skip("the system's Python is not managed")
        ran = scene.run_alone("uninstall", "-y", "pip", "--python", "/usr/bin/python3")
        assert ran.code == 3


class TestVariants:
    @pytest.fixture
    def torchlike(self, scene: Scene) -> Scene:
        scene.variants("torchlike", "1.0", LABELS)
        scene.run("torchlike", variables=CUDA_12_8)
        return scene

    def test_list_shows_label_and_properties(self, torchlike: Scene) -> None:
        ran = torchlike.run_alone("list", "--python", torchlike.python)
        assert ran.out.splitlines() == [
            "Package   Version Variant Properties",
            "--------- ------- ------- ------------------------------------------",
            "torchlike 1.0     cu12    nvidia :: cuda_version_lower_bound :: 12.0",
        ]
        (one,) = json_of(torchlike, "list")
        assert one["variant"] == {
            "label": "cu12",
            "properties": ["nvidia :: cuda_version_lower_bound :: 12.0"],
        }

    def test_check_follows_the_host(self, torchlike: Scene) -> None:
        words: list[str | Path] = ["check", "--python", torchlike.python]
        ran = torchlike.run_alone(*words, variables=CUDA_12_8)
        shown = "torchlike 1.0 is the variant `cu12` (nvidia :: cuda_version_lower_bound :: 12.0)"
        assert (ran.code, ran.out.splitlines()) == (0, [shown, "No broken requirements found."])
        ran = torchlike.run_alone(*words)
        assert (ran.code, ran.out.splitlines()) == (
            1,
            [
                shown,
                "torchlike 1.0 is the variant `cu12`, which no longer runs here: "
                "it needs CUDA 12.0, no NVIDIA GPU was found.",
            ],
        )
        found = json_of(torchlike, "check")
        assert found["ok"] is False
        assert found["variants"][0]["supported"] is False
        assert found["findings"][0]["kind"] == "unsupported-variant"

    def test_frozen_hashes_install_the_other_variant_on_another_host(
        self, torchlike: Scene
    ) -> None:
        ran = torchlike.run("freeze", "--hashes")
        assert ran.code == 0, ran.err
        assert ran.out.count("--hash=sha256:") == 3
        lines = torchlike.root / "requirements.txt"
        lines.write_text(ran.out)
        words: list[str | Path] = ["--require-hashes", "-r", lines]
        for variables, label in ((CUDA_13_0, "cu13"), ({}, "null"), (CUDA_12_8, "cu12")):
            torchlike.run_alone("uninstall", "-y", "torchlike", "-p", torchlike.python)
            ran = torchlike.run("install", *words, variables=variables)
            assert ran.code == 0, ran.err
            assert torchlike.installed() == {"torchlike": f"1.0 ({label})"}

    def test_frozen_hashes_of_what_no_index_has(self, torchlike: Scene) -> None:
        torchlike.wheel("lost")
        torchlike.run("lost")
        (torchlike.index / "lost").rename(torchlike.root / "lost")
        ran = torchlike.run("freeze", "--hashes", "--refresh")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.splitlines()[1:] == [
            "error: no source has `lost==1.0`, so its hashes are not known",
            "hint: name the index it came from, or leave it out with `--exclude lost`",
        ]

    def test_outdated_names_the_variant_that_would_come(self, torchlike: Scene) -> None:
        torchlike.variants("torchlike", "2.0", LABELS)
        torchlike.publish()
        found = json_of(
            torchlike,
            *("list", "--outdated", "--refresh", "--index-url", torchlike.index),
            variables=CUDA_13_0,
        )
        assert [(one["latest_version"], one["latest_variant"]) for one in found] == [
            ("2.0", "cu13")
        ]

    def test_download_for_another_host(self, torchlike: Scene) -> None:
        folder = torchlike.root / "files"
        ran = torchlike.run("download", "torchlike", "-d", folder, variables=CUDA_13_0)
        assert ran.code == 0, ran.err
        assert ran.out == f"{folder}/torchlike-1.0-py3-none-any-cu13.whl\n"
        ran = torchlike.run("download", "torchlike", "-d", folder, "--format", "json")
        assert [one["variant"]["label"] for one in json.loads(ran.out)] == ["null"]
        again = torchlike.run("download", "torchlike", "-d", folder)
        assert again.err.splitlines()[-1] == "0 files (0 B) saved, 1 there already"
        offline: list[str | Path] = [
            "--no-index",
            "-f",
            folder,
            "--reinstall",
            "-p",
            torchlike.python,
        ]
        ran = torchlike.run_alone("torchlike", *offline, variables=CUDA_13_0)
        assert torchlike.installed() == {"torchlike": "1.0 (cu13)"}, ran.err


class TestEveryRun:
    """On every run an installed variant that this host no longer supports is replaced."""

    def test_whatever_the_run_is_about(self, scene: Scene) -> None:
        scene.variants("torchlike", "1.0", LABELS)
        scene.variants("torchlike", "2.0", LABELS)
        scene.wheel("app", requires=["torchlike<2"])
        scene.wheel("other")
        scene.run("app", variables=CUDA_13_0)
        ran = scene.run("other", variables=CUDA_12_8)
        assert ran.code == 0, ran.err
        assert scene.installed() == {"app": "1.0", "other": "1.0", "torchlike": "1.0 (cu12)"}
        assert (
            "note: `torchlike` 1.0 is replaced: what is installed needs CUDA 13.0,"
            " the driver offers 12.8"
        ) in ran.err.splitlines()
        (info,) = scene.env.glob("lib/python*/site-packages/torchlike-1.0.dist-info")
        assert not (info / "REQUESTED").exists()

    def test_another_version_where_none_of_this_one_runs_here(self, scene: Scene) -> None:
        scene.variants("torchlike", "1.0", {"cu13": CU13})
        scene.variants("torchlike", "0.9", LABELS)
        scene.wheel("other")
        scene.run("torchlike", variables=CUDA_13_0)
        scene.run("other", variables=CUDA_12_8)
        assert scene.installed() == {"other": "1.0", "torchlike": "0.9 (cu12)"}

    def test_one_that_cannot_be_replaced_is_no_obstacle(self, scene: Scene) -> None:
        scene.variants("torchlike", "1.0", {"cu13": CU13})
        scene.wheel("other")
        scene.run("torchlike", variables=CUDA_13_0)
        ran = scene.run("other", variables=CUDA_12_8)
        assert ran.code == 0, ran.err
        assert scene.installed() == {"other": "1.0", "torchlike": "1.0 (cu13)"}
        assert "warning: `torchlike` cannot be replaced by a build that runs here: " in ran.err

    def test_one_that_still_runs_stays(self, scene: Scene) -> None:
        scene.variants("torchlike", "1.0", LABELS)
        scene.wheel("other")
        scene.run("torchlike", variables=CUDA_12_8)
        scene.run("other", variables=CUDA_13_0)
        assert scene.installed() == {"other": "1.0", "torchlike": "1.0 (cu12)"}


class TestWhatIsLeftAlone:
    """An installation that breaks something else says so; pip prints a line too."""

    def test_a_requirement_that_does_not_hold_any_more(self, scene: Scene) -> None:
        scene.wheel("app", requires=["Li.b<2", "spare; extra == 'x'"])
        for version in ("1.0", "2.0"):
            scene.wheel("li-b", version)
        scene.wheel("spare")
        scene.run("app")
        ran = scene.run("li-b==2.0", "spare")
        assert ran.code == 0
        assert [line for line in ran.err.splitlines() if line.startswith("warning")] == [
            "warning: `app` 1.0 has requirement li-b<2, and gets li-b 2.0"
        ]
        assert "li-b" in pip(scene, "check").stdout


class TestBindings:
    """Variants that were built for one version of another project (`abi_dependency`)."""

    LABELS: ClassVar = {
        label: {"abi_dependency": {"torch": [version]}}
        for label, version in (("t29", "2.9"), ("t210", "2.10"))
    }

    @pytest.fixture
    def bound(self, scene: Scene) -> Scene:
        for version in ("2.9.0", "2.10.0"):
            scene.wheel("torch", version)
        for label, properties in self.LABELS.items():
            table = {
                "$schema": SCHEMA,
                "default-priorities": {"namespace": ["abi_dependency"]},
                "providers": {"abi_dependency": {"builtin": "abi_dependency"}},
                "variants": {label: properties},
            }
            scene.wheel("flash", label=label, variant_json=table, requires=["torch"])
        assert scene.run("flash", "torch==2.9.0").code == 0
        assert scene.installed() == {"flash": "1.0 (t29)", "torch": "2.9.0"}
        return scene

    def test_an_upgrade_of_the_other_alone_is_told_and_mended_by_the_next_run(
        self, bound: Scene
    ) -> None:
        ran = bound.run("torch==2.10.0")
        assert (
            "warning: `flash` 1.0 is the variant `t29`, built for torch==2.9.*, and gets torch 2.10.0"
        ) in ran.err.splitlines()
        ran = bound.run_alone("check", "--python", bound.python)
        assert ran.out.splitlines()[-1] == (
            "flash 1.0 is the variant `t29`, built for torch==2.9.*, but you have torch 2.10.0."
        )
        ran = bound.run("flash")
        assert bound.installed() == {"flash": "1.0 (t210)", "torch": "2.10.0"}
        assert (
            "note: `flash` 1.0 is replaced: what is installed was built for torch==2.9.*"
        ) in ran.err.splitlines()
        assert bound.run_alone("check", "--python", bound.python).code == 0

    @pytest.mark.parametrize(
        "words", [["flash", "torch==2.10.0"], ["-U", "flash", "torch"], ["-P", "torch", "flash"]]
    )
    def test_both_move_together(self, bound: Scene, words: list[str]) -> None:
        bound.run(*words)
        assert bound.installed() == {"flash": "1.0 (t210)", "torch": "2.10.0"}

    @pytest.mark.parametrize(
        "words", [["flash"], ["flash", "torch==2.9.0"], ["--reselect", "flash"]]
    )
    def test_what_fits_stays_without_a_word(self, bound: Scene, words: list[str]) -> None:
        ran = bound.run(*words)
        assert ran.err.splitlines()[1:] == ["nothing to do: 2 projects as asked already"]


class TestCache:
    def test_it_is_seen_and_emptied(self, scene: Scene) -> None:
        scene.wheel("lib")
        scene.run("lib")
        info = json.loads(scene.run_alone("cache", "info", "--format", "json").out)
        folder = scene.run_alone("cache", "dir").out.strip()
        assert info["dir"] == folder == str(scene.home / ".cache" / "vinstall")
        assert info["size"] == sum(bucket["size"] for bucket in info["buckets"]) > 0
        text = scene.run_alone("cache", "info").out.splitlines()
        assert text[0] == folder
        assert text[2].split() == ["part", "entries", "size"]
        done = json.loads(scene.run_alone("cache", "clean", "--format", "json").out)
        assert done == {"dir": folder, "freed": info["size"]}
        assert scene.run("lib", "--reinstall").code == 0

    def test_a_size_that_is_none(self, scene: Scene) -> None:
        ran = scene.run_alone("cache", "prune", "--max-size", "much")
        assert (ran.code, ran.err) == (
            2,
            "error: `much` is no size\nhint: write `500MB`, `2GiB`, or bytes\n",
        )


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_each_shell_gets_its_script(self, scene: Scene, shell: str) -> None:
        ran = scene.run_alone("completion", shell)
        assert ran.code == 0
        assert f"_VINSTALL_COMPLETE={shell}_complete" in ran.out

    def words(self, scene: Scene, *line: str | Path) -> list[str]:
        variables = {
            "_VINSTALL_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(map(str, ("vinstall", *line))),
            "COMP_CWORD": str(len(line)),
        }
        ran = scene.run_alone(variables=variables)
        return [word.partition(",")[2] for word in ran.out.splitlines()]

    def test_commands(self, scene: Scene) -> None:
        assert self.words(scene, "unin") == ["uninstall"]

    def test_installed_projects(self, settled: Scene) -> None:
        words: list[str | Path] = ["uninstall", "-p", settled.python, "t"]
        assert self.words(settled, *words) == ["tree"]

    def test_options(self, scene: Scene) -> None:
        assert self.words(scene, "freeze", "--hash") == ["--hashes"]
