"""The default index is pip's own, whatever that is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vinstall.errors import SourceError
from vinstall.sources.default_index import default_index


def test_it_is_the_one_pip_shows_in_its_help() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "install", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    words = "".join(result.stdout.split())
    assert f"(default{default_index().removesuffix('/')})" in words
    assert default_index().endswith("/simple/")


def test_pip_is_not_imported_for_it() -> None:
    program = (
        "import sys; from vinstall.sources.default_index import default_index; default_index();"
        "print('pip' in sys.modules, 'httpx' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("content", [None, "PyPI = something_else()\n"])
def test_without_a_pip_that_can_be_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    class Spec:
        submodule_search_locations = [str(tmp_path)]  # noqa: RUF012

    if content is not None:
        path = tmp_path / "_internal/models/index.py"
        path.parent.mkdir(parents=True)
        path.write_text(content)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: Spec if content else None)
    default_index.cache_clear()
    with pytest.raises(SourceError) as caught:
        default_index()
    default_index.cache_clear()
    assert caught.value.message == (
        "there is no default index, for the pip beside vinstall cannot be asked"
    )
