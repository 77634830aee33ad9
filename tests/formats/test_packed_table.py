"""Variant tables as they are kept in the cache."""

from __future__ import annotations

import json
import marshal
from pathlib import Path

from hypothesis import given

from tests.formats.strategies import variant_tables
from vinstall.formats.packed_table import pack_table, unpack_table
from vinstall.formats.variant_json import VariantTable, parse_variant_table
from vinstall.values import field_names


def again(table: VariantTable) -> VariantTable:
    """As it is after it was packed, written, read and unpacked."""
    return unpack_table(marshal.loads(marshal.dumps(pack_table(table))))


def assert_same(one: VariantTable, other: VariantTable) -> None:
    """In every field, those that `==` does not look at included, and in the order of keys."""
    for name in field_names(one) or ():
        assert getattr(one, name) == getattr(other, name)
    assert json.dumps(one.document) == json.dumps(other.document)
    assert list(one.variants) == list(other.variants)


@given(variant_tables(with_providers=True))
def test_nothing_is_lost(table: VariantTable) -> None:
    assert_same(again(table), table)


def test_a_table_with_faults_keeps_them() -> None:
    table = parse_variant_table(
        json.dumps(
            {
                "$schema": "https://variants-schema.example/v0.2.0.json",
                "default-priorities": {"namespace": ["a", "b"]},
                "providers": {
                    "a": {"static-properties": {"x": ["2", "1"]}, "feature-order": ["x"]},
                    "b": {"requires": [7]},
                },
                "variants": {"one": {"a": {"x": ["1"]}}, "two": {"b": {"y": ["1"]}}, "?": {}},
                "more": 1.5,
            }
        )
    )
    assert table.spoiled.keys() == {"two", "?"}
    assert table.ignored == ("more",)
    assert table.providers["a"].static is not None
    assert_same(again(table), table)


def test_real_documents(shared_data: Path) -> None:
    found = sorted(shared_data.rglob("*-variants.json"))[:40]
    assert found
    for path in found:
        table = parse_variant_table(path.read_bytes())
        assert_same(again(table), table)


def test_a_document_that_repeats_keys_is_not_packed() -> None:
    table = parse_variant_table(
        '{"default-priorities": {"namespace": ["a"]},'
        ' "variants": {"one": {}, "one": {"a": {"b": ["c"]}}, "two": {"a": {"b": ["c"]}}}}'
    )
    assert table.spoiled == {"one": "variants.one: is listed more than once"}
    assert pack_table(table) is None
