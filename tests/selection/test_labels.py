"""Labels judged by their properties, the metadata's faults and the user's demands."""

from __future__ import annotations

import pytest

from tests.selection.builders import (
    PYTHON,
    TAGS,
    answer,
    labelled,
    properties,
    release,
    table,
)
from vinstall.formats.support import NamespaceAnswer
from vinstall.formats.variant_json import VariantTable
from vinstall.selection.labels import demands_on, judge_labels, namespaces_to_ask
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.release import Release
from vinstall.selection.usable import usable_wheels

GPU = table(
    ["nvidia", "x86_64"],
    {
        "cu13": ["nvidia :: cuda_version_lower_bound :: 13.0"],
        "cu12_v3": ["nvidia :: cuda_version_lower_bound :: 12.0", "x86_64 :: level :: v3"],
        "v3": ["x86_64 :: level :: v3"],
        "00000000": [],
        "null": [],
    },
    spoiled={"bad": "variants.bad.nvidia: is empty"},
)
ANSWERS = {
    "nvidia": answer(cuda_version_lower_bound=["12.4", "12.0"]),
    "x86_64": answer(level=["v3", "v2"]),
}


def reason(
    label: str,
    of: VariantTable | None = GPU,
    *,
    fault: str | None = None,
    answers: dict[str, NamespaceAnswer] | None = None,
) -> str | None:
    """Why a label does not fit, or None."""
    told = ANSWERS if answers is None else answers
    verdict = judge_labels([label], table=of, fault=fault, answers=told).verdicts[label]
    assert (verdict.reason is None) == (verdict.preference is not None)
    return verdict.reason.sentence() if verdict.reason else None


class TestFaults:
    """Contract: "makes *those labelled wheels* unusable with a reason that names the fault"."""

    def test_a_label_the_table_does_not_know(self) -> None:
        expected = "has no usable variant metadata: it does not list the label `cu9`"
        assert reason("cu9") == expected

    def test_a_spoiled_label(self) -> None:
        assert reason("bad") == "has no usable variant metadata: variants.bad.nvidia: is empty"

    def test_a_spoiled_label_spoils_no_other(self) -> None:
        assert reason("v3") is None

    def test_a_file_that_cannot_be_read(self) -> None:
        expected = "has no usable variant metadata: `demo-1.0-variants.json` is no JSON"
        assert reason("cu13", None, fault="`demo-1.0-variants.json` is no JSON") == expected

    def test_no_metadata_at_all(self) -> None:
        expected = "has no usable variant metadata: neither the index nor the wheels offer any"
        assert reason("cu13", None) == expected

    def test_a_fault_speaks_for_the_labels_the_table_does_not_know_alone(self) -> None:
        unread = "`demo-1.0-py3-none-any-cu9.whl` has no `variant.json`"
        assert reason("cu9", fault=unread) == f"has no usable variant metadata: {unread}"
        assert reason("v3", fault=unread) is None
        assert reason("bad", fault=unread) == (
            "has no usable variant metadata: variants.bad.nvidia: is empty"
        )


class TestNull:
    """PEP 825: "reserved and always corresponds to the variant with zero properties"."""

    @pytest.mark.parametrize("of", [GPU, None, table(["nvidia"], {"cu13": []})])
    def test_null_needs_no_metadata(self, of: VariantTable | None) -> None:
        assert reason("null", of, fault=None if of else "cannot be read", answers={}) is None

    def test_null_with_properties_is_spoiled_and_stays_so(self) -> None:
        spoiled = table(["nvidia"], {}, spoiled={"null": "variants.null: has properties"})
        expected = "has no usable variant metadata: variants.null: has properties"
        assert reason("null", spoiled) == expected

    def test_another_label_without_properties_needs_no_provider(self) -> None:
        assert reason("00000000", answers={}) is None


class TestUnsupported:
    def test_the_most_important_namespace_is_named(self) -> None:
        neither = {"nvidia": answer(cuda_version_lower_bound=["11.8"]), "x86_64": answer()}
        assert reason("cu12_v3", answers=neither) == "needs CUDA 12.0, the driver offers 11.8"

    def test_what_is_supported_is_not_named(self) -> None:
        old_cpu = {**ANSWERS, "x86_64": answer(level=["v2"])}
        expected = "needs an x86-64 CPU of level v3, this one has v2"
        assert reason("cu12_v3", answers=old_cpu) == expected

    def test_an_unavailable_namespace_says_why(self) -> None:
        off = {**ANSWERS, "nvidia": NamespaceAnswer(unavailable="disabled by `--disable-provider`")}
        assert reason("cu13", answers=off) == "needs `nvidia`: disabled by `--disable-provider`"

    def test_a_namespace_nobody_answers_for(self) -> None:
        assert reason("cu13", answers={}) == "needs `nvidia`: no provider answers for it"

    def test_one_supported_value_of_a_feature_is_enough(self) -> None:
        """PEP 825: "at least one of the values"."""
        several = table(["n"], {"x": ["n :: f :: 1", "n :: f :: 2", "n :: g :: 3"]})
        answers = {"n": answer(f=["2"], g=["3"])}
        judged = judge_labels(["x"], table=several, fault=None, answers=answers)
        assert judged.verdicts["x"].matched == properties("n :: f :: 2", "n :: g :: 3")
        assert reason("x", several, answers={"n": answer(f=["2"])}) == (
            "needs `n :: g` 3, the target offers none"
        )


class TestNamespacesToAsk:
    """Contract: "never touched" is a provider that no usable wheel needs."""

    def asked(
        self, *files: str, of: VariantTable | None = GPU, label: str | None = None
    ) -> tuple[str, ...]:
        policy = SelectionPolicy(label=label)
        usable, _ = usable_wheels(release(*files), tags=TAGS, python=PYTHON, policy=policy)
        return namespaces_to_ask(usable, of, policy)

    def test_those_of_labels_with_a_usable_wheel_most_important_first(self) -> None:
        assert self.asked(*labelled("v3", "cu13")) == ("nvidia", "x86_64")

    def test_not_those_of_labels_for_other_platforms(self) -> None:
        windows = labelled("cu13", "cu12_v3", tag="cp312-cp312-win_amd64")
        assert self.asked(*windows, *labelled("v3", "null")) == ("x86_64",)

    def test_none_for_plain_null_and_unknown_labels(self) -> None:
        assert self.asked(*labelled(None, "null", "00000000", "unknown")) == ()

    def test_none_without_a_table(self) -> None:
        assert self.asked(*labelled("cu13"), of=None) == ()

    def test_none_where_null_is_demanded_and_there(self) -> None:
        assert self.asked(*labelled("cu13", "null"), label="null") == ()
        assert self.asked(*labelled("cu13"), label="null") == ("nvidia",)

    def test_all_where_another_label_is_demanded_to_say_why_each_fails(self) -> None:
        assert self.asked(*labelled("cu13", "v3"), label="v3") == ("nvidia", "x86_64")


class TestDemands:
    PLAIN = release(*labelled(None))
    VARIANTS = release(*labelled("cu13", "null", None))

    def refusal(
        self,
        policy: SelectionPolicy,
        label: str | None,
        *matched: str,
        of: Release = VARIANTS,
        known: VariantTable | None = GPU,
    ) -> str | None:
        reason = demands_on(of, known, policy).refusal(label, properties(*matched))
        return reason.sentence() if reason else None

    def test_a_demanded_label_excludes_all_others(self) -> None:
        policy = SelectionPolicy(label="null")
        assert self.refusal(policy, "null") is None
        assert self.refusal(policy, "cu13") == "is excluded by `--variant null`"
        assert self.refusal(policy, None) == "is excluded by `--variant null`"

    def test_a_release_without_labels_is_free_of_it_unless_the_project_has_some(self) -> None:
        """`--variant null` for all projects must not rule out those that have no variants."""
        policy = SelectionPolicy(label="null")
        assert self.refusal(policy, None, of=self.PLAIN) is None
        everywhere = SelectionPolicy(label="null", label_everywhere=True)
        assert self.refusal(everywhere, None, of=self.PLAIN) == "is excluded by `--variant null`"

    def test_a_required_namespace_that_labels_use_must_be_used(self) -> None:
        policy = SelectionPolicy(require=frozenset({"nvidia"}))
        assert self.refusal(policy, "cu13", "nvidia :: cuda_version_lower_bound :: 13.0") is None
        for label in ("null", None):
            assert self.refusal(policy, label) == (
                "uses nothing of `nvidia`, which `--require` asks for"
            )

    def test_a_required_namespace_no_label_uses_is_not_asked_for(self) -> None:
        policy = SelectionPolicy(require=frozenset({"amd"}))
        assert self.refusal(policy, None) is None
        everywhere = SelectionPolicy(
            require=frozenset({"amd"}), require_everywhere=frozenset({"amd", "intel"})
        )
        assert self.refusal(everywhere, None) == (
            "uses nothing of `amd`, which `--require` asks for"
        )

    def test_labels_that_cannot_be_read_may_use_it(self) -> None:
        policy = SelectionPolicy(require=frozenset({"nvidia"}))
        assert self.refusal(policy, None, known=None) is not None
        assert self.refusal(policy, None, of=self.PLAIN, known=None) is None
