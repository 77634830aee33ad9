"""Labels that bind to versions of other distributions."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tests.selection.builders import (
    answer,
    chosen,
    filenames,
    labelled,
    properties,
    release,
    spoken,
    table,
)
from vinstall.formats.requirement import render_requirement
from vinstall.formats.support import NamespaceAnswer
from vinstall.formats.variant_json import Property, ProviderInfo
from vinstall.selection.abi_dependency import alternatives, binds_versions, version_support
from vinstall.selection.choose import choose, namespaces_to_ask, usable_wheels
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.release import Choice


def constraints(choices: tuple[Choice, ...]) -> list[tuple[str | None, list[str]]]:
    """Label and constraints of each choice."""
    return [
        (choice.label, [render_requirement(one) for one in choice.constraints])
        for choice in choices
    ]


def ways(*texts: str) -> list[tuple[list[str], list[str]]]:
    """Constraints and matched properties of each alternative."""
    return [
        ([str(one.specifier) for one in way.constraints], sorted(map(str, way.matched)))
        for way in alternatives(properties(*texts))
    ]


class TestMatchingRule:
    """PEP 817: `abi_dependency :: torch :: 2.9` is matched as `torch==2.9.*`."""

    @pytest.mark.parametrize(
        ("value", "version", "matches"),
        [
            ("2", "2.9.1", True),
            ("2.9", "2.9.1", True),
            ("2.9", "2.9.0+cu128", True),
            ("2.9", "2.10.0", False),
            ("2.8.0", "2.8", True),
            ("2.8.0", "2.8.1", False),
            ("2.0", "2", True),
            ("2.0", "2.1", False),
            ("2", "1!2.0", False),
        ],
    )
    def test_a_value_is_the_beginning_of_a_release(
        self, value: str, version: str, matches: bool
    ) -> None:
        (way,) = alternatives(properties(f"abi_dependency :: torch :: {value}"))
        (requirement,) = way.constraints
        assert requirement.specifier.contains(Version(version)) is matches

    def test_the_feature_is_the_distributions_name(self) -> None:
        (way,) = alternatives(properties("abi_dependency :: flash_attn :: 2"))
        assert [render_requirement(one) for one in way.constraints] == ["flash-attn==2.*"]


class TestAlternatives:
    def test_several_values_are_alternatives_newest_first(self) -> None:
        assert ways("abi_dependency :: torch :: 2.9", "abi_dependency :: torch :: 2.10") == [
            (["==2.10.*"], ["abi_dependency :: torch :: 2.10"]),
            (["==2.9.*"], ["abi_dependency :: torch :: 2.9"]),
        ]

    def test_several_features_hold_together(self) -> None:
        found = ways(
            "abi_dependency :: torch :: 2.9",
            "abi_dependency :: torch :: 2.8",
            "abi_dependency :: numpy :: 2",
            "abi_dependency :: numpy :: 1",
        )
        assert [constraint for constraint, _ in found] == [
            ["==2.*", "==2.9.*"],
            ["==2.*", "==2.8.*"],
            ["==1.*", "==2.9.*"],
            ["==1.*", "==2.8.*"],
        ]

    def test_a_value_within_another_is_matched_with_it_and_excluded_from_it(self) -> None:
        assert ways("abi_dependency :: torch :: 2", "abi_dependency :: torch :: 2.9") == [
            (["!=2.9.*,==2.*"], ["abi_dependency :: torch :: 2"]),
            (["==2.9.*"], ["abi_dependency :: torch :: 2", "abi_dependency :: torch :: 2.9"]),
        ]

    def test_two_spellings_of_a_value_are_one_alternative(self) -> None:
        assert ways("abi_dependency :: torch :: 2.09", "abi_dependency :: torch :: 2.9") == [
            (["==2.9.*"], ["abi_dependency :: torch :: 2.09", "abi_dependency :: torch :: 2.9"]),
        ]

    def test_metadata_cannot_ask_for_a_flood_of_them(self) -> None:
        texts = [f"abi_dependency :: p{at} :: {value}" for at in range(9) for value in range(40)]
        assert len(ways(*texts)) == 64

    @given(
        st.sets(st.from_regex(r"[0-3](\.[0-3]){0,2}", fullmatch=True), min_size=1, max_size=5),
        st.tuples(*[st.integers(0, 3)] * 3),
    )
    def test_one_alternative_holds_and_matches_what_holds(
        self, values: set[str], release: tuple[int, int, int]
    ) -> None:
        version = Version(".".join(map(str, release)))
        bound = {Property("abi_dependency", "p", value) for value in values}
        holding = [
            way for way in alternatives(bound) if way.constraints[0].specifier.contains(version)
        ]
        expected = {
            prop
            for prop in bound
            if release[: prop.value.count(".") + 1] == tuple(map(int, prop.value.split(".")))
        }
        assert [set(way.matched) for way in holding] == ([expected] if expected else [])


class TestSupport:
    def test_features_by_name_values_newest_first_the_wider_before_the_narrower(self) -> None:
        wanted = properties(
            *(
                f"abi_dependency :: {name} :: {value}"
                for name, value in product(["torch", "numpy"], ["1", "2.9", "2", "2.10", "2.9.1"])
            )
        )
        assert [(one.name, one.values) for one in version_support(wanted)] == [
            ("numpy", ("2", "2.10", "2.9", "2.9.1", "1")),
            ("torch", ("2", "2.10", "2.9", "2.9.1", "1")),
        ]

    @pytest.mark.parametrize("value", ["2.9.1.0", "nightly", "2.", ".2", "2.x", "9" * 99])
    def test_what_begins_no_release_is_not_supported(self, value: str) -> None:
        assert version_support([Property("abi_dependency", "torch", value)]) == ()


class TestNamespace:
    def test_the_reserved_name_and_any_builtin_of_that_kind_bind(self) -> None:
        builtin = ProviderInfo(builtin="abi_dependency")
        of = table(["abi"], {}, providers={"abi": builtin, "nvidia": ProviderInfo()})
        assert binds_versions("abi", of)
        assert binds_versions("abi_dependency", of)
        assert not binds_versions("nvidia", of)


VLLM = table(
    ["nvidia"],
    {
        "cu12_t29": ["nvidia :: cuda :: 12", "abi_dependency :: torch :: 2.9"],
        "cu12_t28": ["nvidia :: cuda :: 12", "abi_dependency :: torch :: 2.8"],
        "cu13_t29": ["nvidia :: cuda :: 13", "abi_dependency :: torch :: 2.9"],
        "cu12": ["nvidia :: cuda :: 12"],
        "t27": ["abi_dependency :: torch :: 2.7", "abi_dependency :: torch :: 2.6"],
        "null": [],
    },
)
CUDA = {"nvidia": answer(cuda=["12", "11"])}


class TestChoices:
    """Contract, section 7: "the labelled wheel is a candidate that carries the constraint"."""

    def test_bound_labels_are_tried_down_to_the_best_that_binds_nothing(self) -> None:
        of = release(*labelled(*VLLM.variants, None))
        choices, rejected = chosen(of, VLLM, answers=CUDA)
        assert constraints(choices) == [
            ("cu12_t29", ["torch==2.9.*"]),
            ("cu12_t28", ["torch==2.8.*"]),
            ("cu12", []),
        ]
        assert [one.label for one in rejected] == ["cu13_t29"]

    def test_alternatives_of_a_label_are_choices_of_their_own(self) -> None:
        choices, _ = chosen(release(*labelled("t27", None)), VLLM, answers=CUDA)
        assert constraints(choices) == [
            ("t27", ["torch==2.7.*"]),
            ("t27", ["torch==2.6.*"]),
            (None, []),
        ]
        matched = [sorted(map(str, choice.matched)) for choice in choices]
        assert matched == [
            ["abi_dependency :: torch :: 2.7"],
            ["abi_dependency :: torch :: 2.6"],
            [],
        ]

    def test_what_else_the_label_matches_is_matched_with_each(self) -> None:
        choices, _ = chosen(release(*labelled("cu12_t28")), VLLM, answers=CUDA)
        (choice,) = choices
        assert choice.matched == properties(
            "nvidia :: cuda :: 12", "abi_dependency :: torch :: 2.8"
        )

    def test_a_source_distribution_is_the_last_way_out(self) -> None:
        choices, _ = chosen(release(*labelled("t27"), "demo-1.0.tar.gz"), VLLM)
        assert filenames(choices)[-1] == "demo-1.0.tar.gz"
        assert constraints(choices)[-1] == (None, [])

    def test_a_disabled_namespace_makes_its_labels_unavailable(self) -> None:
        off = {**CUDA, "abi_dependency": NamespaceAnswer(unavailable="disabled by the user")}
        choices, rejected = chosen(release(*labelled("t27", "cu12")), VLLM, answers=off)
        assert constraints(choices) == [("cu12", [])]
        assert spoken(rejected) == [
            "demo-1.0-py3-none-any-t27.whl needs `abi_dependency`: disabled by the user"
        ]

    def test_an_answer_narrows_the_versions_and_the_constraint_stays(self) -> None:
        told = {"abi_dependency": answer(torch=["2", "2.6", "2.6.0"])}
        choices, _ = chosen(release(*labelled("t27", None)), VLLM, answers=told)
        assert constraints(choices) == [("t27", ["torch==2.6.*"]), (None, [])]

    def test_a_value_that_begins_no_release_is_a_reason(self) -> None:
        of = table(["abi_dependency"], {"x": ["abi_dependency :: torch :: nightly"]})
        choices, rejected = chosen(release(*labelled("x", None)), of)
        assert filenames(choices) == ["demo-1.0-py3-none-any.whl"]
        assert spoken(rejected) == [
            "demo-1.0-py3-none-any-x.whl binds to `torch` nightly, which begins no release"
        ]

    def test_the_namespace_is_asked_about_like_any_other_after_those_listed(self) -> None:
        policy = SelectionPolicy()
        of = release(*labelled("cu12_t29"))
        usable, _ = usable_wheels(
            of, tags={"py3-none-any": 0}, python=Version("3.12"), policy=policy
        )
        assert namespaces_to_ask(usable, VLLM, policy) == ("nvidia", "abi_dependency")
        choices, _ = choose(
            of,
            usable,
            table=VLLM,
            fault=None,
            answers={**CUDA, "abi_dependency": NamespaceAnswer()},
            policy=policy,
            tags={"py3-none-any": 0},
            python=Version("3.12"),
        )
        assert constraints(choices) == [("cu12_t29", ["torch==2.9.*"])]
