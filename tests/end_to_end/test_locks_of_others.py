"""Locks that pip and uv wrote, installed with no index in reach."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.utils import canonicalize_name

from tests.end_to_end.scene import Scene

PROJECTS = [
    "flask",
    "httpx[http2]",
    "rich",
    "sqlalchemy",
    "pydantic",
    "requests[socks]",
    "jinja2",
    "pytest",
    "boto3",
    "numpy",
]
NOWHERE = "http://127.0.0.1:9/simple/"


def _write_lock(scene: Scene, tool: str, project: str) -> Path:
    """A lock of `project` by `tool`, which asks the default index."""
    path = scene.root / "pylock.toml"
    if tool == "pip":
        command = [sys.executable, "-m", "pip", "lock", "-q", project, "-o", str(path)]
    else:
        uv = shutil.which("uv", path=str(Path(sys.executable).parent))
        if uv is None:
            pytest.skip("uv is not installed")
        (scene.root / "wanted.in").write_text(project)
        command = [uv, "pip", "compile", "-q", str(scene.root / "wanted.in"), "-o", str(path)]
    done = subprocess.run(command, cwd=scene.root, capture_output=True, text=True, check=False)
    if "unknown command" in done.stderr:
        pytest.skip("this pip writes no locks")
    assert done.returncode == 0, done.stderr
    return path


def _places(path: Path) -> list[str]:
    """Where the files of a lock lie: what pip's configuration names may be on this machine."""
    files = [
        file
        for package in tomllib.loads(path.read_text())["packages"]
        for file in (
            *package.get("wheels", ()),
            *([package["sdist"]] if "sdist" in package else ()),
        )
    ]
    urls = {urlsplit(file["url"]) for file in files if "url" in file}
    return sorted(
        {
            str(Path(url.path).parent) if url.scheme == "file" else f"{url.scheme}://{url.netloc}/"
            for url in urls
        }
    )


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_what_is_locked_is_installed(scene: Scene, tool: str, project: str) -> None:
    path = _write_lock(scene, tool, project)
    words = [word for place in _places(path) for word in ("--allow-source", place)]
    ran = scene.run_alone(
        *("-r", path.name, "--python", scene.python, "--index-url", NOWHERE), *words
    )
    assert ran.code == 0, ran.err
    packages = tomllib.loads(path.read_text())["packages"]
    found = {canonicalize_name(name): version for name, version in scene.installed().items()}
    assert found == {each["name"]: each["version"] for each in packages}
