"""Scene: an index that is made up, an environment, and vinstall run as a user runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.command import Ran, run_vinstall
from tests.support.pages import write_pages
from tests.support.wheels import make_wheel

SCHEMA = "https://variants-schema.wheelnext.dev/v0.2.0.json"
PROVIDERS = {
    "nvidia": {"requires": ["nvidia-variant-provider>=0.0.1,<1.0.0"]},
    "x86_64": {"requires": ["x86-64-variant-provider"]},
    "blas": {"static-properties": {"library": ["mkl", "openblas"]}},
    "moon": {"requires": ["moon-variant-provider"]},
    "ascend": {"requires": ["huawei-ascend-variant-provider"]},
    "tpu": {"requires": ["tpu-variant-provider"], "optional": True},
}
Properties = Mapping[str, Mapping[str, Sequence[str]]]

CU12: Properties = {"nvidia": {"cuda_version_lower_bound": ["12.0"]}}
CU13: Properties = {"nvidia": {"cuda_version_lower_bound": ["13.0"]}}
NO_GPU = {"CONDA_OVERRIDE_CUDA": "", "container": ""}
"""Empty says that there is none, whatever the machine is."""
CUDA_12_8 = {"NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "12.8"}
CUDA_13_0 = {"NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "13.0"}


def variant_table(
    labels: Mapping[str, Properties], among: Mapping[str, Properties] | None = None
) -> dict[str, Any]:
    """Variant metadata of schema 0.2 for `labels`, with the namespaces of all that are `among`.

    Namespaces stand in the order of their first use.
    """
    used = dict.fromkeys(ns for properties in (among or labels).values() for ns in properties)
    return {
        "$schema": SCHEMA,
        "default-priorities": {"namespace": list(used)},
        "providers": {namespace: PROVIDERS[namespace] for namespace in used},
        "variants": {label: dict(properties) for label, properties in labels.items()},
    }


class Scene:
    """One test's world, below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.index = root / "index"
        self.env = root / "env"
        self.python = self.env / "bin" / "python"
        self.home.mkdir()
        self.index.mkdir()
        self.variables: dict[str, str] = {}

    # --- making ---------------------------------------------------------------------------------

    def make_environment(self) -> None:
        """A virtual environment without pip."""
        command = [sys.executable, "-m", "venv", "--without-pip", str(self.env)]
        subprocess.run(command, check=True, capture_output=True)

    def wheel(
        self, name: str, version: str = "1.0", *, index: Path | None = None, **more: Any
    ) -> Path:
        """One wheel on the index; `more` as `make_wheel` takes it."""
        return make_wheel((index or self.index) / name, name, version, **more)

    def variants(
        self,
        name: str,
        version: str,
        labels: Mapping[str, Properties],
        *,
        plain: bool = False,
        listed: Mapping[str, Properties] | None = None,
        index: Path | None = None,
        **more: Any,
    ) -> None:
        """A wheel for each of `labels`, and a variants file that says `listed`, or the truth."""
        for label, properties in labels.items():
            table = variant_table({label: properties}, labels)
            self.wheel(name, version, label=label, variant_json=table, index=index, **more)
        if plain:
            self.wheel(name, version, index=index, **more)
        self.variants_file(name, version, json.dumps(variant_table(listed or labels)), index=index)

    def variants_file(
        self, name: str, version: str, text: str, *, index: Path | None = None
    ) -> None:
        """The variants file of one release."""
        folder = (index or self.index) / name
        folder.mkdir(parents=True, exist_ok=True)
        stem = name.replace("-", "_")
        (folder / f"{stem}-{version}-variants.json").write_text(text)

    def publish(self, index: Path | None = None) -> None:
        """Write the pages of an index."""
        write_pages(index or self.index)

    # --- running --------------------------------------------------------------------------------

    def run(
        self,
        *words: str | Path,
        variables: Mapping[str, str] | None = None,
        typed: str | None = None,
    ) -> Ran:
        """`vinstall` with `words`, on the index and the environment of the scene."""
        self.publish()
        place = ("--index-url", self.index, "--python", self.python)
        return self.run_alone(*words, *place, variables=variables, typed=typed)

    def run_alone(
        self,
        *words: str | Path,
        variables: Mapping[str, str] | None = None,
        typed: str | None = None,
    ) -> Ran:
        """`vinstall` with `words` and nothing else, in the root of the scene.

        `typed` is what it finds on standard input.
        """
        given = {**self.variables, **(variables or {})}
        return run_vinstall(*words, home=self.home, cwd=self.root, variables=given, typed=typed)

    def explain(self, *words: str, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `explain --format json` says."""
        ran = self.run("explain", *words, "--format", "json", variables=variables)
        assert ran.code == 0, ran.err
        document = json.loads(ran.out)
        assert isinstance(document, dict)
        return document

    def plain(self, text: str) -> str:
        """`text` with what differs from run to run replaced by names."""
        text = (
            text.replace(self.index.as_uri(), "<index>")
            .replace(str(self.index), "<index>")
            .replace(str(self.env), "<env>")
        )
        text = text.replace(str(self.root), "<root>")
        text = re.sub(r"CPython \d+\.\d+\.\d+\w*", "CPython <version>", text)
        return re.sub(r"in \d+\.\d s", "in <time> s", text)

    # --- looking --------------------------------------------------------------------------------

    def installed(self) -> dict[str, str]:
        """Name → version of everything in the environment, with the label of a variant."""
        found = {}
        for info in self.env.glob("lib/python*/site-packages/*.dist-info"):
            name, _, version = info.name.removesuffix(".dist-info").partition("-")
            variant = info / "variant.json"
            if variant.is_file():
                label = next(iter(json.loads(variant.read_text())["variants"]))
                version += f" ({label})"
            found[name.replace("_", "-")] = version
        return dict(sorted(found.items()))

    def python_says(self, code: str) -> str:
        """What the environment's Python prints when it runs `code`."""
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [self.python, "-c", code], check=True, capture_output=True, text=True, env=environ
        )
        return done.stdout.strip()

    def forget_cache(self) -> None:
        """As if vinstall had never run."""
        shutil.rmtree(self.home / ".cache", ignore_errors=True)
