"""The cases of `tests/scenarios/`, over a catalog of pages and files and over one of tables."""

from __future__ import annotations

import pytest

from tests.resolution.scenario import Scenario, load_scenarios
from vinstall.catalog import Catalog
from vinstall.errors import ResolutionError
from vinstall.resolution.model import Resolution

SCENARIOS = load_scenarios()


def _names(scenario: Scenario) -> str:
    return scenario.name


def _shown(outcome: Resolution | ResolutionError) -> dict[str, object]:
    """An outcome in the form a case states it."""
    if isinstance(outcome, ResolutionError):
        return {
            "fails": outcome.message,
            "because": list(outcome.context),
            "hint": outcome.hint or "",
        }
    return {
        "expect": {
            str(pin.name): " ".join(
                [str(pin.version), *([pin.choice.label] if pin.choice.label else [])]
            )
            for pin in outcome.pins
        },
        "kept": {str(kept.name): str(kept.version) for kept in outcome.kept},
        "notices": list(outcome.notices),
    }


def _check(scenario: Scenario, catalog: Catalog) -> None:
    shown = _shown(scenario.run(catalog))
    stated = {key: scenario.case[key] for key in shown if key in scenario.case}
    if "fails" in scenario.case:
        assert "fails" in shown, shown
    else:
        stated = {"kept": {}, "notices": [], **stated, "expect": scenario.case["expect"]}
    assert {key: shown.get(key) for key in stated} == stated


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_names)
def test_over_sources(scenario: Scenario) -> None:
    _check(scenario, scenario.source_catalog())


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one.is_plain], ids=_names)
def test_over_tables(scenario: Scenario) -> None:
    _check(scenario, scenario.fake_catalog())
