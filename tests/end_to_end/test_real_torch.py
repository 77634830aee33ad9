"""torch 2.10 as it is published, with stub wheels: what each host gets, chosen on one machine.

Files, labels and variant metadata are those of the real pages, of torch and of what it needs
there; the requirements are those its wheels carry, every wheel all of them.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.end_to_end.hosts import ARC_A770, CPU, H200, MI300X, host_file, published_hosts
from tests.end_to_end.scene import NO_GPU, Scene
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the wheels are for Linux"
)

CUDA_13_0 = {
    "nvidia-cublas": "13.1.0.3",
    "nvidia-cuda-cupti": "13.0.85",
    "nvidia-cuda-nvrtc": "13.0.88",
    "nvidia-cuda-runtime": "13.0.96",
    "nvidia-cudnn": "9.15.1.9",
    "nvidia-cufft": "12.0.0.61",
    "nvidia-cufile": "1.15.1.6",
    "nvidia-curand": "10.4.0.35",
    "nvidia-cusolver": "12.0.4.66",
    "nvidia-cusparse": "12.6.3.3",
    "nvidia-cusparselt": "0.8.0",
    "nvidia-nccl": "2.28.9",
    "nvidia-nvjitlink": "13.0.88",
    "nvidia-nvshmem": "3.4.5",
    "nvidia-nvtx": "13.0.85",
}
CUDA_12_8 = {
    "nvidia-cublas": "12.8.4.1",
    "nvidia-cuda-cupti": "12.8.90",
    "nvidia-cuda-nvrtc": "12.8.93",
    "nvidia-cuda-runtime": "12.8.90",
    "nvidia-cufft": "11.3.3.83",
    "nvidia-cufile": "1.13.1.3",
    "nvidia-curand": "10.3.9.90",
    "nvidia-cusolver": "11.7.3.90",
    "nvidia-cusparse": "12.5.8.93",
    "nvidia-nvjitlink": "12.8.93",
    "nvidia-nvtx": "12.8.90",
}
CUDA_12_6 = {
    "nvidia-cublas": "12.6.4.1",
    "nvidia-cuda-cupti": "12.6.80",
    "nvidia-cuda-nvrtc": "12.6.77",
    "nvidia-cuda-runtime": "12.6.77",
    "nvidia-cufft": "11.3.0.4",
    "nvidia-cufile": "1.11.1.6",
    "nvidia-curand": "10.3.7.77",
    "nvidia-cusolver": "11.7.1.2",
    "nvidia-cusparse": "12.5.4.2",
    "nvidia-nvjitlink": "12.6.85",
    "nvidia-nvtx": "12.6.77",
}
CUDA_12 = {
    "cuda-bindings": "12.9.4",
    "nvidia-cudnn": "9.10.2.21",
    "nvidia-cusparselt": "0.7.1",
    "nvidia-nccl": "2.27.5",
    "nvidia-nvshmem": "3.4.5",
}
XPU = {
    "dpcpp-cpp-rt": "2025.3.1",
    "intel-cmplr-lib-rt": "2025.3.1",
    "intel-cmplr-lib-ur": "2025.3.1",
    "intel-cmplr-lic-rt": "2025.3.1",
    "intel-opencl-rt": "2025.3.1",
    "intel-openmp": "2025.3.1",
    "intel-pti": "0.15.0",
    "intel-sycl-rt": "2025.3.1",
    "mkl": "2025.3.0",
    "onemkl-license": "2025.3.0",
    "onemkl-sycl-blas": "2025.3.0",
    "onemkl-sycl-dft": "2025.3.0",
    "onemkl-sycl-lapack": "2025.3.0",
    "onemkl-sycl-rng": "2025.3.0",
    "onemkl-sycl-sparse": "2025.3.0",
    "triton-xpu": "3.6.0",
    "tbb": "2022.3.0",
    "tcmlib": "1.4.1",
    "umf": "1.0.2",
}
XPU_ON_LINUX = {"impi-rt": "2021.17.0", "oneccl-devel": "2021.17.1", "oneccl": "2021.17.1"}
COMMON = {
    "filelock": "3.20.0",
    "typing-extensions": "4.15.0",
    "sympy": "1.14.0",
    "networkx": "3.6",
    "jinja2": "3.1.6",
    "fsspec": "2025.12.0",
} | ({"setuptools": "80.9.0"} if sys.version_info >= (3, 12) else {})
"""What every build needs, in versions that would do."""

LINUX = "platform_system == 'Linux'"
INTEL = "'intel' in variant_namespaces"
X86_LINUX = f"{LINUX} and platform_machine == 'x86_64'"


def pinned(pins: Mapping[str, str], marker: str) -> tuple[str, ...]:
    """Each of `pins` as a requirement under `marker`."""
    return tuple(f"{name}=={version}; {marker}" for name, version in pins.items())


REQUIRES = (
    "filelock",
    "typing-extensions>=4.10.0",
    'setuptools; python_version >= "3.12"',
    "sympy>=1.13.3",
    "networkx>=2.5.1",
    "jinja2",
    "fsspec>=0.8.5",
    f"triton==3.6.0; {LINUX} and 'nvidia' in variant_namespaces",
    *pinned(CUDA_12, f"{LINUX} and  (variant_label == 'cuda12.6' or variant_label == 'cuda12.8')"),
    *pinned(CUDA_12_6, f"{LINUX} and variant_label == 'cuda12.6'"),
    *pinned(CUDA_12_8, f"{LINUX} and variant_label == 'cuda12.8'"),
    *pinned(CUDA_13_0, f"{LINUX} and variant_label == 'cuda13.0'"),
    *pinned(XPU, INTEL),
    *pinned(XPU_ON_LINUX, f"{X86_LINUX} and {INTEL}"),
    'triton-rocm==3.6.0; platform_system == "Linux" and platform_machine == "x86_64"'
    ' and "amd" in variant_namespaces',
)
ON_THE_REAL_PAGES = (
    *CUDA_13_0.items(),
    *CUDA_12_8.items(),
    *CUDA_12_6.items(),
    *CUDA_12.items(),
    ("triton", "3.6.0"),
    ("triton-rocm", "3.6.0"),
    ("triton-xpu", "3.6.0"),
)


class Wanted(NamedTuple):
    """What one host gets: the label of torch, and what comes with it beside COMMON."""

    label: str
    plain: Mapping[str, str]
    variants: Mapping[str, str]
    """All of label `of`."""
    of: str | None = None


WANTED = {
    H200: Wanted("cuda13.0", {"triton": "3.6.0"}, CUDA_13_0, "cu13"),
    MI300X: Wanted("rocm7.1", {"triton-rocm": "3.6.0"}, {}),
    ARC_A770: Wanted("xpu", {**XPU, **XPU_ON_LINUX}, {}),
    CPU: Wanted("null", {}, {}),
}


@pytest.fixture(scope="module")
def world(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The real pages around torch 2.10.0, with stub wheels, and a host file for each host."""
    scene = Scene(tmp_path_factory.mktemp("torch"))
    scene.make_environment()
    scene.variables.update(NO_GPU)
    pages = shared_data / "real-index" / "v0.0.3-291c782"
    publish(scene, pages, "torch", "2.10.0", REQUIRES)
    for name, version in ON_THE_REAL_PAGES:
        if (pages / name).is_dir():
            publish(scene, pages, name, version)
    for name, version in {**COMMON, **XPU, **XPU_ON_LINUX, "cuda-bindings": "12.9.4"}.items():
        if not (scene.index / name).exists():
            scene.wheel(name, version)
    for name, host in published_hosts(shared_data).items():
        (scene.root / f"{name}.toml").write_text(host_file(host))
    scene.publish()
    return scene


def publish(
    scene: Scene, pages: Path, name: str, version: str, requires: tuple[str, ...] = ()
) -> None:
    """Stubs of the wheels that the real page of `name` lists for `version`, and its variants file."""
    text = None
    variants = pages / name / f"{name.replace('-', '_')}-{version}-variants.json"
    if variants.is_file():
        text = variants.read_text()
        scene.variants_file(name, version, text)
    for tag, label in listed(pages / name / "index.html", version):
        inside = None
        if label is not None and text is not None:
            document = json.loads(text)
            inside = {**document, "variants": {label: document["variants"][label]}}
        make_wheel(
            scene.index / name,
            name,
            version,
            tag=tag,
            label=label,
            variant_json=inside,
            requires=requires,
        )


def listed(page: Path, version: str) -> Iterator[tuple[str, str | None]]:
    """Tag and label of each wheel of `version` for this Python or for any."""
    here = f"cp3{sys.version_info.minor}"
    pattern = rf">\s*[^<>\s-]+-{re.escape(version)}-([^<>\s]+)\.whl\s*<"
    for rest in dict.fromkeys(re.findall(pattern, page.read_text())):
        python, abi, tags, *label = rest.split("-")
        if python in ("py3", here):
            yield f"{python}-{abi}-{tags}", label[0] if label else None


def planned(scene: Scene, host: str, *words: str) -> dict[str, tuple[str, str | None]]:
    """Project → version and label of what would be installed on `host`."""
    ran = scene.run(
        *("torch", "--host", f"{host}.toml", "--dry-run", "-q", "--report", "-", *words)
    )
    assert ran.code == 0, ran.err
    return {
        item["metadata"]["name"]: (
            item["metadata"]["version"],
            (item.get("variant") or {}).get("label"),
        )
        for item in json.loads(ran.out)["install"]
    }


def everything(wanted: Wanted) -> dict[str, tuple[str, str | None]]:
    """The whole set of one host."""
    plain: dict[str, tuple[str, str | None]] = {
        name: (version, None) for name, version in {**COMMON, **wanted.plain}.items()
    }
    variants = {name: (version, wanted.of) for name, version in wanted.variants.items()}
    return {"torch": ("2.10.0", wanted.label), **plain, **variants}


@pytest.mark.parametrize("host", WANTED)
def test_each_host_gets_its_build_and_what_goes_with_it(world: Scene, host: str) -> None:
    assert planned(world, host) == everything(WANTED[host])


def test_another_label_brings_its_own_dependencies(world: Scene) -> None:
    """Each dependency is a project of its own: of `nvidia-nvshmem` both builds run on this host."""
    toolkit = {name: version for name, version in CUDA_12.items() if name != "cuda-bindings"}
    wanted = Wanted(
        "cuda12.6",
        {"triton": "3.6.0", "cuda-bindings": "12.9.4"},
        {**toolkit, **CUDA_12_6},
        "cu12",
    )
    expected = everything(wanted) | {"nvidia-nvshmem": ("3.4.5", "cu13")}
    assert planned(world, H200, "--variant", "torch=cuda12.6") == expected


def test_null_is_the_build_for_the_cpu_on_any_host(world: Scene) -> None:
    for host in WANTED:
        assert planned(world, host, "--variant", "torch=null") == everything(WANTED[CPU])


def test_the_whole_set_can_be_installed(world: Scene) -> None:
    ran = world.run("torch", "--host", f"{H200}.toml")
    assert ran.code == 0, ran.err
    found = {name: version.partition(" (")[0] for name, version in world.installed().items()}
    expected = {name: version for name, (version, _) in everything(WANTED[H200]).items()}
    assert found == expected
    assert "torch 2.10.0 (cuda13.0)" in ran.err
