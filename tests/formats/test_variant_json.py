"""Variant metadata of every generation becomes one table."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.strategies import SCALE, properties, variant_tables
from vinstall.errors import FormatError
from vinstall.formats.json_object import as_object
from vinstall.formats.support import FeatureSupport
from vinstall.formats.variant_document import render_variant_table
from vinstall.formats.variant_json import (
    Property,
    ProviderInfo,
    VariantTable,
    combine,
    parse_property,
    parse_variant_table,
)

URL = "https://variants-schema.wheelnext.dev"
V4 = Property("x86_64", "level", "v4")
MKL = Property("blas_lapack", "provider", "mkl")
OPENBLAS = Property("blas_lapack", "provider", "openblas")
STATIC = (FeatureSupport("provider", ("accelerate", "openblas", "mkl")),)
VARIANTS = {
    "openblas": {"blas_lapack": {"provider": ["openblas"]}},
    "x8664v4_mkl": {"blas_lapack": {"provider": ["mkl"]}, "x86_64": {"level": ["v4"]}},
}
PRIORITIES = {"namespace": ["x86_64", "blas_lapack"]}
X86_PROVIDER = {
    "requires": ["provider-variant-x86-64"],
    "plugin-api": "provider_variant_x86_64.plugin:X8664Plugin",
}
X86_INFO = ProviderInfo(
    requires=("provider-variant-x86-64",), plugin_api="provider_variant_x86_64.plugin:X8664Plugin"
)


def read(document: object, *, strict: bool = False) -> VariantTable:
    return parse_variant_table(json.dumps(document), strict=strict)


def document(**changes: Any) -> dict[str, Any]:
    """A valid document of schema 0.1.1, keys replaced or (with None) taken out."""
    found = {
        "$schema": f"{URL}/peps/825/v0.1.1.json",
        "default-priorities": PRIORITIES,
        "variants": VARIANTS,
    }
    found.update({key.replace("_", "-"): value for key, value in changes.items()})
    return _without_none(found)


def provided(**providers: Any) -> dict[str, Any]:
    """A document of schema 0.2.0; a provider changed or (with None) taken out."""
    entries = {
        "x86_64": X86_PROVIDER,
        "blas_lapack": {"static-properties": {"provider": ["accelerate", "openblas", "mkl"]}},
        **providers,
    }
    found = document(providers=_without_none(entries))
    return {**found, "$schema": f"{URL}/v0.2.0.json"}


def _without_none(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}


class TestProperties:
    """PEP 825 "Variant properties": `{namespace} :: {feature_name} :: {feature_value}`."""

    @given(properties)
    def test_a_rendered_property_parses_to_itself(self, prop: Property) -> None:
        assert parse_property(str(prop)) == prop

    @pytest.mark.parametrize("text", ["nvidia::cuda::12.8", " nvidia  ::\tcuda :: 12.8\n"])
    def test_white_space_around_the_colons_is_ignored(self, text: str) -> None:
        assert parse_property(text) == Property("nvidia", "cuda", "12.8")

    @pytest.mark.parametrize(
        "text", ["", "a :: b", "a :: b :: c :: d", "A :: b :: c", "a :: b.c :: d", "a :: b :: é", "a : b : c"]
    )  # fmt: skip
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(FormatError) as caught:
            parse_property(text)
        assert caught.value.message == f"`{text}` is no variant property"
        assert caught.value.hint == "write `namespace :: feature :: value`"


class TestGenerations:
    """The same facts from five places."""

    def test_pep_825_lists_namespaces_and_variants_only(self) -> None:
        assert read(document(), strict=True) == VariantTable(
            namespaces=("x86_64", "blas_lapack"),
            variants={
                "openblas": frozenset({OPENBLAS}),
                "x8664v4_mkl": frozenset({V4, MKL}),
            },
        )

    def test_its_spring_draft_has_feature_and_value_priorities(self) -> None:
        table = read(
            {
                **document(),
                "$schema": f"{URL}/peps/825/v0.1.0.json",
                "default-priorities": {
                    **PRIORITIES,
                    "feature": {"x86_64": ["level"], "blas_lapack": []},
                    "property": {"blas_lapack": {"provider": ["mkl", "openblas"]}},
                },
            },
            strict=True,
        )
        assert table.feature_order == {"x86_64": ("level",)}
        assert table.value_order == {("blas_lapack", "provider"): ("mkl", "openblas")}
        assert table.providers == {}

    def test_v0_0_2_keeps_the_static_answer_in_the_property_priorities(self) -> None:
        old = document(
            default_priorities={
                **PRIORITIES,
                "feature": {"blas_lapack": ["provider"]},
                "property": {"blas_lapack": {"provider": ["accelerate", "openblas", "mkl"]}},
            },
            providers={
                "x86_64": {**X86_PROVIDER, "enable-if": "platform_machine == 'x86_64'"},
                "blas_lapack": {
                    "plugin-use": "build",
                    "requires": ["blas-lapack-variant-provider"],
                },
            },
        )
        table = read({**old, "$schema": f"{URL}/v0.0.2.json"}, strict=True)
        assert table.providers == {
            "x86_64": ProviderInfo(
                requires=X86_INFO.requires,
                plugin_api=X86_INFO.plugin_api,
                enable_if="platform_machine == 'x86_64'",
            ),
            "blas_lapack": ProviderInfo(
                requires=("blas-lapack-variant-provider",), install_time=False, static=STATIC
            ),
        }

    def test_v0_0_2_needs_no_feature_priority_for_that(self) -> None:
        old = document(
            default_priorities={**PRIORITIES, "property": {"blas_lapack": {"provider": ["mkl"]}}},
            providers={"blas_lapack": {"plugin-use": "none", "requires": []}},
        )
        table = read({**old, "$schema": f"{URL}/v0.0.2.json"})
        assert table.providers["blas_lapack"].static == (FeatureSupport("provider", ("mkl",)),)

    def test_v0_0_3_has_them_at_the_top(self) -> None:
        old = document(
            providers={
                "x86_64": X86_PROVIDER,
                "blas_lapack": {
                    "install-time": False,
                    "requires": ["blas-lapack-variant-provider"],
                },
            },
            static_properties={"blas_lapack": {"provider": ["accelerate", "openblas", "mkl"]}},
        )
        table = read({**old, "$schema": f"{URL}/v0.0.3.json"}, strict=True)
        assert table.providers == {
            "x86_64": X86_INFO,
            "blas_lapack": ProviderInfo(
                requires=("blas-lapack-variant-provider",), install_time=False, static=STATIC
            ),
        }

    def test_an_empty_static_table_says_nothing(self) -> None:
        table = read(document(providers={"x86_64": X86_PROVIDER}, static_properties={}))
        assert table.providers == {"x86_64": X86_INFO}

    def test_pep_850_has_them_in_the_provider(self) -> None:
        table = read(provided(), strict=True)
        assert table.providers == {"x86_64": X86_INFO, "blas_lapack": ProviderInfo(static=STATIC)}

    def test_pep_850_orders_the_features_of_a_static_answer(self) -> None:
        static = {"a": ["1"], "b": ["2"], "c": ["3"]}
        entry = {"static-properties": static, "feature-order": ["c", "a", "b"], "optional": True}
        table = read(provided(blas_lapack=entry), strict=False)
        assert table.providers["blas_lapack"] == ProviderInfo(
            optional=True,
            static=(
                FeatureSupport("c", ("3",)),
                FeatureSupport("a", ("1",)),
                FeatureSupport("b", ("2",)),
            ),
        )

    def test_the_order_of_keys_carries_no_meaning(self) -> None:
        static = {"b": ["2"], "a": ["1"]}
        one = read(provided(blas_lapack={"static-properties": static}))
        other = read(provided(blas_lapack={"static-properties": dict(sorted(static.items()))}))
        assert one == other

    def test_the_content_decides_and_not_the_schema(self) -> None:
        for schema in (f"{URL}/", f"{URL}/v0.0.2.json", "https://example.org/0.2.7/x.json", ""):
            assert read({**provided(), "$schema": schema}) == read(provided())


class TestVersions:
    """PEP 825: "Tools MUST reject metadata with a major version number that they do not support"."""

    @pytest.mark.parametrize(
        ("schema", "version"),
        [
            (f"{URL}/v1.0.0.json", "1.0.0"),
            ("https://packaging.example/variant-schema-2.1.json", "2.1"),
            ("https://127.0.0.1:8000/v3/variants.json", "3"),
            ("v1.0.json", "1.0"),
        ],
    )
    def test_a_greater_major_version_is_refused(self, schema: str, version: str) -> None:
        with pytest.raises(FormatError) as caught:
            read(document() | {"$schema": schema})
        assert caught.value.message == f"$schema: is version {version} of the format"
        assert caught.value.context == ("the newest known one is 0.2",)

    @pytest.mark.parametrize(
        "schema", [f"{URL}/v0.9.0.json", "https://127.0.0.1/v0.0.3.json", "https://1.2.3.4/x"]
    )
    def test_any_other_is_read(self, schema: str) -> None:
        assert read(document() | {"$schema": schema}).schema == schema

    def test_a_newer_minor_version_may_have_keys_of_its_own(self) -> None:
        newer = {**provided(), "$schema": f"{URL}/v0.3.0.json", "colour": "red"}
        assert read(newer, strict=True).ignored == ("colour",)


class TestFaultsOfTheDocument:
    """Nothing in the document can be used, whoever asks."""

    @pytest.mark.parametrize("strict", [False, True])
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"default_priorities": None}, "default-priorities: is missing"),
            ({"default_priorities": []}, "default-priorities: is not a JSON object"),
            ({"default_priorities": {}}, "default-priorities.namespace: is missing"),
            ({"default_priorities": {"namespace": []}}, "default-priorities.namespace: is empty"),
            (
                {"default_priorities": {"namespace": "x86_64"}},
                "default-priorities.namespace: is not a list of strings",
            ),
            (
                {"default_priorities": {"namespace": ["a", 1]}},
                "default-priorities.namespace: is not a list of strings",
            ),
            (
                {"default_priorities": {"namespace": ["a", "a"]}},
                "default-priorities.namespace: lists an item more than once",
            ),
            (
                {"default_priorities": {"namespace": ["a", "B"]}},
                "default-priorities.namespace: has the invalid item `B`",
            ),
            (
                {"default_priorities": {**PRIORITIES, "property": {"a": {"b": "c"}}}},
                "default-priorities.property.a.b: is not a list of strings",
            ),
            ({"variants": None}, "variants: is missing"),
            ({"variants": ["null"]}, "variants: is not a JSON object"),
            ({"providers": []}, "providers: is not a JSON object"),
            ({"$schema": 1}, "$schema: is not a string"),
        ],
    )
    def test_are_raised_with_their_path(
        self, changes: dict[str, Any], message: str, strict: bool
    ) -> None:
        with pytest.raises(FormatError) as caught:
            read(document(**changes), strict=strict)
        assert caught.value.message == message

    def test_a_key_twice_is_one(self) -> None:
        text = json.dumps(document())[:-1] + ', "variants": {}}'
        with pytest.raises(FormatError) as caught:
            parse_variant_table(text)
        assert caught.value.message == "lists `variants` more than once"


SPOILED = [
    ("upper", {"UPPER": {}}, "variants.UPPER: is no variant label"),
    ("type", {"bad": []}, "variants.bad: is not a JSON object"),
    ("space", {"bad": {"x86_64": ["level"]}}, "variants.bad.x86_64: is not a JSON object"),
    ("feature", {"bad": {"x86_64": {"a.b": ["1"]}}}, "variants.bad.x86_64.a.b: is no feature name"),
    ("empty", {"bad": {"x86_64": {"level": []}}}, "variants.bad.x86_64.level: is empty"),
    (
        "value",
        {"bad": {"x86_64": {"level": ["V3"]}}},
        "variants.bad.x86_64.level: has the invalid item `V3`",
    ),
    (
        "twice",
        {"bad": {"x86_64": {"level": ["v3", "v3"]}}},
        "variants.bad.x86_64.level: lists an item more than once",
    ),
    (
        "unlisted",
        {"bad": {"nvidia": {"sm_arch": ["90_real"]}}},
        "variants.bad.nvidia: is not in `default-priorities.namespace`",
    ),
    (
        "null",
        {"null": {"x86_64": {"level": ["v3"]}}},
        "variants.null: has properties, which the null variant must not have",
    ),
]


class TestFaultsOfOneLabel:
    """One bad label spoils that label only; a maker's tool fails."""

    @pytest.mark.parametrize(
        ("entry", "fault"), [row[1:] for row in SPOILED], ids=[row[0] for row in SPOILED]
    )
    def test_spoil_that_label(self, entry: dict[str, Any], fault: str) -> None:
        table = read(document(variants={**VARIANTS, **entry}))
        assert table.spoiled == {next(iter(entry)): fault}
        assert table.variants == read(document()).variants

    @pytest.mark.parametrize(
        ("entry", "fault"), [row[1:] for row in SPOILED], ids=[row[0] for row in SPOILED]
    )
    def test_are_raised_to_a_maker(self, entry: dict[str, Any], fault: str) -> None:
        with pytest.raises(FormatError) as caught:
            read(document(variants={**VARIANTS, **entry}), strict=True)
        assert caught.value.message == fault

    def test_a_label_listed_twice_is_spoiled(self) -> None:
        text = json.dumps(document()).replace('"variants": {', '"variants": {"openblas": {}, ')
        table = parse_variant_table(text)
        assert table.spoiled == {"openblas": "variants.openblas: is listed more than once"}
        assert set(table.variants) == {"x8664v4_mkl"}
        with pytest.raises(FormatError, match="variants: lists `openblas` more than once"):
            parse_variant_table(text, strict=True)

    def test_a_feature_listed_twice_spoils_the_label(self) -> None:
        text = json.dumps(document()).replace('"level": ["v4"]', '"level": ["v4"], "level": ["v3"]')
        table = parse_variant_table(text)
        assert table.spoiled == {
            "x8664v4_mkl": "variants.x8664v4_mkl.x86_64: lists `level` more than once"
        }

    def test_another_label_without_properties_is_accepted(self) -> None:
        table = read(
            document(variants={"00000000": {}, "null": {}, "a": {"x86_64": {}}}), strict=True
        )
        assert table.variants == {"00000000": frozenset(), "null": frozenset(), "a": frozenset()}

    def test_abi_dependency_may_be_unlisted_before_schema_0_2(self) -> None:
        variants = {"a": {"abi_dependency": {"torch": ["2.9"]}}}
        table = read(document(variants=variants), strict=True)
        assert table.variants == {"a": frozenset({Property("abi_dependency", "torch", "2.9")})}
        with pytest.raises(FormatError) as caught:
            read(provided() | {"variants": variants}, strict=True)
        assert caught.value.message == (
            "variants.a.abi_dependency: is not in `default-priorities.namespace`"
        )


BAD_PROVIDERS: list[tuple[object, str]] = [
    ([], "providers.x86_64: is not a JSON object"),
    ({"requires": "x"}, "providers.x86_64.requires: is not a list of strings"),
    ({"requires": [""]}, "providers.x86_64.requires: has the invalid item ``"),
    ({"requires": ["x"], "plugin-api": "a b"}, "providers.x86_64.plugin-api: `a b` is no object reference"),
    ({"requires": ["x"], "optional": 1}, "providers.x86_64.optional: is not true or false"),
    ({"builtin": "magic"}, "providers.x86_64.builtin: `magic` is not known"),
    ({"plugin-use": "never"}, "providers.x86_64.plugin-use: is not `none`, `build` or `all`"),
    ({"static-properties": {"level": []}}, "providers.x86_64.static-properties.level: is empty"),
]  # fmt: skip
UNMADE_PROVIDERS: list[tuple[object, str]] = [
    ({}, "providers.x86_64: needs exactly one of `requires`, `static-properties`, `builtin`"),
    (
        {"requires": ["x"], "builtin": "abi_dependency"},
        "providers.x86_64: needs exactly one of `requires`, `static-properties`, `builtin`",
    ),
    (
        {"static-properties": {"a": ["1"]}, "plugin-api": "x"},
        "providers.x86_64.plugin-api: is only allowed beside `requires`",
    ),
    (
        {"static-properties": {"a": ["1"], "b": ["1"]}},
        "providers.x86_64.feature-order: does not list the features of `static-properties`",
    ),
    (
        {"static-properties": {"a": ["1"]}, "feature-order": ["b"]},
        "providers.x86_64.feature-order: does not list the features of `static-properties`",
    ),
    ({"requires": ["x"], "enable-if": "x"}, "providers.x86_64.enable-if: is no key of schema 0.2"),
    ({"requires": ["x"], "colour": "red"}, "providers.x86_64.colour: is no key of this format"),
]


class TestFaultsOfAProvider:
    """They spoil the labels that use the namespace; PEP 850's rules bind makers."""

    @pytest.mark.parametrize(("entry", "fault"), BAD_PROVIDERS)
    def test_spoil_the_labels_that_use_it(self, entry: object, fault: str) -> None:
        table = read(provided(x86_64=entry))
        assert table.spoiled == {"x8664v4_mkl": f"variants.x8664v4_mkl.x86_64: {fault}"}
        assert set(table.variants) == {"openblas"}

    @pytest.mark.parametrize(("entry", "fault"), [*BAD_PROVIDERS, *UNMADE_PROVIDERS])
    def test_are_raised_to_a_maker(self, entry: object, fault: str) -> None:
        with pytest.raises(FormatError) as caught:
            read(provided(x86_64=entry), strict=True)
        assert caught.value.message == fault

    @pytest.mark.parametrize("entry", [entry for entry, _ in UNMADE_PROVIDERS])
    def test_an_installer_reads_what_a_maker_must_not_write(self, entry: object) -> None:
        assert read(provided(x86_64=entry)).spoiled == {}

    def test_since_0_2_a_namespace_without_provider_is_spoiled(self) -> None:
        table = read(provided(x86_64=None))
        assert table.spoiled == {
            "x8664v4_mkl": "variants.x8664v4_mkl.x86_64: providers.x86_64: is missing"
        }

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"x86_64": None}, "providers.x86_64: is missing"),
            (
                {"nvidia": {"requires": ["x"]}},
                "default-priorities.namespace: does not list `nvidia`, which has a provider",
            ),
        ],
    )
    def test_since_0_2_makers_list_the_same_namespaces_twice(
        self, entries: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(FormatError) as caught:
            read(provided(**entries), strict=True)
        assert caught.value.message == message


class TestWhatOnlyMakersMind:
    def test_unknown_keys_are_noted_and_makers_refused(self) -> None:
        odd = document(colour="red", default_priorities={**PRIORITIES, "taste": 1})
        assert read(odd).ignored == ("colour", "default-priorities.taste")
        with pytest.raises(FormatError) as caught:
            read(odd, strict=True)
        assert caught.value.message == "colour: is no key of this format"

    @pytest.mark.parametrize(
        ("schema", "message"),
        [(None, "$schema: is missing"), (URL, f"$schema: `{URL}` does not name a version")],
    )
    def test_the_schema_is_named(self, schema: str | None, message: str) -> None:
        found = {key: value for key, value in document().items() if key != "$schema"}
        found |= {} if schema is None else {"$schema": schema}
        assert read(found).variants == read(document()).variants
        with pytest.raises(FormatError) as caught:
            read(found, strict=True)
        assert caught.value.message == message


class TestCombining:
    """PEP 825 "Metadata consistency"."""

    def test_labels_are_united_and_the_longer_namespace_list_is_kept(self) -> None:
        first = read(document(variants={"openblas": VARIANTS["openblas"]}))
        longer = {"namespace": [*PRIORITIES["namespace"], "nvidia"]}
        second = read(document(variants={"null": {}}, default_priorities=longer))
        assert combine(first, second) == VariantTable(
            namespaces=("x86_64", "blas_lapack", "nvidia"),
            variants={"openblas": frozenset({OPENBLAS}), "null": frozenset()},
        )
        assert combine(first, second).document == document(
            variants={"openblas": VARIANTS["openblas"], "null": {}}, default_priorities=longer
        )

    def test_the_same_label_with_other_properties_is_a_conflict(self) -> None:
        other = read(document(variants={"openblas": VARIANTS["x8664v4_mkl"]}))
        with pytest.raises(FormatError) as caught:
            combine(read(document()), other)
        assert caught.value.message == (
            "variants.openblas: two documents of one release give it other properties"
        )

    def test_namespace_lists_that_are_no_prefixes_are_a_conflict(self) -> None:
        other = read(document(default_priorities={"namespace": ["blas_lapack", "x86_64"]}))
        with pytest.raises(FormatError) as caught:
            combine(read(document()), other)
        assert caught.value.message == (
            "default-priorities.namespace: two documents of one release disagree"
        )
        assert caught.value.context == ("x86_64, blas_lapack", "blas_lapack, x86_64")

    def test_another_provider_is_a_conflict(self) -> None:
        other = read(provided(x86_64={"requires": ["other"]}))
        with pytest.raises(FormatError) as caught:
            combine(read(provided()), other)
        assert caught.value.message == (
            "providers.x86_64: two documents of one release give it another provider"
        )

    def test_a_label_spoiled_in_one_is_spoiled_in_both(self) -> None:
        spoiled = read(document(variants={"openblas": []}))
        assert set(combine(read(document()), spoiled).variants) == {"x8664v4_mkl"}
        assert set(combine(spoiled, read(document())).spoiled) == {"openblas"}

    @settings(max_examples=30 * SCALE)
    @given(variant_tables(with_providers=True), st.data())
    def test_the_order_of_the_parts_does_not_matter(
        self, table: VariantTable, data: st.DataObject
    ) -> None:
        whole = parse_variant_table(render_variant_table(table, schema="0.2.0"))
        variants = as_object(whole.document["variants"], "variants")
        parts = [
            read({**whole.document, "variants": {label: variants[label]}})
            for label in data.draw(st.permutations(sorted(variants)))
        ]
        if not parts:
            return
        found = parts[0]
        for part in parts[1:]:
            assert combine(found, part) == combine(part, found)
            found = combine(found, part)
        assert found == whole
        assert found.document == whole.document
        assert combine(found, found) == found


KEYS = [
    "$schema",
    "default-priorities",
    "namespace",
    "feature",
    "property",
    "providers",
    "variants",
    "null",
    "a",
    "x86_64",
    "requires",
    "static-properties",
]


class TestAnyText:
    @given(st.text(max_size=60) | st.binary(max_size=60))
    def test_is_a_table_or_a_format_error(self, text: str | bytes) -> None:
        with pytest.raises(FormatError):
            parse_variant_table(text)

    @given(
        st.recursive(
            st.none() | st.integers() | st.sampled_from(["a", "x86_64", "null", "provider"]),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(KEYS),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=20,
        )
    )
    def test_odd_shapes_never_end_in_another_error(self, value: object) -> None:
        found = {**document(), **value} if isinstance(value, dict) else document(variants=value)
        for strict in (False, True):
            try:
                table = read(found, strict=strict)
            except FormatError:
                continue
            assert not table.variants.keys() & table.spoiled.keys()


class TestRealDocuments:
    """What is published, as it is."""

    def paths(self, shared_data: Path, folder: str) -> list[Path]:
        return sorted((shared_data / "real-index" / folder).rglob("*variant*.json"))

    @pytest.mark.parametrize(
        ("folder", "count"), [("v0.0.3-291c782", 132), ("v0.0.2-83edeef", 4), ("extra", 16)]
    )
    def test_all_are_read_and_nothing_in_them_is_spoiled_or_unknown(
        self, shared_data: Path, folder: str, count: int
    ) -> None:
        tables = [
            parse_variant_table(path.read_bytes(), strict=True)
            for path in self.paths(shared_data, folder)
        ]
        assert len(tables) == count
        assert [(table.spoiled, table.ignored) for table in tables] == [({}, ())] * count

    def test_the_facts_of_the_newest_snapshot_are_found(self, shared_data: Path) -> None:
        tables = [
            parse_variant_table(path.read_bytes())
            for path in self.paths(shared_data, "v0.0.3-291c782")
        ]
        infos = [info for table in tables for info in table.providers.values()]
        assert len(infos) == 152
        assert sum(info.plugin_api is not None for info in infos) == 144
        assert sum(info.enable_if is not None for info in infos) == 109
        assert sum(not info.install_time for info in infos) == 8
        assert sum(info.static is not None for info in infos) == 8
        assert not any(info.optional for info in infos)
        assert sum(bool(table.feature_order) for table in tables) == 3
        assert sum(bool(table.value_order) for table in tables) == 5
        assert Counter(name for table in tables for name in table.namespaces) == {
            "nvidia": 127, "intel": 4, "amd": 4, "priority": 4, "x86_64": 4, "aarch64": 4,
            "blas_lapack": 3, "openmp": 1, "ascend": 1,
        }  # fmt: skip
        assert sum(len(table.variants) for table in tables) == 195

    def test_torch_2_8_names_its_null_variant_00000000(self, shared_data: Path) -> None:
        path = shared_data / "real-index/v0.0.3-291c782/torch/torch-2.8.0-variants.json"
        assert parse_variant_table(path.read_bytes()).variants["00000000"] == frozenset()

    def test_both_generations_of_one_document_say_the_same(self, shared_data: Path) -> None:
        index = shared_data / "real-index"
        for name in ("numpy/numpy-2.3.3", "scipy/scipy-1.16.2", "torch/torch-2.9.0"):
            old, new = (
                parse_variant_table((index / folder / f"{name}-variants.json").read_bytes())
                for folder in ("v0.0.2-83edeef", "v0.0.3-291c782")
            )
            assert old.namespaces == new.namespaces
            assert {n: p.static for n, p in old.providers.items()} == {
                n: p.static for n, p in new.providers.items()
            }

    def test_the_example_wheels_combine_to_the_file_of_their_index(self, shared_data: Path) -> None:
        folder = shared_data / "real-index/extra/abi-dependency-example"
        for index_file in folder.rglob("*-variants.json"):
            stem = index_file.name.removesuffix("-variants.json")
            wheels = [
                parse_variant_table(path.read_bytes())
                for path in sorted(index_file.parent.glob(f"{stem}-*.variant.json"))
            ]
            found = wheels[0]
            for wheel in wheels[1:]:
                found = combine(found, wheel)
            assert found == parse_variant_table(index_file.read_bytes())


def test_a_document_of_200_labels_is_read_in_milliseconds() -> None:
    values = [f"{number}_real" for number in range(15)]
    text = json.dumps(
        document(
            default_priorities={"namespace": ["nvidia"]},
            variants={f"l{number}": {"nvidia": {"sm_arch": values}} for number in range(200)},
        )
    )
    best = min(_seconds(text) for _ in range(5))
    assert best < 0.05


def _seconds(text: str) -> float:
    start = time.perf_counter()
    assert len(parse_variant_table(text).variants) == 200
    return time.perf_counter() - start
