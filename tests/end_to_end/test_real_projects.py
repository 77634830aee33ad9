"""Real projects from the default index into fresh environments: uv's set of versions, and working."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.scene import Scene
from tests.support.command import clean_environ
from tests.support.server import serving
from vinstall.sources.default_index import default_index

UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")

PROJECTS = {
    "numpy": "import numpy; print((numpy.eye(3) @ numpy.ones(3)).sum())",
    "scipy": "import scipy.linalg, numpy; print(scipy.linalg.det(numpy.eye(3) * 2))",
    "pandas": "import pandas; print(pandas.DataFrame({'a': [1, 2]}).a.sum())",
    "matplotlib": "import matplotlib; matplotlib.use('Agg'); import matplotlib.pyplot as p; p.plot([1]); print(1)",
    "scikit-learn": (
        "from sklearn.linear_model import LinearRegression as L;"
        "print(round(L().fit([[0], [1]], [0, 2]).predict([[2]])[0]))"
    ),
    "jupyterlab": "import jupyterlab, notebook_shim; print(jupyterlab.__version__[0])",
    "httpx[http2,brotli]": "import httpx, h2, brotli; print(httpx.Client(http2=True).timeout.read)",
}

pytestmark = pytest.mark.network


def versions_by_uv(project: str, root: Path) -> dict[str, str]:
    """What uv would install into an empty environment."""
    command = [str(UV), "pip", "install", "--no-config", "--dry-run", "--system-certs"]
    command += ["--python", sys.executable, "--target", str(root / "nothing")]
    command += ["--only-binary", ":all:", project]
    environ = {**clean_environ(root), "UV_CACHE_DIR": str(root / "uv-cache")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(re.findall(r"^ \+ (\S+)==(\S+)$", done.stderr, re.MULTILINE))


@pytest.mark.uv
@pytest.mark.skipif(UV is None, reason="uv is not installed")
@pytest.mark.parametrize("project", sorted(PROJECTS))
def test_the_set_is_uvs_and_it_works(scene: Scene, project: str) -> None:
    expected = versions_by_uv(project, scene.root)
    ran = scene.run_alone("--only-binary", ":all:", "--python", scene.python, project)
    assert ran.code == 0, ran.err
    assert scene.installed() == dict(sorted(expected.items()))
    assert scene.python_says(PROJECTS[project])


@pytest.mark.slow
def test_the_cpu_build_of_torch_as_the_null_variant(scene: Scene) -> None:
    downloads = scene.root / "downloads"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(downloads)]
    if subprocess.run([*command, "torch==2.13.0+cpu"], check=False).returncode:
        pytest.skip("pip finds no CPU build of torch 2.13.0")
    (wheel,) = downloads.glob("*.whl")
    words = ("wheel", "make", wheel, "-o", "site", "--label", "null", "--namespace", "nvidia")
    made = scene.run_alone(*words)
    assert made.code == 0, made.err
    assert scene.run_alone("index", "build", "site").code == 0
    with serving(scene.root / "site") as server:
        ran = scene.run_alone(
            *("--index-url", f"{server.url}/simple/", "--extra-index-url", default_index()),
            *("--only-binary", ":all:", "--python", scene.python, "torch"),
        )
    assert ran.code == 0, ran.err
    assert scene.installed()["torch"] == "2.13.0+cpu (null)"
    product = "import torch; print((torch.eye(3) @ torch.ones(3, 3)).sum().item())"
    assert scene.python_says(product) == "9.0"
