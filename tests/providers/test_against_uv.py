"""The built-in answers against those of uv, the newest installer that has its own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.command import clean_environ
from tests.support.server import Reply, serving
from tests.support.wheels import make_wheel
from vinstall.formats.support import NamespaceAnswer
from vinstall.formats.variant_json import ProviderInfo
from vinstall.providers.machine import this_machine
from vinstall.providers.registry import Registry

pytestmark = [
    pytest.mark.uv,
    pytest.mark.skipif(
        shutil.which("uv", path=str(Path(sys.executable).parent)) is None, reason="no uv"
    ),
]

CUDA = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"
SM = "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"
TPU = "TPU_VARIANT_PROVIDER_FORCE_PRESENT"
LOWER, UPPER = "cuda_version_lower_bound", "cuda_version_upper_bound"
NVIDIA_API = "nvidia_variant_provider.plugin:NvidiaVariantPlugin"
TPU_API = "tpu_variant_provider.plugin:TpuVariantPlugin"

Case = tuple[str, str, str | None, str, tuple[str, ...], Mapping[str, str]]
"""Namespace, requirement, plugin API, feature, the values that have a label, variables."""

CASES: tuple[Case, ...] = (
    ("tpu", "tpu-variant-provider", TPU_API, "present", ("true", "false"), {TPU: "Yes"}),
    ("tpu", "tpu-variant-provider>=0.1", TPU_API, "present", ("true", "false"), {TPU: "0"}),
    ("tpu", "tpu-variant-provider", TPU_API, "present", ("true", "false"), {}),
    ("tpu", "tpu-variant-provider>=2", TPU_API, "present", ("true", "false"), {TPU: "1"}),
    ("tpu", "tpu-variant-provider", "other:Plugin", "present", ("true", "false"), {TPU: "1"}),
    ("x86_64", "x86-64-variant-provider", None, "level", ("v1", "v2", "v3", "v4"), {}),
    ("x86_64", "x86-64-variant-provider", "x86_64_variant_provider", "aes", ("on",), {}),
    ("nvidia", "nvidia-variant-provider", NVIDIA_API, LOWER, ("11", "12", "13.0"), {CUDA: "12.8"}),
    ("nvidia", "NVIDIA_variant.provider", NVIDIA_API, LOWER, ("12", "12.0"), {CUDA: "v12.00rc1"}),
    ("nvidia", "nvidia-variant-provider==9", NVIDIA_API, LOWER, ("11",), {CUDA: "12.8"}),
    (
        "nvidia",
        "nvidia-variant-provider",
        NVIDIA_API,
        UPPER,
        ("12.8", "12.9", "13"),
        {CUDA: "12.8"},
    ),
    ("nvidia", "nvidia-variant-provider", NVIDIA_API, UPPER, ("10.9", "11"), {CUDA: "10.9"}),
    ("nvidia", "nvidia-variant-provider", NVIDIA_API, LOWER, ("16.25", "16"), {CUDA: "16.25"}),
    (
        "nvidia",
        "nvidia-variant-provider",
        NVIDIA_API,
        "sm_arch",
        ("89_real", "86_real", "90_real", "80_virtual"),
        {CUDA: "12.8", SM: "8.9"},
    ),
    ("nvidia", "nvidia-variant-provider", NVIDIA_API, "sm_arch", ("90_real",), {SM: "9.0"}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1]}-{case[3]}")
def test_the_same_label_is_chosen(case: Case, tmp_path: Path) -> None:
    namespace, requirement, api, feature, values, variables = case
    if namespace == "x86_64" and this_machine().processor != "x86_64":
        pytest.skip("not an x86-64 machine")
    provider = {"requires": [requirement], **({"plugin-api": api} if api else {})}
    variants = {f"l{place}": {namespace: {feature: [value]}} for place, value in enumerate(values)}
    table = {
        "$schema": "https://variants-schema.wheelnext.dev/v0.2.0.json",
        "default-priorities": {"namespace": [namespace]},
        "providers": {namespace: provider},
    }
    chosen = uv_choice(table, variants, variables, tmp_path)
    registry = Registry(machine=this_machine({"PATH": "", **variables}), markers={})
    info = ProviderInfo(requires=(requirement,), plugin_api=api)
    answer = registry.answer(namespace, info, labels=len(values))
    assert chosen == best_label(answer, feature, values)


def best_label(answer: NamespaceAnswer, feature: str, values: tuple[str, ...]) -> str | None:
    """The label whose one value is supported and the most preferred, or None."""
    for each in answer.features:
        for value in each.values:
            if each.name == feature and value in values:
                return f"l{values.index(value)}"
    return None


def uv_choice(
    table: Mapping[str, object],
    variants: Mapping[str, object],
    variables: Mapping[str, str],
    tmp_path: Path,
) -> str | None:
    """The label uv chooses from an index with these variants and a plain wheel."""
    wheels = [make_wheel(tmp_path)]
    for label, properties in variants.items():
        document = {**table, "variants": {label: properties}}
        wheels.append(make_wheel(tmp_path, label=label, variant_json=document))
    index_json = json.dumps({**table, "variants": variants}).encode()
    names = [*(wheel.name for wheel in wheels), "demo-1.0-variants.json"]
    page = "".join(f'<a href="{name}">{name}</a>' for name in names).encode()
    routes: dict[str, bytes | Reply] = {
        f"/simple/demo/{wheel.name}": wheel.read_bytes() for wheel in wheels
    }
    routes["/simple/demo/"] = Reply(body=page, headers={"Content-Type": "text/html"})
    routes["/simple/demo/demo-1.0-variants.json"] = index_json
    with serving(routes) as server:
        command = [
            str(Path(sys.executable).with_name("uv")),
            *("pip", "install", "--verbose", "--dry-run", "--no-cache", "--no-config"),
            *("--preview-features", "wheel-variants", "--target", str(tmp_path / "target")),
            *("--python", sys.executable, "--default-index", f"{server.url}/simple/", "demo"),
        ]
        environ = clean_environ(tmp_path, **variables)
        done = subprocess.run(
            command, env=environ, capture_output=True, check=False, encoding="utf-8"
        )
    match = re.search(r"Selecting: demo==1\.0 \[compatible\] \((\S+)\.whl\)", done.stderr)
    assert match is not None, done.stderr
    label = match[1].removeprefix("demo-1.0-py3-none-any").removeprefix("-")
    return label or None
