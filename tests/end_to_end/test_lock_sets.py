"""Real requirement sets, locked once for four hosts: each gets what a direct install would give it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.end_to_end.hosts import AARCH64, CPU, H200, MI300X, host_file, published_hosts
from tests.end_to_end.scene import Scene
from tests.support.command import run_vinstall

SETS = {
    "scientific": ["numpy", "scipy", "pandas", "scikit-learn", "matplotlib"],
    "notebook": ["jupyterlab"],
    "web service": ["fastapi", "uvicorn[standard]", "sqlalchemy", "httpx[http2,brotli]"],
    "django": ["django", "psycopg[binary]", "celery", "redis", "gunicorn"],
    "flask": ["flask", "flask-sqlalchemy", "marshmallow", "pyjwt[crypto]"],
    "data": ["polars", "pyarrow", "duckdb", "connectorx"],
    "images": ["pillow", "opencv-python-headless", "scikit-image", "imageio"],
    "language": ["spacy", "nltk", "sentencepiece", "tokenizers"],
    "boosting": ["xgboost-cpu", "lightgbm", "catboost", "optuna"],
    "cloud": ["boto3", "google-cloud-storage", "azure-storage-blob"],
    "crawler": ["scrapy", "lxml", "beautifulsoup4", "playwright"],
    "tests": ["pytest", "pytest-xdist", "hypothesis", "coverage[toml]", "tox"],
    "lint": ["ruff", "mypy", "black", "pre-commit"],
    "docs": ["sphinx", "furo", "myst-parser", "mkdocs-material"],
    "async": ["aiohttp", "asyncpg", "uvloop", "trio"],
    "geo": ["shapely", "pyproj", "geopandas", "rasterio"],
    "plots": ["bokeh", "plotly", "altair", "seaborn"],
    "numbers": ["numba", "sympy", "networkx", "statsmodels"],
    "shell": ["rich", "typer", "textual", "click", "tqdm"],
}

TORCH = (
    "filelock",
    "nvidia-cublas==13.1.0.3; platform_system == 'Linux' and variant_label == 'cuda13.0'",
    "nvidia-cublas==12.8.4.1; platform_system == 'Linux' and variant_label == 'cuda12.8'",
    "nvidia-cublas==12.6.4.1; platform_system == 'Linux' and variant_label == 'cuda12.6'",
    "triton==3.6.0; platform_system == 'Linux' and 'nvidia' in variant_namespaces",
    "triton-rocm==3.6.0; platform_system == 'Linux' and \"amd\" in variant_namespaces",
    "cuda-bindings==12.9.4; platform_system == 'Linux' and"
    "  (variant_label == 'cuda12.6' or variant_label == 'cuda12.8')",
    "cuda-bindings==13.0.3; platform_system == 'Linux' and variant_label == 'cuda13.0'",
    "mkl==2025.3.0; 'intel' in variant_namespaces",
)

Planned = list[tuple[str, str, str | None]]


@pytest.fixture(scope="module")
def hosts(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Host files of an H200, an MI300X, a CPU node and an aarch64 node without a GPU."""
    known = published_hosts(shared_data)
    wanted = {
        "h200": (H200, None),
        "mi300x": (MI300X, None),
        "cpu": (CPU, None),
        "arm": (AARCH64, "aarch64"),
    }
    folder = tmp_path_factory.mktemp("hosts")
    files = {}
    for name, (source, only) in wanted.items():
        files[name] = folder / f"{name}.toml"
        files[name].write_text(host_file(known[source], only))
    return files


def _planned(home: Path, cwd: Path, *words: str | Path) -> Planned:
    ran = run_vinstall(
        *("install", *words, "--dry-run", "--report", "-", "-q", "--only-binary", ":all:"),
        home=home,
        cwd=cwd,
        timeout=300,
    )
    assert ran.code == 0, ran.err
    items = json.loads(ran.out)["install"]
    return sorted(
        (
            item["metadata"]["name"].lower(),
            item["metadata"]["version"],
            (item.get("variant") or {}).get("label"),
        )
        for item in items
    )


def _check(scene: Scene, hosts: dict[str, Path], requests: list[str], *index: str | Path) -> None:
    target = ("--python", scene.python)
    files = [word for path in hosts.values() for word in ("--host", path)]
    ran = run_vinstall(
        *("lock", *requests, *files, *index, *target, "--only-binary", ":all:"),
        home=scene.home,
        cwd=scene.root,
        timeout=300,
    )
    assert ran.code == 0, ran.err
    for path in hosts.values():
        host = ("--host", path, *target)
        assert _planned(scene.home, scene.root, "-r", "pylock.toml", *host) == _planned(
            scene.home, scene.root, *requests, *host, *index
        )


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_set_from_the_default_index(scene: Scene, hosts: dict[str, Path], name: str) -> None:
    cache = os.environ.get("VINSTALL_TEST_CACHE")
    index = ("--cache-dir", cache) if cache else ()
    _check(scene, hosts, SETS[name], *index)


def test_torch_with_its_real_labels_and_markers(
    scene: Scene, hosts: dict[str, Path], shared_data: Path
) -> None:
    """The published variants of torch 2.10.0, and the markers its wheels carry."""
    folder = shared_data / "real-index" / "v0.0.3-291c782" / "torch"
    text = (folder / "torch-2.10.0-variants.json").read_text()
    for label, properties in json.loads(text)["variants"].items():
        inside = {**json.loads(text), "variants": {label: properties}}
        scene.wheel("torch", "2.10.0", label=label, requires=TORCH, variant_json=inside)
    scene.variants_file("torch", "2.10.0", text)
    for requirement in TORCH[1:]:
        name, _, version = requirement.partition(";")[0].partition("==")
        scene.wheel(name, version)
    scene.wheel("filelock", "3.20")
    scene.run("host")  # writes the pages of the index
    _check(scene, hosts, ["torch"], "--index-url", scene.index)
    labels = {}
    for name, path in hosts.items():
        words = ("-r", "pylock.toml", "--host", path, "--python", scene.python)
        found = _planned(scene.home, scene.root, *words)
        labels[name] = next(label for project, _, label in found if project == "torch")
    assert labels == {"h200": "cuda13.0", "mi300x": "rocm7.1", "cpu": "null", "arm": "null"}
