"""Tables become documents that others accept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from tests.formats.strategies import SCALE, variant_tables
from vinstall.errors import FormatError
from vinstall.formats.support import FeatureSupport
from vinstall.formats.variant_document import (
    render_variant_document,
    render_variant_table,
    variant_document,
)
from vinstall.formats.variant_json import Property, ProviderInfo, VariantTable, parse_variant_table

TABLE = VariantTable(
    namespaces=("x86_64", "blas_lapack"),
    variants={
        "v3": frozenset({Property("x86_64", "level", "v3"), Property("blas_lapack", "p", "b")})
        | {Property("blas_lapack", "p", "a")},
        "null": frozenset(),
    },
    providers={
        "x86_64": ProviderInfo(requires=("x>=1",), plugin_api="x:X", optional=True),
        "blas_lapack": ProviderInfo(
            static=(FeatureSupport("q", ("1",)), FeatureSupport("p", ("b", "a"))),
        ),
    },
)


class TestSchema011:
    """PEP 825, August 2026: `$schema`, `default-priorities.namespace`, `variants`."""

    def test_is_canonical_text(self) -> None:
        assert render_variant_table(TABLE) == (
            """{
  "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
  "default-priorities": {
    "namespace": [
      "x86_64",
      "blas_lapack"
    ]
  },
  "variants": {
    "null": {},
    "v3": {
      "blas_lapack": {
        "p": [
          "a",
          "b"
        ]
      },
      "x86_64": {
        "level": [
          "v3"
        ]
      }
    }
  }
}
"""
        )

    @settings(max_examples=50 * SCALE)
    @given(variant_tables())
    def test_reads_back_as_it_was(self, table: VariantTable) -> None:
        assert parse_variant_table(render_variant_table(table), strict=True) == table


class TestSchema020:
    """PEP 850: `providers` beside them."""

    def test_has_a_provider_for_every_namespace(self) -> None:
        document = variant_document(TABLE, schema="0.2.0")
        assert document["$schema"] == "https://variants-schema.wheelnext.dev/v0.2.0.json"
        assert document["providers"] == {
            "x86_64": {"requires": ["x>=1"], "plugin-api": "x:X", "optional": True},
            "blas_lapack": {
                "static-properties": {"q": ["1"], "p": ["b", "a"]},
                "feature-order": ["q", "p"],
            },
        }

    @settings(max_examples=200 * SCALE)
    @given(variant_tables(with_providers=True))
    def test_reads_back_as_it_was_and_variantlib_finds_the_same(self, table: VariantTable) -> None:
        text = render_variant_table(table, schema="0.2.0")
        assert parse_variant_table(text, strict=True) == table
        variants_json = pytest.importorskip("variantlib.variants_json")
        found = variants_json.VariantsJson(json.loads(text))
        assert tuple(found.namespace_priorities) == table.namespaces
        assert {
            label: {(p.namespace, p.feature, p.value) for p in description.properties}
            for label, description in found.variants.items()
        } == {label: set(map(tuple, properties)) for label, properties in table.variants.items()}
        for namespace, info in table.providers.items():
            theirs = found.providers[namespace]
            assert tuple(theirs.requires) == info.requires
            assert theirs.plugin_api == info.plugin_api
            assert theirs.optional == info.optional
            assert theirs.builtin == info.builtin
            order = theirs.feature_order or list(theirs.static_properties)
            static = tuple((name, tuple(theirs.static_properties[name])) for name in order)
            assert static == tuple((name, values) for name, values, _ in info.static or ())


class TestWhatCannotBeSaid:
    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (
                VariantTable(namespaces=("a",), variants={}, spoiled={"x": "variants.x: is empty"}),
                "variants.x: is empty",
            ),
            (
                VariantTable(namespaces=(), variants={}),
                "default-priorities.namespace: is empty",
            ),
            (
                VariantTable(
                    namespaces=("a",),
                    variants={"x": frozenset({Property("abi_dependency", "torch", "2.9")})},
                ),
                "variants.x.abi_dependency: is not in `default-priorities.namespace`",
            ),
            (
                VariantTable(namespaces=("a",), variants={}, feature_order={"a": ("b",)}),
                "default-priorities.feature: cannot be said in schema 0.2.0",
            ),
            (
                VariantTable(namespaces=("a",), variants={}, value_order={("a", "b"): ("c",)}),
                "default-priorities.property: cannot be said in schema 0.2.0",
            ),
            (VariantTable(namespaces=("a",), variants={}), "providers.a: is missing"),
            (
                VariantTable(
                    namespaces=("a",),
                    variants={},
                    providers={"a": ProviderInfo(requires=("x",), enable_if="os_name == 'nt'")},
                ),
                "providers.a.enable-if: cannot be said in schema 0.2.0",
            ),
            (
                VariantTable(namespaces=("a",), variants={}, providers={"a": ProviderInfo()}),
                "providers.a: needs one of `requires`, `static-properties`, `builtin`",
            ),
            (
                VariantTable(namespaces=("a",), variants={}, providers={"b": ProviderInfo()}),
                "providers.b: is not in `default-priorities.namespace`",
            ),
        ],
    )
    def test_is_an_error_and_never_left_out(self, table: VariantTable, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            render_variant_table(table, schema="0.2.0")
        assert caught.value.message == message


def test_a_document_of_an_old_generation_can_be_repeated_as_it_is() -> None:
    text = (
        '{"variants": {"a": {}}, "default-priorities": {"namespace": ["x"], "feature": {}},'
        ' "providers": {"x": {"install-time": false}}}'
    )
    table = parse_variant_table(text)
    assert json.loads(render_variant_document(table.document)) == json.loads(text)
