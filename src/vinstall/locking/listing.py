"""Which wheels of a release a lock lists, and the metadata of their labels.  Spec: PEP 825."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from vinstall.formats.pylock import LockedFile
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable, read_variant_table
from vinstall.formats.wheel_name import NULL_LABEL, split_label


def plain_if_any(wheels: list[RemoteFile]) -> list[RemoteFile]:
    """The wheels without a label; all of `wheels` where there is none."""
    plain = [file for file in wheels if split_label(file.filename)[1] is None]
    return plain or wheels


def explained(
    wheels: Iterable[RemoteFile], table: VariantTable | None, chosen: Collection[str]
) -> list[RemoteFile]:
    """The wheels whose labels `table` knows, those without a label, and the files `chosen`.

    PEP 825: a lock has an entry for every label that occurs in it.  Null needs none, but where no
    table was used, no variant was wanted.
    """
    known = {None, *(split_label(name)[1] for name in chosen)}
    if table is not None:
        known |= {NULL_LABEL, *table.variants}
    return [file for file in wheels if split_label(file.filename)[1] in known]


def listed_variants(
    table: VariantTable | None, wheels: Iterable[LockedFile]
) -> VariantTable | None:
    """The table for the labels listed (PEP 825: every one that occurs, in full)."""
    labels = {split_label(wheel.name)[1] for wheel in wheels}
    if table is None or labels <= {None}:
        return None
    document = _without_nulls(dict(table.document))
    variants = document.get("variants")
    if isinstance(variants, dict):
        document["variants"] = {name: variants[name] for name in sorted(variants) if name in labels}
    return read_variant_table(document)


def _without_nulls(value: dict[str, object]) -> dict[str, object]:
    """TOML has no null; where JSON has one, nothing is said."""
    return {
        key: _without_nulls(inner) if isinstance(inner, dict) else inner
        for key, inner in value.items()
        if inner is not None
    }
