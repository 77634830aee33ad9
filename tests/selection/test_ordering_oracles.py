"""The order of variants against two oracles: the PEP's own pseudo-code and variantlib 0.2.2."""

from __future__ import annotations

import importlib.metadata
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import Version

from tests.selection.builders import PYTHON, TAGS, chosen
from tests.selection.pep825 import Ordering
from tests.selection.random_releases import SCALE, Case, random_case, without_other_nulls
from tests.selection.variantlib_oracle import (
    rank_document,
    rank_variants,
)
from vinstall.formats.support import NamespaceAnswer
from vinstall.formats.variant_json import Property, VariantTable, parse_variant_table
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.selection.choose import rank_labels
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.release import Wheel


def ranking(
    case: Case, table: VariantTable, answers: Mapping[str, NamespaceAnswer]
) -> dict[str, set[str]]:
    """The labels that fit, most preferred first, and what each matches; null always at hand."""
    ranks = rank_labels(
        case.release,
        table=table,
        fault=None,
        answers=answers,
        policy=SelectionPolicy(),
        tags=TAGS,
        python=PYTHON,
    )
    fitting = {one.label: set(map(str, one.matched)) for one in ranks if one.rank is not None}
    return fitting if "null" in fitting else {**fitting, "null": set()}


class TestPseudoCode:
    """PEP 825: "the sort algorithm for variant wheels could be described using the following"."""

    def test_random_releases_are_ordered_as_it_says(self) -> None:
        for seed in range(350 * SCALE):
            case = random_case(seed)
            expected = Ordering(case.namespaces, case.support).order({"null": {}, **case.variants})
            found = list(ranking(case, case.table, case.answers))
            if "null" not in case.variants:  # always at hand, and no label of this release
                expected.remove("null")
                found.remove("null")
            assert found == expected, seed

    def test_the_wheel_is_the_first_by_label_then_tags_then_build_then_page(self) -> None:
        for seed in range(350 * SCALE):
            case = random_case(seed)
            choices, _ = chosen(case.release, case.table, answers=case.answers)
            expected = wheels_by_the_book(case)
            assert len(choices) == (1 if expected else 0), seed
            for choice in choices:
                assert isinstance(choice.artifact, Wheel)
                wheels = [choice.artifact, *choice.runners_up]
                assert [wheel.file.filename for wheel in wheels] == expected, seed


def wheels_by_the_book(case: Case) -> list[str]:
    """The best wheel of each label that has one here, most preferred label first, plain last."""
    groups: dict[str | None, list[tuple[int, tuple[int, str] | tuple[()], str]]] = {}
    for filename in case.files:
        name = parse_wheel_name(filename)
        ranks = [TAGS[tag] for tag in name.tags if tag in TAGS]
        if ranks:
            groups.setdefault(name.label, []).append((min(ranks), name.build, filename))
    order = Ordering(case.namespaces, case.support).order({"null": {}, **case.variants})
    wheels = []
    for label in [*order, None]:
        files = groups.get(label, [])
        best_rank = min((rank for rank, _, _ in files), default=None)
        fitting = [(build, filename) for rank, build, filename in files if rank == best_rank]
        best_build = max((build for build, _ in fitting), default=())
        wheels += [filename for build, filename in fitting if build == best_build][:1]
    return wheels


class TestVariantlib:
    """variantlib 0.2.2 reads schema 0.2.0; the same facts in every other generation rank alike."""

    def test_random_documents_of_every_generation_rank_alike(self) -> None:
        for seed in range(250 * SCALE):
            case = without_other_nulls(random_case(("generations", seed)))
            newest = schema_0_2_0(case)
            expected = rank_document(newest)
            for document in (newest, v0_0_2(case), v0_0_3(case), schema_0_1(case)):
                table = parse_variant_table(json.dumps(document))
                found = ranking(case, table, answers_for(case, table))
                schema = document["$schema"]
                assert found == expected, (seed, schema)
                assert list(found) == list(expected), (seed, schema)

    def test_feature_and_property_priorities_come_before_the_providers_order(self) -> None:
        for seed in range(250 * SCALE):
            case = without_other_nulls(random_case(("priorities", seed)))
            document = schema_0_1(case, random.Random(seed))
            table = parse_variant_table(json.dumps(document))
            expected = rank_variants(
                case.table.variants,
                (
                    Property(namespace, feature, value)
                    for namespace, features in case.support.items()
                    for feature, values in features.items()
                    for value in values
                ),
                namespaces=case.namespaces,
                feature_order=table.feature_order,
                value_order=table.value_order,
            )
            assert list(ranking(case, table, case.answers)) == expected, seed


def answers_for(case: Case, table: VariantTable) -> dict[str, NamespaceAnswer]:
    """The static answers of the document; what the machine says where it has none."""
    return {
        namespace: NamespaceAnswer(features=provider.static)
        if (provider := table.providers.get(namespace)) and provider.static
        else case.answers[namespace]
        for namespace in case.namespaces
    }


def schema_0_2_0(case: Case) -> dict[str, Any]:
    return {
        "$schema": "https://variants-schema.wheelnext.dev/v0.2.0.json",
        "default-priorities": {"namespace": list(case.namespaces)},
        "providers": {
            namespace: {
                "static-properties": {name: list(values) for name, values in features.items()},
                "feature-order": list(features),
            }
            for namespace, features in nowhere_empty(case)
        },
        "variants": case_variants(case),
    }


def v0_0_3(case: Case) -> dict[str, Any]:
    return {
        "$schema": "https://variants-schema.wheelnext.dev/v0.0.3.json",
        "default-priorities": {
            "namespace": list(case.namespaces),
            "feature": {namespace: list(features) for namespace, features in nowhere_empty(case)},
            "property": {},
        },
        "providers": {
            namespace: {"install-time": False, "requires": []} for namespace in case.namespaces
        },
        "static-properties": {
            namespace: {name: list(features[name]) for name in sorted(features)}
            for namespace, features in nowhere_empty(case)
        },
        "variants": case_variants(case),
    }


def v0_0_2(case: Case) -> dict[str, Any]:
    return {
        "$schema": "https://variants-schema.wheelnext.dev/v0.0.2.json",
        "default-priorities": {
            "namespace": list(case.namespaces),
            "feature": {namespace: list(features) for namespace, features in nowhere_empty(case)},
            "property": {
                namespace: {name: list(features[name]) for name in sorted(features)}
                for namespace, features in nowhere_empty(case)
            },
        },
        "providers": {
            namespace: {"plugin-use": "none", "requires": []} for namespace in case.namespaces
        },
        "variants": case_variants(case),
    }


def schema_0_1(case: Case, dice: random.Random | None = None) -> dict[str, Any]:
    """0.1.1, or with `dice` 0.1.0, whose priorities name a part of the features and values."""
    priorities: dict[str, Any] = {"namespace": list(case.namespaces)}
    if dice is not None:
        names = ["version", "level", "arch", "unknown"]
        values = ["on", "3", "1", "unknown"]
        priorities["feature"] = {
            namespace: dice.sample(names, dice.randint(1, 3))
            for namespace in case.namespaces
            if dice.random() < 0.7
        }
        priorities["property"] = {
            namespace: {
                name: dice.sample(values, dice.randint(1, 3))
                for name in dice.sample(names, dice.randint(1, 3))
            }
            for namespace in case.namespaces
            if dice.random() < 0.7
        }
    version = "0.1.0" if dice is not None else "0.1.1"
    return {
        "$schema": f"https://variants-schema.wheelnext.dev/peps/825/v{version}.json",
        "default-priorities": priorities,
        "variants": case_variants(case),
    }


def nowhere_empty(case: Case) -> Iterator[tuple[str, Mapping[str, tuple[str, ...]]]]:
    """The support by namespace; a feature no label uses where there is none."""
    for namespace, features in case.support.items():
        yield namespace, features or {"unused": ("x",)}


def case_variants(case: Case) -> dict[str, dict[str, dict[str, list[str]]]]:
    return {
        label: {
            namespace: {name: list(values) for name, values in features.items()}
            for namespace, features in properties.items()
        }
        for label, properties in case.variants.items()
    }


def test_the_version_of_the_oracle_is_the_one_meant() -> None:
    assert Version(importlib.metadata.version("variantlib")) == Version("0.2.2")
