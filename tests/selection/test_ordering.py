"""Variant ordering, step by step, and what holds for every order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.selection.builders import answer, properties, table
from tests.selection.random_releases import Case, random_case
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.formats.variant_json import VariantTable
from vinstall.selection.labels import judge_labels
from vinstall.selection.ordering import rank_properties, unsupported_features

CASES = st.integers(min_value=0, max_value=2**32).map(lambda seed: random_case(("any", seed)))


def order(
    of: VariantTable,
    answers: Mapping[str, NamespaceAnswer],
    prefer: Sequence[tuple[str, ...]] = (),
) -> list[str]:
    """The labels that fit, most preferred first."""
    judged = judge_labels(of.variants, table=of, fault=None, answers=answers, prefer=prefer)
    return [
        label
        for _, label in sorted(
            (verdict.preference, label)
            for label, verdict in judged.verdicts.items()
            if verdict.preference is not None
        )
    ]


def fitting(case: Case, answers: Mapping[str, NamespaceAnswer]) -> set[str]:
    return set(order(case.table, answers))


GPU_AND_CPU = {
    "gpu": answer(cuda=["13", "12"], arch=["90", "80"]),
    "cpu": answer(level=["v4", "v3"]),
}


class TestSteps:
    def test_1_the_namespaces_order_comes_first(self) -> None:
        variants = {"cpu": ["cpu :: level :: v4"], "gpu": ["gpu :: cuda :: 12"]}
        assert order(table(["gpu", "cpu"], variants), GPU_AND_CPU) == ["gpu", "cpu"]
        assert order(table(["cpu", "gpu"], variants), GPU_AND_CPU) == ["cpu", "gpu"]

    def test_2_then_the_providers_order_of_features(self) -> None:
        variants = {"a": ["gpu :: arch :: 90"], "b": ["gpu :: cuda :: 12"]}
        assert order(table(["gpu"], variants), GPU_AND_CPU) == ["b", "a"]

    def test_3_then_the_providers_order_of_values(self) -> None:
        variants = {"a": ["gpu :: cuda :: 12"], "b": ["gpu :: cuda :: 13"]}
        assert order(table(["gpu"], variants), GPU_AND_CPU) == ["b", "a"]

    def test_4_the_best_supported_value_of_a_feature_counts(self) -> None:
        variants = {
            "a": ["gpu :: arch :: 80", "gpu :: arch :: 100"],
            "b": ["gpu :: arch :: 80", "gpu :: arch :: 90"],
        }
        assert order(table(["gpu"], variants), GPU_AND_CPU) == ["b", "a"]

    def test_6_a_labels_best_key_is_compared_first(self) -> None:
        variants = {
            "a": ["gpu :: cuda :: 12", "cpu :: level :: v4"],
            "b": ["gpu :: cuda :: 13", "cpu :: level :: v3"],
        }
        assert order(table(["gpu", "cpu"], variants), GPU_AND_CPU) == ["b", "a"]
        assert order(table(["cpu", "gpu"], variants), GPU_AND_CPU) == ["a", "b"]

    def test_a_namespace_old_drafts_leave_unlisted_comes_after_those_listed(self) -> None:
        variants = {
            "a": ["abi_dependency :: numpy :: 2"],
            "b": ["gpu :: arch :: 80"],
            "c": ["cpu :: level :: v3"],
        }
        assert order(table(["cpu", "gpu"], variants), GPU_AND_CPU) == ["c", "b", "a"]


class TestStep7:
    """PEP 825: "the group with more keys is sorted earlier"; "ordered lexically by the variant label"."""

    def test_the_variant_with_more_features_comes_first(self) -> None:
        variants = {
            "a": ["gpu :: cuda :: 13"],
            "b": ["gpu :: cuda :: 13", "cpu :: level :: v3"],
        }
        assert order(table(["gpu", "cpu"], variants), GPU_AND_CPU) == ["b", "a"]

    def test_equal_keys_are_ordered_by_label(self) -> None:
        variants = {label: ["gpu :: cuda :: 13"] for label in ("b", "a.b", "a_b", "a10", "a9", "_")}
        expected = sorted(variants)
        assert expected == ["_", "a.b", "a10", "a9", "a_b", "b"]
        assert order(table(["gpu"], variants), GPU_AND_CPU) == expected

    def test_labels_without_properties_come_last_by_name(self) -> None:
        variants = {"null": [], "00000000": [], "zz": [], "x": ["cpu :: level :: v3"]}
        of = table(["cpu"], variants)
        assert order(of, GPU_AND_CPU) == ["x", "00000000", "null", "zz"]


class TestOldPriorities:
    """Drafts before August 2026 list features and values that come before the provider's order."""

    VARIANTS: Mapping[str, Iterable[str]] = {
        "a": ["gpu :: cuda :: 13"],
        "b": ["gpu :: cuda :: 12"],
        "c": ["gpu :: arch :: 80"],
        "d": ["gpu :: arch :: 90"],
    }

    def test_without_any_the_provider_decides(self) -> None:
        assert order(table(["gpu"], self.VARIANTS), GPU_AND_CPU) == ["a", "b", "d", "c"]

    def test_a_listed_feature_comes_first(self) -> None:
        of = table(["gpu"], self.VARIANTS, feature_order={"gpu": ("unknown", "arch")})
        assert order(of, GPU_AND_CPU) == ["d", "c", "a", "b"]

    def test_a_listed_value_comes_first_within_its_feature(self) -> None:
        of = table(["gpu"], self.VARIANTS, value_order={("gpu", "cuda"): ("11", "12")})
        assert order(of, GPU_AND_CPU) == ["b", "a", "d", "c"]

    def test_a_listed_value_is_not_thereby_supported(self) -> None:
        of = table(["gpu"], {"a": ["gpu :: cuda :: 11"]}, value_order={("gpu", "cuda"): ("11",)})
        assert order(of, GPU_AND_CPU) == []


class TestPrefer:
    """The user's preferences reorder what fits."""

    VARIANTS: Mapping[str, Iterable[str]] = {
        "cu13": ["gpu :: cuda :: 13"],
        "cu12": ["gpu :: cuda :: 12"],
        "cu12_v4": ["gpu :: cuda :: 12", "cpu :: level :: v4"],
        "v3": ["cpu :: level :: v3"],
        "arch": ["gpu :: arch :: 80", "gpu :: arch :: 90"],
        "null": [],
    }

    def ordered(self, *prefer: tuple[str, ...]) -> list[str]:
        return order(table(["gpu", "cpu"], self.VARIANTS), GPU_AND_CPU, prefer)

    def test_without_preference_the_metadata_decides(self) -> None:
        assert self.ordered() == ["cu13", "cu12_v4", "cu12", "arch", "v3", "null"]

    def test_a_namespace(self) -> None:
        expected = ["cu12_v4", "v3", "cu13", "cu12", "arch", "null"]
        assert self.ordered(("cpu",)) == expected

    def test_a_feature(self) -> None:
        expected = ["arch", "cu13", "cu12_v4", "cu12", "v3", "null"]
        assert self.ordered(("gpu", "arch")) == expected

    def test_a_value(self) -> None:
        expected = ["cu12_v4", "cu12", "cu13", "arch", "v3", "null"]
        assert self.ordered(("gpu", "cuda", "12")) == expected

    def test_the_first_named_comes_first(self) -> None:
        expected = ["v3", "cu12_v4", "cu12", "cu13", "arch", "null"]
        assert self.ordered(("cpu", "level", "v3"), ("gpu", "cuda", "12")) == expected

    def test_a_value_that_is_not_supported_changes_nothing(self) -> None:
        assert self.ordered(("gpu", "cuda", "11")) == self.ordered()

    def test_a_preferred_value_is_the_best_of_its_feature(self) -> None:
        variants = {"both": ["gpu :: arch :: 80", "gpu :: arch :: 90"], "a": ["gpu :: arch :: 90"]}
        of = table(["gpu"], variants)
        assert order(of, GPU_AND_CPU) == ["a", "both"]
        assert order(of, GPU_AND_CPU, [("gpu", "arch", "80")]) == ["both", "a"]


class TestUnsupportedFeatures:
    def test_each_feature_without_a_supported_value(self) -> None:
        wanted = properties(
            "gpu :: cuda :: 11", "gpu :: arch :: 90", "cpu :: level :: v4", "x :: y :: z"
        )
        support = {namespace: told.features for namespace, told in GPU_AND_CPU.items()}
        of = table(["gpu", "cpu", "x"], {})
        ranks = rank_properties(wanted, table=of, support=support)
        assert unsupported_features(wanted, ranks) == {("gpu", "cuda"), ("x", "y")}

    def test_a_feature_a_provider_lists_twice_counts_once_as_listed_first(self) -> None:
        twice = (FeatureSupport("f", ("1",)), FeatureSupport("f", ("2",)))
        wanted = properties("n :: f :: 1", "n :: f :: 2")
        ranks = rank_properties(wanted, table=table(["n"], {}), support={"n": twice})
        assert {str(prop) for prop in ranks} == {"n :: f :: 1"}


class TestEveryOrder:
    @given(CASES)
    def test_is_total_no_two_labels_have_the_same_key(self, case: Case) -> None:
        judged = judge_labels(case.variants, table=case.table, fault=None, answers=case.answers)
        keys = [verdict.preference for verdict in judged.verdicts.values() if verdict.preference]
        assert len(set(keys)) == len(keys)

    @given(CASES, st.data())
    def test_does_not_depend_on_the_order_of_labels(self, case: Case, data: st.DataObject) -> None:
        labels = data.draw(st.permutations(sorted(case.variants)))
        shuffled = VariantTable(
            namespaces=case.namespaces,
            variants={label: case.table.variants[label] for label in labels},
        )
        assert order(shuffled, case.answers) == order(case.table, case.answers)

    @given(CASES)
    def test_matches_what_the_target_supports_and_every_feature(self, case: Case) -> None:
        judged = judge_labels(case.variants, table=case.table, fault=None, answers=case.answers)
        for verdict in judged.verdicts.values():
            assert verdict.matched <= verdict.properties
            if verdict.reason is None:
                features = {prop[:2] for prop in verdict.properties}
                assert {prop[:2] for prop in verdict.matched} == features
            for namespace, feature, value in verdict.matched:
                assert value in case.support[namespace][feature]

    @given(CASES, st.data())
    def test_less_support_never_makes_a_label_fit(self, case: Case, data: st.DataObject) -> None:
        narrowed = {
            namespace: NamespaceAnswer(
                features=tuple(
                    FeatureSupport(
                        feature.name,
                        tuple(data.draw(st.lists(st.sampled_from(feature.values), unique=True))),
                    )
                    for feature in told.features
                    if data.draw(st.booleans())
                )
            )
            for namespace, told in case.answers.items()
        }
        assert fitting(case, narrowed) <= fitting(case, case.answers)

    @given(CASES)
    def test_more_values_at_the_end_leave_the_order_as_it_is(self, case: Case) -> None:
        """A value that is the least preferred of its feature cannot turn two labels around."""
        more = {
            namespace: NamespaceAnswer(
                features=tuple(
                    FeatureSupport(feature.name, (*feature.values, "unheard", "of"))
                    for feature in told.features
                )
            )
            for namespace, told in case.answers.items()
        }
        assert order(case.table, more) == order(case.table, case.answers)

    @given(CASES, st.data())
    def test_a_preference_reorders_and_neither_adds_nor_drops(
        self, case: Case, data: st.DataObject
    ) -> None:
        namespaces = st.sampled_from(case.namespaces)
        named = st.one_of(
            st.tuples(namespaces),
            st.tuples(namespaces, st.sampled_from(["level", "arch", "version"])),
            st.tuples(
                namespaces,
                st.sampled_from(["level", "arch", "version"]),
                st.sampled_from(["1", "2", "v4"]),
            ),
        )
        prefer = data.draw(st.lists(named, max_size=3))
        preferred = order(case.table, case.answers, prefer)
        assert sorted(preferred) == sorted(order(case.table, case.answers))
        empty = [label for label in preferred if not case.variants[label]]
        assert preferred[len(preferred) - len(empty) :] == sorted(empty)
