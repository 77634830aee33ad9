"""Requirements of well-known projects, resolved by vinstall and by uv against the default index.

The files keep names, versions and markers alone.  Both look at the same index within a minute and
change nothing; what one of them would install the other would too, and where one of them finds
no answer (the pins of odoo contradict each other on some Pythons) the other finds none.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.version import Version

from tests.parity.scene import make_template
from vinstall.sources.default_index import default_index

FILES = sorted(Path(__file__).with_name("real_requirements").glob("*.txt"))

_AS_PIP = "several answers are as good: uv decides in another order, pip 26.3 as vinstall does"

REASONS: Mapping[str, str] = {
    "dify-api": f"{_AS_PIP}; httpcore 0.15.0, where uv takes 0.17.3 and a newer anyio",
    "notebook-docs": f"{_AS_PIP}; the newest sphinx, where uv takes newer docutils and nbsphinx",
    "pandas-dev": f"{_AS_PIP}; the newest s3fs, where uv takes the newest boto3 and s3fs 0.4.2",
    "vllm-common": f"{_AS_PIP}; the newest mistral_common, where uv takes the newest numpy",
}
"""File → why the versions are others than uv's."""

_WOULD_INSTALL = re.compile(r"^ \+ (\S+?)==(\S+)$", re.MULTILINE)
_LIMIT = 600
"""Seconds for one answer."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds nothing."""
    return make_template(tmp_path_factory.mktemp("real") / "env") / "bin" / "python"


@pytest.fixture(scope="module")
def uv() -> str:
    found = Path(sys.executable).with_name("uv")
    if not found.is_file():
        pytest.skip("uv is not installed beside this Python")
    return str(found)


def answer_of_uv(uv: str, file: Path, python: Path) -> dict[str, str] | None:
    """Project to version; None where there is no answer."""
    words = [uv, "pip", "install", "--dry-run", "--no-config", "--default-index", default_index()]
    ended = _run([*words, "--python", str(python), "--color", "never", "-r", str(file)])
    return dict(_WOULD_INSTALL.findall(ended.stderr)) if ended.returncode == 0 else None


def answer_of_vinstall(file: Path, python: Path) -> dict[str, str] | None:
    """The same of vinstall."""
    words = [sys.executable, "-m", "vinstall", "install", "--dry-run", "-q", "--report", "-"]
    words += ["--isolated", "--index-url", default_index(), "--python", str(python)]
    ended = _run([*words, "-r", str(file)])
    assert "Traceback (most recent call last)" not in ended.stderr, ended.stderr
    if ended.returncode != 0:
        return None
    report = json.loads(ended.stdout)
    items = [item["metadata"] for item in report["install"]]
    return {_normal(item["name"]): str(Version(item["version"])) for item in items}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))
    }
    return subprocess.run(
        words, env=kept, capture_output=True, text=True, timeout=_LIMIT, check=False
    )


def test_there_are_40() -> None:
    assert len(FILES) >= 40


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.uv
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_vinstall_and_uv_choose_the_same_versions(file: Path, python: Path, uv: str) -> None:
    theirs = answer_of_uv(uv, file, python)
    ours = answer_of_vinstall(file, python)
    if file.stem in REASONS:
        assert ours != theirs, "the reason no longer holds"
    else:
        assert ours == theirs
