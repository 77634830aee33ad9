"""The child process that asks libcuda, against a real shared library."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vinstall.providers.cuda_driver import query
from vinstall.providers.machine import this_machine

SOURCE = r"""
#include <stdlib.h>
int cuInit(unsigned flags) { return getenv("CUDA_VISIBLE_DEVICES") ? 100 : INIT; }
int cuDriverGetVersion(int *version) { *version = 12080; return 0; }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 8 + device : attribute == 76 ? 9 * (1 - device) : -1;
    return 0;
}
"""


@pytest.fixture
def compiled(tmp_path: Path) -> Any:
    """A function that makes a libcuda whose cuInit returns what it is given."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "cuda.c").write_text(SOURCE)

    def compile_library(result: int) -> str:
        library = str(tmp_path / f"libcuda-{result}.so")
        command = [compiler, "-shared", "-fPIC", f"-DINIT={result}", "-o", library, "cuda.c"]
        subprocess.run(command, cwd=tmp_path, check=True)
        return library

    return compile_library


def ask(library: str, **environ: str) -> Any:
    """What the child writes."""
    command = (sys.executable, "-I", "-m", "vinstall.providers.cuda_driver", library)
    told = this_machine({"PATH": "/usr/bin:/bin", **environ}).run(command, 20.0)
    return None if told is None else json.loads(told)


def test_it_reads_version_and_capabilities(compiled: Any) -> None:
    assert ask(compiled(0)) == {"version": 12080, "capabilities": [[8, 9], [9, 0]]}


def test_cuda_visible_devices_does_not_reach_it(compiled: Any) -> None:
    told = ask(compiled(0), CUDA_VISIBLE_DEVICES="")
    assert told == {"version": 12080, "capabilities": [[8, 9], [9, 0]]}


def test_an_error_is_passed_on(compiled: Any) -> None:
    assert ask(compiled(803)) == {"error": 803}


def test_a_library_that_is_not_there_is_no_answer() -> None:
    assert ask("libcuda-missing.so") is None


class NoDevice:
    """A libcuda that finds no GPU."""

    def __getattr__(self, name: str) -> Any:
        results = {"cuInit": 100, "cuDriverGetVersion": 0, "cuDeviceGetCount": 3}
        return lambda *_arguments: results[name]


def test_no_gpu_is_no_error() -> None:
    assert query(NoDevice()) == {"version": 0, "capabilities": []}


class NoVersion(NoDevice):
    """A libcuda that does not say its version."""

    def cuDriverGetVersion(self, _out: Any) -> int:  # noqa: N802
        return 1


def test_a_missing_version_is_an_error() -> None:
    assert query(NoVersion()) == {"error": 1}
