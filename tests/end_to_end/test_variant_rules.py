"""What the drafts and the user say about variants, from the words to what is installed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.scene import (
    CU12,
    CU13,
    CUDA_12_8,
    CUDA_13_0,
    NO_GPU,
    PROVIDERS,
    SCHEMA,
    Properties,
    Scene,
)

MKL: Properties = {"blas": {"library": ["mkl"]}}
TPU: Properties = {"tpu": {"present": ["true"]}}
LABELS: dict[str, Properties] = {"null": {}, "cu12": CU12, "cu13": CU13, "tpu": TPU, "mkl": MKL}
A_TPU = {"TPU_VARIANT_PROVIDER_FORCE_PRESENT": "true"}
HOST_12_8 = """\
[metadata]
created-by = "a test"
version = "0.1"

[[provider]]
namespace = "nvidia"
resolved = ["nvidia-variant-provider==0.0.2"]

[provider.properties]
cuda_version_lower_bound = ["12.8", "12.0", "12"]
"""


class Say(NamedTuple):
    """One option, the machine it is said on, and the label that comes of it."""

    option: str
    value: str
    machine: Mapping[str, str]
    label: str | None


SAYS = {
    "a label": Say("variant", "cu12", CUDA_13_0, "cu12"),
    "a label for one project": Say("variant", "lib=null", CUDA_13_0, "null"),
    "no variants": Say("no-variants", "true", CUDA_13_0, None),
    "a preference": Say("prefer", "blas", CUDA_13_0, "mkl"),
    "a preference for one value": Say(
        "prefer", "nvidia::cuda_version_lower_bound::12.0", CUDA_13_0, "cu12"
    ),
    "a demand that is met": Say("require", "blas", CUDA_13_0, "mkl"),
    "an optional provider": Say("enable-provider", "tpu", A_TPU, "tpu"),
    "a provider that is not to be asked": Say("disable-provider", "nvidia", CUDA_13_0, "mkl"),
    "a host": Say("host", "gpu.toml", CUDA_13_0, "cu12"),
}
"""Without any of them: `cu13` where CUDA is 13.0, `mkl` where there is no GPU."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """An index on which one project has a build for everything, and an environment that stays empty."""
    scene = Scene(tmp_path_factory.mktemp("world"))
    scene.make_environment()
    scene.variables.update(NO_GPU)
    scene.variants("lib", "1.0", LABELS, plain=True)
    (scene.root / "gpu.toml").write_text(HOST_12_8)
    scene.publish()
    return scene


@pytest.fixture
def project_file(world: Scene) -> Iterator[Path]:
    """The project's `vinstall.toml`, gone after the test."""
    path = world.root / "vinstall.toml"
    yield path
    path.unlink(missing_ok=True)


def planned(scene: Scene, *words: str | Path, machine: Mapping[str, str]) -> dict[str, str | None]:
    """Project → label of what would be installed."""
    ran = scene.run("--dry-run", "-q", "--report", "-", *words, "lib", variables=machine)
    assert ran.code == 0, ran.err
    return {
        item["metadata"]["name"]: (item.get("variant") or {}).get("label")
        for item in json.loads(ran.out)["install"]
    }


class TestEveryWayToSayIt:
    """Each option by a word, by a variable, in the project's file and in the user's."""

    @pytest.mark.parametrize("name", SAYS)
    def test_by_a_word(self, world: Scene, name: str) -> None:
        say = SAYS[name]
        words = [f"--{say.option}"] if say.value == "true" else [f"--{say.option}", say.value]
        assert planned(world, *words, machine=say.machine) == {"lib": say.label}

    @pytest.mark.parametrize("name", SAYS)
    def test_by_a_variable(self, world: Scene, name: str) -> None:
        say = SAYS[name]
        variable = f"VINSTALL_{say.option.upper().replace('-', '_')}"
        found = planned(world, machine={**say.machine, variable: say.value})
        assert found == {"lib": say.label}

    @pytest.mark.parametrize("name", SAYS)
    def test_in_the_projects_file(self, world: Scene, name: str, project_file: Path) -> None:
        say = SAYS[name]
        value = "true" if say.value == "true" else json.dumps(say.value)
        project_file.write_text(f"{say.option} = {value}\n")
        assert planned(world, machine=say.machine) == {"lib": say.label}

    def test_in_the_users_file(self, world: Scene) -> None:
        folder = world.home / ".config" / "vinstall"
        folder.mkdir(parents=True)
        (folder / "vinstall.toml").write_text('prefer = ["blas"]\n')
        try:
            assert planned(world, machine=CUDA_13_0) == {"lib": "mkl"}
        finally:
            (folder / "vinstall.toml").unlink()

    @pytest.mark.parametrize(
        ("machine", "label"), [(CUDA_13_0, "cu13"), (CUDA_12_8, "cu12"), ({}, "mkl")]
    )
    def test_and_without_any(self, world: Scene, machine: Mapping[str, str], label: str) -> None:
        assert planned(world, machine=machine) == {"lib": label}


class TestNeverPastWhatFits:
    """PEP 825: options "MUST NOT cause selection of a wheel with properties the target system
    does not support"."""

    @pytest.mark.parametrize(
        "words",
        [
            ("--prefer", "nvidia"),
            ("--prefer", "nvidia::cuda_version_lower_bound::13.0"),
            ("--enable-provider", "nvidia"),
        ],
    )
    def test_a_preference_brings_no_build_that_does_not_run(
        self, world: Scene, words: tuple[str, str]
    ) -> None:
        assert planned(world, *words, machine={}) == {"lib": "mkl"}

    @pytest.mark.parametrize(
        ("words", "reasons"),
        [
            (
                ("--variant", "cu13"),
                [
                    "`lib` 1.0: `cu13` needs CUDA 13.0, no NVIDIA GPU was found",
                    "`lib` 1.0: `cu12` needs CUDA 12.0, no NVIDIA GPU was found",
                    "`lib` 1.0: `tpu` needs `tpu`: optional; `--enable-provider tpu` enables it",
                    "`lib` 1.0: `mkl` is excluded by `--variant cu13`",
                    "`lib` 1.0: `null` is excluded by `--variant cu13`",
                    "`lib` 1.0: `lib-1.0-py3-none-any.whl` is excluded by `--variant cu13`",
                ],
            ),
            (
                ("--require", "nvidia"),
                [
                    "`lib` 1.0: `cu12` needs CUDA 12.0, no NVIDIA GPU was found",
                    "`lib` 1.0: `cu13` needs CUDA 13.0, no NVIDIA GPU was found",
                    "`lib` 1.0: `tpu` needs `tpu`: optional; `--enable-provider tpu` enables it",
                    "`lib` 1.0: `mkl` uses nothing of `nvidia`, which `--require` asks for",
                    "`lib` 1.0: `null` uses nothing of `nvidia`, which `--require` asks for",
                    "`lib` 1.0: `lib-1.0-py3-none-any.whl` uses nothing of `nvidia`, which "
                    "`--require` asks for",
                ],
            ),
            (
                ("--require", "nvidia", "--disable-provider", "nvidia"),
                [
                    "`lib` 1.0: `cu12` needs `nvidia`: disabled by `--disable-provider nvidia`",
                    "`lib` 1.0: `cu13` needs `nvidia`: disabled by `--disable-provider nvidia`",
                ],
            ),
            (
                ("--variant", "tpu"),
                ["`lib` 1.0: `tpu` needs `tpu`: optional; `--enable-provider tpu` enables it"],
            ),
        ],
    )
    def test_an_error_lists_the_labels_and_why_each_failed(
        self, world: Scene, words: tuple[str, ...], reasons: list[str]
    ) -> None:
        ran = world.run("--dry-run", *words, "lib")
        assert ran.code == 1
        lines = [line.strip() for line in ran.err.splitlines()]
        assert "error: no release of `lib` that fits can be used here" in lines
        said = [line for line in lines if line.startswith("`lib` 1.0: ")]
        assert said[: len(reasons)] == reasons

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (
                ("--variant", "lib="),
                "error: `--variant lib=` names no label\nhint: write `PROJECT=LABEL` or `LABEL`\n",
            ),
            (
                ("--variant", "cu12", "--no-variants"),
                "error: `--no-variants` and `--variant` contradict each other\n"
                "hint: `--variant null` asks for the null variant\n",
            ),
            (
                ("--prefer", "a::b::c::d"),
                "error: `--prefer a::b::c::d` is no namespace, feature or property\n"
                "hint: write `nvidia`, `nvidia::sm_arch` or `x86_64::level::v3`\n",
            ),
            (("--host", "none.toml"), "error: `none.toml` does not exist\n"),
            (
                ("--host", "index/index.html"),
                "error: `index/index.html` is no host file\n",
            ),
        ],
    )
    def test_what_makes_no_sense_is_a_mistake_of_the_user(
        self, world: Scene, words: tuple[str, ...], error: str
    ) -> None:
        ran = world.run("--dry-run", *words, "lib")
        assert ran.code == 2
        assert error in ran.err


class TestConda:
    """`CONDA_OVERRIDE_CUDA` is understood where the provider's own variable is not set."""

    @pytest.mark.parametrize(
        ("value", "label"), [("13.0", "cu13"), ("12.8", "cu12"), ("11.8", "mkl"), ("", "mkl")]
    )
    def test_it_says_what_the_driver_offers(self, world: Scene, value: str, label: str) -> None:
        assert planned(world, machine={"CONDA_OVERRIDE_CUDA": value}) == {"lib": label}

    def test_the_providers_own_variable_outranks_it(self, world: Scene) -> None:
        assert planned(world, machine={"CONDA_OVERRIDE_CUDA": "11.8", **CUDA_12_8}) == {
            "lib": "cu12"
        }

    def test_what_does_not_parse_is_an_error(self, world: Scene) -> None:
        ran = world.run("--dry-run", "lib", variables={"CONDA_OVERRIDE_CUDA": "twelve"})
        assert ran.code == 2
        assert "CONDA_OVERRIDE_CUDA" in ran.err


class TestContainer:
    """ "In a container with no GPU and no host file, when CUDA builds were skipped, one line"."""

    HINT = (
        "note: `lib`: this container sees no device, so builds for CUDA were passed over; "
        "`--host FILE` chooses for the machine it will run on, where `vinstall host --export FILE` "
        "describes it"
    )

    @pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a GPU")
    def test_it_is_said_how_to_ask_for_them(self, world: Scene) -> None:
        environ = dict(world.variables)
        del world.variables["CONDA_OVERRIDE_CUDA"]
        try:
            ran = world.run("--dry-run", "lib", variables={"container": "docker"})
        finally:
            world.variables.update(environ)
        assert ran.err.splitlines().count(self.HINT) == 1

    @pytest.mark.parametrize("words", [("--host", "gpu.toml"), ("--variant", "null")])
    def test_who_has_said_what_to_choose_for_is_told_nothing(
        self, world: Scene, words: tuple[str, str]
    ) -> None:
        ran = world.run("--dry-run", *words, "lib", variables={"container": "docker"})
        assert ran.code == 0
        assert "container" not in ran.err


class TestHostFiles:
    """`host --export` there, `--host` here; `host merge` for machines that differ."""

    def test_what_is_exported_is_chosen_for(self, world: Scene) -> None:
        for name, version in (("new", "13.0"), ("old", "12.8")):
            cuda = {"NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": version}
            ran = world.run_alone("host", "--export", f"{name}.toml", variables=cuda)
            assert ran.code == 0, ran.err
        merged = world.run_alone("host", "merge", "new.toml", "old.toml")
        (world.root / "any.toml").write_text(merged.out)
        assert planned(world, "--host", "new.toml", machine={}) == {"lib": "cu13"}
        assert planned(world, "--host", "any.toml", machine=CUDA_13_0) == {"lib": "cu12"}

    def test_nothing_of_this_machine_is_looked_at(self, world: Scene) -> None:
        malformed = {"NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "twelve"}
        assert world.run("--dry-run", "lib", variables=malformed).code == 2
        assert planned(world, "--host", "gpu.toml", machine=malformed) == {"lib": "cu12"}

    def test_what_a_host_file_does_not_list_is_said(self, world: Scene) -> None:
        (world.root / "bare.toml").write_text(HOST_12_8.partition("[[provider]]")[0])
        ran = world.run("--dry-run", "--host", "bare.toml", "--disable-provider", "blas", "lib")
        assert (
            "note: `lib` 1.0 falls back to the variant `null`: `cu12` needs `nvidia`: the host file "
            "does not list `nvidia`; `cu13` needs `nvidia`: the host file does not list `nvidia`"
        ) in ran.err.splitlines()

    def test_another_platform_and_python_into_a_folder(self, scene: Scene) -> None:
        (scene.root / "gpu.toml").write_text(HOST_12_8)
        tag = "cp312-cp312-manylinux_2_28_aarch64"
        scene.variants("lib", "1.0", {"null": {}, "cu12": CU12, "cu13": CU13}, tag=tag)
        scene.variants("lib", "2.0", {"cu12": CU12}, tag="cp312-cp312-manylinux_2_28_x86_64")
        ran = scene.run(
            *("--host", "gpu.toml", "--target", "site", "lib"),
            *("--python-version", "3.12", "--python-platform", "manylinux_2_28_aarch64"),
        )
        assert ran.code == 0, ran.err
        assert "LABEL = 'cu12'" in (scene.root / "site" / "lib" / "__init__.py").read_text()
        assert scene.installed() == {}


TORCH_29: Properties = {"abi_dependency": {"torch": ["2.9"]}}
TORCH_210: Properties = {"abi_dependency": {"torch": ["2.10"]}}


class TestAbiDependency:
    """PEP 817 "ABI Dependency Variant Namespace", where the labelled wheel is installed already."""

    @pytest.fixture
    def flash(self, scene: Scene) -> Scene:
        """torch 2.9 and the build of flash for it, installed; a torch 2.10 on the index."""
        labels = {"torch29": TORCH_29, "torch210": TORCH_210}
        for label, properties in labels.items():
            table = abi_table({label: properties})
            scene.wheel("flash", label=label, variant_json=table, requires=["torch"])
        scene.variants_file("flash", "1.0", json.dumps(abi_table(labels)))
        for version in ("2.9.1", "2.10.0", "2.11.0"):
            scene.wheel("torch", version)
        scene.wheel("app", requires=["torch>=2.9"])
        ran = scene.run("flash", "torch<2.10")
        assert ran.code == 0, ran.err
        assert scene.installed() == {"flash": "1.0 (torch29)", "torch": "2.9.1"}
        return scene

    def test_the_release_it_keeps_out_is_named(self, flash: Scene) -> None:
        ran = flash.run("flash", "torch", "--upgrade")
        assert ran.code == 0, ran.err
        assert flash.installed() == {"flash": "1.0 (torch210)", "torch": "2.10.0"}
        assert (
            "note: `torch` 2.10.0 instead of 2.11.0: `torch210` of `flash` 1.0 goes with `torch==2.10.*`"
        ) in ran.err.splitlines()

    def test_what_goes_with_it_lets_it_stay(self, flash: Scene) -> None:
        assert flash.run("app").code == 0
        found = {"app": "1.0", "flash": "1.0 (torch29)", "torch": "2.9.1"}
        assert flash.installed() == found

    def test_it_is_replaced_when_its_dependency_is_asked_for_anew(self, flash: Scene) -> None:
        ran = flash.run("flash", "torch>=2.10")
        assert ran.code == 0, ran.err
        assert flash.installed() == {"flash": "1.0 (torch210)", "torch": "2.10.0"}

    def test_a_version_no_label_is_for_names_those_that_would_do(self, flash: Scene) -> None:
        ran = flash.run("flash", "torch==2.11.0")
        assert ran.code == 1
        assert "torch==2.9.*" in ran.err
        assert "torch==2.10.*" in ran.err
        assert flash.installed() == {"flash": "1.0 (torch29)", "torch": "2.9.1"}


def abi_table(labels: Mapping[str, Properties]) -> dict[str, Any]:
    """Variant metadata of builds that go with versions of another project."""
    return {
        "$schema": SCHEMA,
        "default-priorities": {"namespace": ["abi_dependency"]},
        "providers": {"abi_dependency": {"builtin": "abi_dependency"}},
        "variants": dict(labels),
    }


class TestLocks:
    """PEP 825: of every label that occurs in a lock its entry is retained in full."""

    MADE_ELSEWHERE = "cp39-cp39-win_amd64"

    @staticmethod
    def locked(scene: Scene, *words: str | Path) -> tuple[dict[str, Any], str]:
        """The entry of `lib` in a new lock, and what was said."""
        ran = scene.run("lock", "lib", *words)
        assert ran.code == 0, ran.err
        document = tomllib.loads((scene.root / "pylock.toml").read_text())
        return document["packages"][0], ran.err

    def test_without_variants_none_is_listed(self, scene: Scene) -> None:
        scene.variants("lib", "1.0", LABELS, plain=True)
        package, err = self.locked(scene, "--no-variants")
        assert [wheel["name"] for wheel in package["wheels"]] == ["lib-1.0-py3-none-any.whl"]
        assert "variants-json" not in package
        assert "`pylock.toml` was written: 1 package, 1 wheel" in err.splitlines()
        assert (
            "note: `lib`: 5 wheels are not in the lock, nothing is known of their labels or they "
            "are not wanted"
        ) in err.splitlines()

    def test_labels_without_metadata_are_left_out(self, scene: Scene) -> None:
        scene.variants("lib", "1.0", LABELS, plain=True, listed={"null": {}, "cu12": CU12})
        package, _ = self.locked(scene)
        assert set(package["variants-json"]["variants"]) == {"null", "cu12"}
        assert [
            wheel["name"].removeprefix("lib-1.0-py3-none-any") for wheel in package["wheels"]
        ] == [
            "-cu12.whl",
            "-null.whl",
            ".whl",
        ]

    def test_labels_for_other_machines_alone_keep_theirs(self, scene: Scene) -> None:
        scene.variants("lib", "1.0", {"cu12": CU12}, tag=self.MADE_ELSEWHERE)
        scene.wheel("lib", "1.0")
        package, _ = self.locked(scene)
        assert package["variants-json"]["variants"] == {"cu12": CU12}
        assert len(package["wheels"]) == 2


class TestLocalWheel:
    """PEP 825 "Installing a specific local wheel"."""

    @pytest.fixture
    def wheel(self, scene: Scene) -> str:
        """A build for CUDA 12 that needs more there; its path from the root of the scene."""
        table = {
            "$schema": SCHEMA,
            "default-priorities": {"namespace": ["nvidia"]},
            "providers": {"nvidia": PROVIDERS["nvidia"]},
            "variants": {"cu12": CU12},
        }
        scene.wheel("for-cuda")
        path = scene.wheel(
            "lib",
            label="cu12",
            variant_json=table,
            requires=["for-cuda; 'nvidia :: cuda_version_lower_bound::12.0' in variant_properties"],
        )
        return f"./{path.relative_to(scene.root)}"

    def test_is_taken_where_it_runs_with_what_its_markers_ask_for(
        self, scene: Scene, wheel: str
    ) -> None:
        assert scene.run(wheel, variables=CUDA_12_8).code == 0
        assert scene.installed() == {"for-cuda": "1.0", "lib": "1.0 (cu12)"}

    def test_is_refused_where_it_does_not(self, scene: Scene, wheel: str) -> None:
        ran = scene.run(wheel)
        assert ran.code == 1
        assert "needs CUDA 12.0, no NVIDIA GPU was found" in ran.err
        assert scene.installed() == {}


class TestMarkers:
    """PEP 825 "Evaluating variant markers"."""

    def test_the_sets_are_narrowed_to_what_the_target_supports(self, scene: Scene) -> None:
        """The PEP's example: a build for two architectures on a GPU of the older one."""
        both: Properties = {"nvidia": {"sm_arch": ["120_real", "90_real"]}}
        requires = [
            "for-old; 'nvidia :: sm_arch :: 90_real' in variant_properties",
            "for-new; 'nvidia::sm_arch::120_real' in variant_properties",
            "not-for-new; 'nvidia :: sm_arch :: 120_real' not in variant_properties",
            "for-any; 'nvidia :: sm_arch' in variant_features",
        ]
        scene.variants("lib", "1.0", {"gpu": both}, requires=requires)
        for name in ("for-old", "for-new", "not-for-new", "for-any"):
            scene.wheel(name)
        sm_90 = {**CUDA_13_0, "NV_VARIANT_PROVIDER_FORCE_SM_ARCH": "9.0"}
        found = {"lib": "gpu", "for-old": None, "not-for-new": None, "for-any": None}
        assert planned(scene, machine=sm_90) == found

    def test_they_take_no_part_in_selecting_a_wheel(self, scene: Scene) -> None:
        """A label whose dependencies cannot be met is not quietly swapped for a worse one."""
        requires = ["missing; variant_label == 'cu13'"]
        labels: dict[str, Properties] = {"null": {}, "cu12": CU12, "cu13": CU13}
        scene.variants("lib", "1.0", labels, requires=requires)
        ran = scene.run("lib", variables=CUDA_13_0)
        assert ran.code == 1
        assert "--variant" in ran.err
        assert scene.installed() == {}
        assert planned(scene, "--variant", "lib=cu12", machine=CUDA_13_0) == {"lib": "cu12"}


class TestIndexFile:
    """PEP 825 "Index-level metadata"."""

    def test_what_the_page_says_of_it_beside_its_place_does_not_matter(self, scene: Scene) -> None:
        scene.variants("lib", "1.0", {"null": {}, "cu12": CU12})
        scene.publish()
        page = scene.index / "lib" / "index.html"
        attributes = 'data-requires-python="&lt;3" data-yanked="gone" data-core-metadata="true"'
        line = '<a href="lib-1.0-variants.json'
        text = page.read_text()
        assert line in text
        page.write_text(text.replace(line, f"<a {attributes} {line.removeprefix('<a ')}"))
        ran = scene.run_alone(
            *("--index-url", scene.index, "--python", scene.python, "lib"), variables=CUDA_12_8
        )
        assert ran.code == 0, ran.err
        assert scene.installed() == {"lib": "1.0 (cu12)"}

    def test_it_may_change(self, scene: Scene) -> None:
        scene.variants("lib", "1.0", {"null": {}, "cu12": CU12})
        assert planned(scene, machine=CUDA_13_0) == {"lib": "cu12"}
        scene.variants("lib", "1.0", {"null": {}, "cu12": CU12, "cu13": CU13})
        assert planned(scene, machine=CUDA_13_0) == {"lib": "cu13"}


class TestWithoutIndexFile:
    """PEP 825: "the combined metadata can instead be read from the candidate wheels"."""

    def test_a_folder_of_wheels_is_enough(self, scene: Scene) -> None:
        scene.variants("lib", "1.0", {"null": {}, "cu12": CU12, "cu13": CU13}, plain=True)
        (scene.index / "lib" / "lib-1.0-variants.json").unlink()
        ran = scene.run_alone(
            *("--no-index", "--find-links", "index/lib", "--python", scene.python, "lib"),
            variables=CUDA_12_8,
        )
        assert ran.code == 0, ran.err
        assert scene.installed() == {"lib": "1.0 (cu12)"}


class TestSeveralIndexes:
    """PEP 825 recommends "to consider their variant metadata in isolation"."""

    def test_the_index_that_answers_decides(self, scene: Scene) -> None:
        other = scene.root / "other"
        scene.variants("lib", "1.0", {"null": {}, "cu12": CU12})
        scene.variants("lib", "1.0", {"null": {}, "cu13": CU13}, index=other)
        scene.publish(other)
        for strategy in ("first-index", "unsafe-first-match", "unsafe-best-match"):
            words = ("--extra-index-url", "other", "--index-strategy", strategy)
            assert planned(scene, *words, machine=CUDA_13_0) == {"lib": "cu12"}

    @pytest.mark.parametrize(
        ("strategy", "version"),
        [("first-index", "1.0"), ("unsafe-first-match", "1.0"), ("unsafe-best-match", "2.0")],
    )
    def test_the_strategy_decides_between_versions(
        self, scene: Scene, strategy: str, version: str
    ) -> None:
        other = scene.root / "other"
        scene.wheel("lib", "1.0")
        scene.wheel("lib", "2.0", index=other)
        scene.publish(other)
        ran = scene.run("lib", "--extra-index-url", "other", "--index-strategy", strategy)
        assert ran.code == 0, ran.err
        assert scene.installed() == {"lib": version}

    def test_where_the_first_has_nothing_that_fits_the_next_one_is_taken(
        self, scene: Scene
    ) -> None:
        other = scene.root / "other"
        scene.wheel("lib", "1.0")
        scene.wheel("lib", "2.0", index=other)
        scene.publish(other)
        words = ("--extra-index-url", "other", "--index-strategy", "unsafe-first-match")
        assert scene.run("lib>=2", *words).code == 0
        assert scene.installed() == {"lib": "2.0"}
