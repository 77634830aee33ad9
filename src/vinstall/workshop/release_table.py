"""The variants of a release from those of its wheels, and their documents.  Spec: PEP 825 "Metadata consistency"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from vinstall.errors import FormatError
from vinstall.formats.variant_document import (
    Schema,
    render_variant_document,
    render_variant_table,
)
from vinstall.formats.variant_json import VariantTable, combine, parse_variant_table


def combine_wheels(tables: Sequence[tuple[str, VariantTable]]) -> VariantTable:
    """The tables of a release's wheels as one; each comes with the wheel's name, one at least.

    Raises FormatError with the names of two wheels that contradict each other as its context.
    """
    try:
        return reduce(combine, (table for _, table in tables))
    except FormatError:
        # Rare, so the pair at fault is looked for only now: contradictions are between two.
        for number, (name, table) in enumerate(tables):
            for other, earlier in tables[:number]:
                try:
                    combine(earlier, table)
                except FormatError as error:
                    raise FormatError(error.message, context=(other, name)) from error
        raise


def writable_schema(table: VariantTable) -> Schema | None:
    """The newest schema that can say all of `table`; None where no current one can."""
    if table.feature_order or table.value_order:
        return None
    if not table.providers:
        return "0.1.1"
    whole = set(table.namespaces) == set(table.providers)
    current = all(
        provider.enable_if is None
        and [
            bool(provider.requires),
            provider.static is not None,
            provider.builtin is not None,
        ].count(True)
        == 1
        for provider in table.providers.values()
    )
    return "0.2.0" if whole and current else None


def render_table(table: VariantTable) -> bytes:
    """`variant.json` or `-variants.json` in a current schema, else in the one it was read from.

    Read back strictly before it is used; raises FormatError where it cannot be.
    """
    schema = writable_schema(table)
    text = (
        render_variant_document(table.document)
        if schema is None
        else render_variant_table(table, schema=schema)
    )
    parse_variant_table(text, strict=True)
    return text.encode()
