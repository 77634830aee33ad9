"""The pseudo-code of PEP 825, "Variant ordering", as an oracle: its words, made to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Properties = Mapping[str, Mapping[str, Sequence[str]]]
"""{namespace: {feature: [values]}}, as in `variant.json`."""
Support = Mapping[str, Mapping[str, Sequence[str]]]
"""{namespace: {feature: [compatible values in order]}}, features in order, too."""


class Ordering:
    """Orders variant wheels of one release."""

    def __init__(self, namespaces: Sequence[str], support: Support) -> None:
        # 1. Obtain the ordered list of namespaces from the variant metadata.
        self.namespace_order = list(namespaces)
        # 2. Obtain the ordered lists of features.
        self.feature_order = {
            namespace: list(support.get(namespace, {})) for namespace in self.namespace_order
        }
        # 3. Obtain the ordered lists of feature values.
        self.value_order = {
            namespace: {
                feature: list(support[namespace][feature])
                for feature in self.feature_order[namespace]
            }
            for namespace in self.namespace_order
        }

    def is_compatible(self, properties: Properties) -> bool:
        """ "Variant properties": every feature, and of each at least one value."""
        return all(
            set(values) & set(self.value_order.get(namespace, {}).get(feature, ()))
            for namespace, features in properties.items()
            for feature, values in features.items()
        )

    def best_value_property(self, namespace: str, feature: str, values: Sequence[str]) -> str:
        for best_value in self.value_order[namespace][feature]:
            if best_value in values:
                return best_value
        raise AssertionError("No feature value supported, wheel should have been filtered out")

    def property_key(self, prop: tuple[str, str, str]) -> tuple[int, int, int]:
        namespace, feature, value = prop
        return (
            self.namespace_order.index(namespace),
            self.feature_order[namespace].index(feature),
            self.value_order[namespace][feature].index(value),
        )

    def order(self, variants: Mapping[str, Properties]) -> list[str]:
        """The compatible labels, most preferred first."""
        return [
            wheel.label
            for wheel in sorted(
                VariantWheel(self, label, properties)
                for label, properties in variants.items()
                if self.is_compatible(properties)
            )
        ]


class VariantWheel:
    """Example class exposing properties of a variant wheel"""

    def __init__(self, ordering: Ordering, label: str, properties: Properties) -> None:
        self.ordering = ordering
        self.label = label
        self.properties = properties

    def best_value_properties(self) -> Iterable[tuple[str, str, str]]:
        return [
            (namespace, feature, self.ordering.best_value_property(namespace, feature, values))
            for namespace, features in self.properties.items()
            for feature, values in features.items()
        ]

    def sorted_properties(self) -> list[tuple[str, str, str]]:
        return sorted(self.best_value_properties(), key=self.ordering.property_key)

    def __lt__(self, other: VariantWheel) -> bool:
        self_properties = self.sorted_properties()
        other_properties = other.sorted_properties()
        for self_prop, other_prop in zip(self_properties, other_properties, strict=False):
            if self_prop != other_prop:
                return self.ordering.property_key(self_prop) < self.ordering.property_key(
                    other_prop
                )
        if len(self_properties) != len(other_properties):
            return len(self_properties) > len(other_properties)
        return self.label < other.label
