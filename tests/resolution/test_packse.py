"""The scenarios of packse, as far as they concern one environment, give what their tables expect.

They are read from the folder named by VINSTALL_PACKSE (the `scenarios` folder of a checkout, or
what `packse fetch` leaves), and skipped without it: none of their text is part of this project.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName, canonicalize_name

from tests.support.catalogs import make_target
from tests.support.memory_index import MemoryIndex
from vinstall.errors import ResolutionError
from vinstall.formats.requirement import parse_requirement
from vinstall.resolution.model import Request
from vinstall.resolution.options import Prereleases, ResolutionOptions
from vinstall.resolution.resolve import resolve
from vinstall.selection.policy import SelectionPolicy

_STANDARD = "a pre-release that alone satisfies is taken without being asked for (PEP 440; pip)"
DIFFERENCES = {
    "package-only-prereleases-in-range": _STANDARD,
    "transitive-package-only-prereleases-in-range": _STANDARD,
    "transitive-prerelease-and-stable-dependency": _STANDARD,
    "transitive-prerelease-and-stable-dependency-many-versions": _STANDARD,
    "transitive-prerelease-and-stable-dependency-many-versions-holes": _STANDARD,
    "transitive-yanked-and-unyanked-dependency": (
        "an exact pin takes a yanked release, whoever pins (PEP 592; pip)"
    ),
    "python-less-than-current": "upper limits of Requires-Python are honoured (core metadata; pip)",
}
"""Scenario to why the answer differs on purpose."""


def _scenarios() -> list[Any]:
    folder = os.environ.get("VINSTALL_PACKSE")
    if not folder:
        return []
    found = []
    for path in sorted(Path(folder).rglob("*.toml")):
        scenario = tomllib.loads(path.read_text())
        options = scenario.get("resolver_options", {})
        if (
            "packages" in scenario
            and not options.get("universal")
            and path.parent.name != "examples"
        ):
            found.append(pytest.param(scenario, id=scenario["name"]))
    return found


SCENARIOS = _scenarios()


def _index(scenario: dict[str, Any]) -> MemoryIndex:
    index = MemoryIndex()
    for name, package in scenario["packages"].items():
        for version, release in package["versions"].items():
            common = {
                "requires": release.get("requires", []),
                "extras": release.get("extras", {}),
                "requires_python": release.get("requires_python", ">=3.12"),
                "yanked": "" if release.get("yanked") else None,
            }
            if release.get("sdist", True):
                index.add_sdist(name, version, **common)
            if release.get("wheel", True):
                for tag in release.get("wheel_tags") or ["py3-none-any"]:
                    index.add_wheel(name, version, tag=tag, **common)
    return index


def _outcome(
    scenario: dict[str, Any], prereleases: Prereleases = Prereleases.STANDARD
) -> dict[str, str] | str:
    """Project to version, or the message of the failure."""
    options = scenario.get("resolver_options", {})
    python = options.get("python") or scenario.get("environment", {}).get("python", "3.12")
    python = ".".join([*python.split("."), "0", "0"][:3])

    def policy(name: NormalizedName) -> SelectionPolicy:
        return SelectionPolicy(
            sdists=name not in map(canonicalize_name, options.get("no_build", [])),
            wheels=name not in map(canonicalize_name, options.get("no_binary", [])),
        )

    target = make_target(python)
    if options.get("prereleases"):
        prereleases = Prereleases.ALLOW
    try:
        resolution = resolve(
            [
                Request(requirement=parse_requirement(text))
                for text in scenario["root"].get("requires", [])
            ],
            catalog=_index(scenario).catalog(target, policy=policy),
            target=target,
            options=ResolutionOptions(prereleases=prereleases),
        )
    except ResolutionError as error:
        return error.message
    return {pin.name: str(pin.version) for pin in resolution.pins}


def _expected(scenario: dict[str, Any]) -> dict[str, str] | None:
    """None: no answer.  Empty: any answer."""
    if not scenario["expected"]["satisfiable"]:
        return None
    packages = scenario["expected"].get("packages", {})
    return {canonicalize_name(name): version for name, version in packages.items()}


@pytest.mark.skipif(not SCENARIOS, reason="set VINSTALL_PACKSE to the scenarios of packse")
class TestPackse:
    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_the_outcome_is_the_expected_one(self, scenario: dict[str, Any]) -> None:
        outcome, expected = _outcome(scenario), _expected(scenario)
        agrees = isinstance(outcome, str) if expected is None else outcome == (expected or outcome)
        if expected is not None and isinstance(outcome, str):
            agrees = False
        assert agrees is (scenario["name"] not in DIFFERENCES), (outcome, expected)

    @pytest.mark.parametrize(
        "scenario", [one for one in SCENARIOS if DIFFERENCES.get(one.id) == _STANDARD]
    )
    def test_strict_prereleases_agree_where_the_standard_rule_differs(
        self, scenario: dict[str, Any]
    ) -> None:
        assert isinstance(_outcome(scenario, Prereleases.STRICT), str)
