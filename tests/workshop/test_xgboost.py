"""Two published projects become the two variants of one; the commands are those of the how-to page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vinstall.sources.default_index import default_index
from vinstall.workshop.serve import serve_index

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "xgboost-variants.md"

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(
        "VINSTALL_TEST_SCALE" not in os.environ, reason="downloads 200 MB; set VINSTALL_TEST_SCALE"
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="the wheels are for Linux"),
]


def vinstall(folder: Path, *words: str, **variables: str) -> str:
    """Run vinstall in `folder`; what it printed on standard output."""
    program = Path(sys.executable).with_name("vinstall")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NV_VARIANT")}
    done = subprocess.run(
        [str(program), *words],
        cwd=folder,
        env=kept | {"XDG_CACHE_HOME": str(folder / "cache")} | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_machine_without_a_gpu_downloads_the_small_build_and_trains(tmp_path: Path) -> None:
    for project in ("xgboost==3.2.0", "xgboost-cpu==3.2.0"):
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", project]
        subprocess.run(pip, cwd=tmp_path, check=True)
    (cuda,) = (path.name for path in tmp_path.glob("xgboost-3.2.0-*.whl"))
    (small,) = (path.name for path in tmp_path.glob("xgboost_cpu-3.2.0-*.whl"))
    needs = "nvidia :: cuda_version_lower_bound :: 12.0"
    vinstall(tmp_path, "wheel", "make", cuda, "-o", "site", "--label", "cu12", "--property", needs)
    words = ("--label", "null", "--namespace", "nvidia", "--rename", "xgboost")
    vinstall(tmp_path, "wheel", "make", small, "-o", "site", *words)
    vinstall(tmp_path, "index", "build", "site")
    assert "0 errors, 0 warnings" in vinstall(tmp_path, "index", "check", "site")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    with serve_index(tmp_path / "site").running() as url:
        index = ("--python", "venv", "--index-url", url, "--extra-index-url", default_index())
        forced = {"NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "12.8"}
        shown = vinstall(tmp_path, *index, "--dry-run", "--no-deps", "xgboost", **forced)
        assert re.search(r"cu12 +nvidia :: cuda_version_lower_bound :: 12\.0 +131\.8 MB", shown)
        no_driver = {"NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": ""}
        vinstall(tmp_path, *index, "--variant", "xgboost=null", "xgboost", **no_driver)
    (document,) = tmp_path.glob("venv/lib/python*/site-packages/xgboost-*.dist-info/variant.json")
    assert list(json.loads(document.read_bytes())["variants"]) == ["null"]
    (program, printed) = re.findall(r"```(?:python|text)\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    python = tmp_path / "venv" / "bin" / "python"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == printed.splitlines()[0]
