"""Random releases: what a maker could publish and a machine could support, small enough to collide."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from packaging.version import Version

from tests.selection.builders import TAGS, page
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.formats.variant_json import Property, VariantTable
from vinstall.selection.release import Release
from vinstall.selection.releases import group_releases

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
"""Random tests make this many times their usual number of cases."""

_NAMESPACES = ["nvidia", "x86_64", "amd", "blas", "a"]
_FEATURES = ["level", "arch", "version"]
_VALUES = ["1", "2", "3", "v4", "on"]
_LABELS = ["cu", "cu1", "cu_2", "00000000", "zz", "null", "a.b", "_x", "v3", "mkl", "x_mkl", "n"]
_FOREIGN_TAGS = ["cp312-cp312-win_amd64", "cp39-cp39-manylinux_2_17_x86_64", "py2-none-any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One release as a maker writes it, and what one machine supports."""

    namespaces: tuple[str, ...]
    support: Mapping[str, Mapping[str, tuple[str, ...]]]
    variants: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]
    files: tuple[str, ...]

    @property
    def table(self) -> VariantTable:
        """The variants as a table without providers."""
        return VariantTable(
            namespaces=self.namespaces,
            variants={
                label: frozenset(
                    Property(namespace, feature, value)
                    for namespace, features in properties.items()
                    for feature, values in features.items()
                    for value in values
                )
                for label, properties in self.variants.items()
            },
        )

    @property
    def answers(self) -> dict[str, NamespaceAnswer]:
        """What the providers would say."""
        return {
            namespace: NamespaceAnswer(
                features=tuple(FeatureSupport(name, values) for name, values in features.items())
            )
            for namespace, features in self.support.items()
        }

    @property
    def release(self) -> Release:
        """The files as a release."""
        return group_releases(page(*self.files)).release(Version("1.0"))


def random_case(seed: object) -> Case:
    """The case of this seed."""
    dice = random.Random(f"selection {seed}")
    namespaces = tuple(dice.sample(_NAMESPACES, dice.randint(1, 4)))
    support = {namespace: _random_support(dice) for namespace in namespaces}
    labels = dice.sample(_LABELS, dice.randint(1, 10))
    variants = {label: _random_properties(dice, label, namespaces) for label in labels}
    files = []
    for label in [*labels, None]:
        for _ in range(dice.choice([0, 1, 1, 2, 4])):
            build = dice.choice(["", "", "-1", "-2", "-2b", "-10"])
            tag = dice.choice([*TAGS, *_FOREIGN_TAGS])
            files.append(f"demo-1.0{build}-{tag}{'-' + label if label else ''}.whl")
    dice.shuffle(files)
    unique = tuple(dict.fromkeys([*files, "demo-1.0-py2-none-win32.whl"]))
    return Case(namespaces=namespaces, support=support, variants=variants, files=unique)


def without_other_nulls(case: Case) -> Case:
    """The case without the labels other than `null` that have no properties: variantlib refuses them."""
    variants = {
        label: properties
        for label, properties in case.variants.items()
        if properties or label == "null"
    }
    return replace(case, variants=variants)


def _random_support(dice: random.Random) -> dict[str, tuple[str, ...]]:
    features = dice.sample(_FEATURES, dice.choice([0, 2, 3, 3, 3, 3]))
    return {name: tuple(dice.sample(_VALUES, dice.choice([2, 4, 5, 5]))) for name in features}


def _random_properties(
    dice: random.Random, label: str, namespaces: tuple[str, ...]
) -> dict[str, dict[str, tuple[str, ...]]]:
    if label == "null" or (label == "00000000" and dice.random() < 0.5):
        return {}
    return {
        namespace: {
            feature: tuple(sorted(dice.sample(_VALUES, dice.choice([1, 1, 2, 3]))))
            for feature in dice.sample(_FEATURES, dice.choice([1, 1, 2]))
        }
        for namespace in dice.sample(namespaces, dice.randint(1, min(2, len(namespaces))))
    }
