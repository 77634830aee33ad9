"""Dependency groups, with the reference implementation's rules as cases."""

from __future__ import annotations

from typing import Any

import pytest

from vinstall.errors import FormatError
from vinstall.formats.dependency_group import group_requirements
from vinstall.formats.requirement import render_requirement

CIRCLE = {"x": [{"include-group": "Y"}], "y": [{"include-group": "x"}]}
ENTRY = 'dependency-groups.x: has an entry that is no requirement and no `{include-group = "..."}`'


def listed(groups: dict[str, Any], name: str) -> list[str]:
    return [render_requirement(found) for found in group_requirements(groups, name)]


class TestGroups:
    """PEP 735, "Specification"."""

    def test_are_found_by_normalised_name(self) -> None:
        assert listed({"Dev_Tools": ["a>1"]}, "dev.tools") == ["a>1"]

    def test_include_others_in_their_place(self) -> None:
        groups = {
            "base": ["a"],
            "More": ["b", {"include-group": "base"}, "c"],
            "all": [{"include-group": "more"}, {"include-group": "BASE"}],
        }
        assert listed(groups, "all") == ["b", "a", "c", "a"]

    def test_only_groups_that_are_needed_are_looked_at(self) -> None:
        assert listed({"good": ["a"], "bad": 1}, "good") == ["a"]

    @pytest.mark.parametrize(
        ("groups", "message", "context"),
        [
            ({}, "there is no dependency group `x`", ("there are: none",)),
            ({"y": []}, "there is no dependency group `x`", ("there are: y",)),
            ({"x": "a"}, "dependency-groups.x: is not a list", ()),
            ({"X": [], "x": []}, "dependency-groups: `X` and `x` are the same name", ()),
            ({"x": [1]}, ENTRY, ()),
            ({"x": [{"include-group": "y", "a": 1}]}, ENTRY, ()),
            ({"x": [{"include-group": 1}]}, ENTRY, ()),
            ({"x": [{"include-group": "x"}]}, "dependency-groups.x: includes itself", ("x → x",)),
            (CIRCLE, "dependency-groups.x: includes itself", ("x → y → x",)),
            ({"x": ["a b"]}, "dependency-groups.x: `a b` is no requirement", ("`b` are no versions such as `>=1,<2`",)),
        ],
    )  # fmt: skip
    def test_faults_are_named(
        self, groups: dict[str, Any], message: str, context: tuple[str, ...]
    ) -> None:
        with pytest.raises(FormatError) as caught:
            group_requirements(groups, "x")
        assert (caught.value.message, caught.value.context) == (message, context)
