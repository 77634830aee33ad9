"""Random releases: the wheel that is installed is the one uv installs.

`VINSTALL_TEST_SCALE` multiplies the number of projects; 40 times the ordinary one is 1,000.

Two differences are meant.  Where the index offers no variants file, vinstall reads `variant.json` from
the wheels, and uv takes no labelled wheel.  A wheel labelled `null` is the null variant for vinstall
although the file does not list the label, and unusable for uv.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command import clean_environ
from tests.support.pages import write_pages
from tests.support.server import serving
from tests.support.wheels import make_wheel
from vinstall.errors import ResolutionError
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.observer import Observer
from vinstall.workflows.install import install
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings, SourceSettings, TargetSettings

PROJECTS = 25 * int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
SCHEMA = "https://variants-schema.wheelnext.dev/v0.2.0.json"
PROVIDERS: Mapping[str, Mapping[str, object]] = {
    "nvidia": {
        "requires": ["nvidia-variant-provider>=0.0.1,<1.0.0"],
        "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
    },
    "tpu": {
        "requires": ["tpu-variant-provider"],
        "plugin-api": "tpu_variant_provider.plugin:TpuVariantPlugin",
    },
    "x86_64": {"requires": ["x86-64-variant-provider"]},
    "blas": {"static-properties": {"library": ["mkl", "openblas", "blis"]}},
}
VALUES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("nvidia", "cuda_version_lower_bound"): ("11", "11.8", "12", "12.0", "12.4", "12.8", "13.0"),
    ("nvidia", "cuda_version_upper_bound"): ("12", "12.6", "13", "13.1", "14"),
    ("nvidia", "sm_arch"): ("75_real", "80_real", "86_real", "90_real", "90_virtual", "100_real"),
    ("tpu", "present"): ("true", "false"),
    ("x86_64", "level"): ("v1", "v2", "v3", "v4"),
    ("blas", "library"): ("mkl", "openblas", "blis"),
}
PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"
TAGS = (
    "py3-none-any",
    "py3-none-any",
    f"{PYTHON}-{PYTHON}-manylinux_2_17_x86_64",
    f"{PYTHON}-abi3-manylinux_2_5_x86_64.manylinux1_x86_64",
    "py3-none-manylinux_2_28_x86_64",
    "cp38-cp38-manylinux_2_17_x86_64",
    "py3-none-macosx_11_0_arm64",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One project with its releases, and what the machine is said to be."""

    project: str
    variables: Mapping[str, str]


def make_trial(number: int, root: Path, seed: int) -> Trial:
    """A project of one to three versions below `root`."""
    rng = random.Random(seed)
    project = f"p{number}"
    for version in rng.sample(["1.0", "1.1", "2.0rc1", "2.0"], rng.randint(1, 3)):
        make_release(root / project, project, version, rng)
    variables = {}
    if rng.random() < 0.8:
        cuda = rng.choice(["11.4", "12.0", "12.4", "12.8", "13.0", "13.1"])
        variables["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = cuda
        if rng.random() < 0.7:
            variables["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = rng.choice(
                ["7.5", "8.6", "9.0", "10.0"]
            )
    variables["TPU_VARIANT_PROVIDER_FORCE_PRESENT"] = rng.choice(["true", "false"])
    return Trial(project=project, variables=variables)


def make_release(folder: Path, project: str, version: str, rng: random.Random) -> None:
    """Labelled wheels, perhaps plain ones and null, and the variants file."""
    features = rng.sample(list(VALUES), rng.randint(1, 4))
    variants: dict[str, dict[str, dict[str, list[str]]]] = {}
    for at in range(rng.randint(0, 5)):
        chosen = rng.sample(features, rng.randint(1, len(features)))
        properties: dict[str, dict[str, list[str]]] = {}
        for namespace, feature in chosen:
            values = VALUES[namespace, feature]
            count = rng.randint(1, 3) if feature in ("sm_arch", "library") else 1
            properties.setdefault(namespace, {})[feature] = rng.sample(values, count)
        variants[f"{rng.choice('abcxyz')}{at}"] = properties
    if rng.random() < 0.4:
        variants["null"] = {}
    namespaces = list(dict.fromkeys(namespace for namespace, _ in features))
    rng.shuffle(namespaces)
    table = {
        "$schema": SCHEMA,
        "default-priorities": {"namespace": namespaces},
        "providers": {namespace: PROVIDERS[namespace] for namespace in namespaces},
    }
    listed = dict(variants)
    for label, properties in variants.items():
        own = {**table, "variants": {label: properties}}
        make_wheels(folder, project, version, label, own, rng)
    if variants and rng.random() < 0.1:
        del listed[rng.choice(list(variants))]
    if rng.random() < 0.5 or not variants:
        make_wheels(folder, project, version, None, None, rng)
    if listed:
        text = json.dumps({**table, "variants": listed})
        (folder / f"{project}-{version}-variants.json").write_text(text)


def make_wheels(
    folder: Path,
    project: str,
    version: str,
    label: str | None,
    table: Mapping[str, object] | None,
    rng: random.Random,
) -> None:
    """One or two wheels of a label; each says its own name in `which.txt`."""
    for tag in set(rng.choices(TAGS, k=rng.randint(1, 2))):
        build = rng.choice([None, None, None, "1", "2"])
        parts = [project, version, *([build] if build else []), tag, *([label] if label else [])]
        filename = "-".join(parts) + ".whl"
        made = make_wheel(
            folder,
            project,
            version,
            tag=tag,
            build=build,
            label=label,
            variant_json=table,
            files={f"{project}.which": filename},
        )
        assert made.name == filename


def chosen_by_vinstall(trial: Trial, url: str, root: Path) -> str | None:
    """The file vinstall would install; None where it finds none."""
    settings = Settings(
        requirements=(trial.project,),
        dry_run=True,
        no_deps=True,
        sources=SourceSettings(index_url=url),
        target=TargetSettings(python=sys.executable, target=root / "nowhere"),
        cache_dir=root / "cache",
    )
    invocation = Invocation(
        environ={**clean_environ(root), **trial.variables},
        folder=root,
        python=Path(sys.executable),
        is_virtual=True,
        time=time.time(),
    )
    try:
        report = install(settings, invocation, Observer())
    except ResolutionError:
        return None
    (item,) = report.items
    assert item.pin is not None
    return item.pin.choice.artifact.file.filename


def chosen_by_uv(trial: Trial, url: str, root: Path) -> str | None:
    """The file uv installs; None where it finds none."""
    out = root / "uv" / trial.project
    command = [str(UV), "pip", "install", "--preview-features", "wheel-variants", "--no-config"]
    command += ["--no-deps", "--index-url", url, "--python", sys.executable, "--target", str(out)]
    environ = {**clean_environ(root), "UV_CACHE_DIR": str(root / "uv-cache"), **trial.variables}
    done = subprocess.run(
        [*command, trial.project], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        assert "No solution found" in done.stderr or "no usable wheels" in done.stderr, done.stderr
        return None
    return (out / f"{trial.project}.which").read_text()


@pytest.mark.uv
@pytest.mark.skipif(UV is None, reason="uv is not installed")
def test_the_wheel_installed_is_the_one_uv_installs(tmp_path: Path) -> None:
    index = tmp_path / "index"
    trials = [make_trial(number, index, seed=number) for number in range(PROJECTS)]
    write_pages(index)
    with serving(index) as server:
        differences = [
            (trial, ours, theirs)
            for trial in trials
            if (ours := chosen_by_vinstall(trial, server.url, tmp_path))
            != (theirs := chosen_by_uv(trial, server.url, tmp_path))
            and not is_meant(ours, index / trial.project)
        ]
    assert differences == []


def is_meant(ours: str | None, folder: Path) -> bool:
    """Whether the choice of `ours` differs from uv's for one of the two reasons."""
    if ours is None:
        return False
    name = parse_wheel_name(ours)
    listed = folder / f"{folder.name}-{ours.split('-')[1]}-variants.json"
    if name.label is None:
        return False
    if not listed.exists():
        return True
    return name.label == "null" and "null" not in json.loads(listed.read_text())["variants"]
