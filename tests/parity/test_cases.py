"""Installing as pip does: cases as data, played by vinstall and by pip in environments of their own.

`VINSTALL_TEST_SCALE=2` plays every case with pip too; else pip plays every sixteenth.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.parity.case import Case, read_cases
from tests.parity.conftest import Stage
from tests.parity.scene import Tool, faults, pip_tool, vinstall_tool

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the cases are written for POSIX")

CASES = read_cases()
SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
WITH_PIP = CASES if SCALE >= 2 else CASES[::16]
PIP_VERSION = "26.3"
DIFFERENCES = Path(__file__).parents[2] / "docs" / "reference" / "differences-from-pip.md"


def identify(case: Case) -> str:
    return f"{case.topic}: {case.name}"


@pytest.fixture(scope="module")
def vinstall(stage: Stage, request: pytest.FixtureRequest) -> Tool:
    tool = vinstall_tool()
    stage.foresee(_schedule(request, "test_vinstall_does_as_the_case_says", tool))
    return tool


@pytest.fixture(scope="module")
def pip(stage: Stage, request: pytest.FixtureRequest) -> Tool:
    try:
        found = version("pip")
    except PackageNotFoundError:
        found = None
    tool = pip_tool()
    if found != PIP_VERSION or tool is None:
        pytest.skip(f"the cases are about pip {PIP_VERSION}, and here is {found or 'none'}")
    stage.foresee(_schedule(request, "test_pip_does_as_the_case_says", tool))
    return tool


def _schedule(request: pytest.FixtureRequest, test: str, tool: Tool) -> list[tuple[Case, Tool]]:
    """The cases this run will play in `test`; with several workers nobody knows which are whose."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return []
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cases = [item.callspec.params["case"] for item in items if item.originalname == test]
    return [(case, tool) for case in cases if isinstance(case, Case)]


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_vinstall_does_as_the_case_says(case: Case, stage: Stage, vinstall: Tool) -> None:
    ending = stage.ending(case, vinstall)
    found = list(faults(case.expect, ending))
    found += [f"it does not say {text!r}" for text in case.says if text not in ending.output]
    found += [f"it says {text!r}" for text in case.silent if text in ending.output]
    found += (
        ["it shows a traceback"] if "Traceback (most recent call last)" in ending.output else []
    )
    assert not found, "\n".join([*found, "", case.run, ending.output])


@pytest.mark.parametrize("case", WITH_PIP, ids=identify)
def test_pip_does_as_the_case_says(case: Case, stage: Stage, pip: Tool) -> None:
    ending = stage.ending(case, pip)
    found = list(faults(case.pip, ending))
    assert not found, "\n".join([*found, "", case.run, ending.output])


class TestTheCases:
    def test_there_are_150_that_go_back_to_tests_of_pips(self) -> None:
        assert sum(case.origin.startswith("test_") for case in CASES) >= 150

    def test_no_two_have_one_name(self) -> None:
        names = [case.name for case in CASES]
        assert sorted({name for name in names if names.count(name) > 1}) == []

    def test_the_page_lists_exactly_the_differences_they_show(self) -> None:
        listed = re.findall(r"^- \*\*(.+?)\*\*", DIFFERENCES.read_text("utf-8"), re.MULTILINE)
        shown = {case.differs for case in CASES if case.differs is not None}
        assert sorted(listed) == sorted(shown)
