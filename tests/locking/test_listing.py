"""Which wheels of a release a lock lists."""

from __future__ import annotations

import pytest

from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import parse_variant_table
from vinstall.locking.listing import explained, plain_if_any

TABLE = parse_variant_table(
    '{"$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",'
    ' "default-priorities": {"namespace": ["x86_64"]},'
    ' "variants": {"v3": {"x86_64": {"level": ["v3"]}}}}'
)
FILES = ["a-1-py3-none-any.whl", "a-1-py3-none-any-null.whl", "a-1-py3-none-any-v3.whl"]
UNKNOWN = "a-1-py3-none-any-v4.whl"


def wheels(*names: str) -> list[RemoteFile]:
    """Files of an index."""
    return [RemoteFile(filename=name, url=f"https://index.example/{name}") for name in names]


def names(files: list[RemoteFile]) -> list[str]:
    """Their names."""
    return [file.filename for file in files]


class TestExplained:
    """PEP 825: "The entry for every label that does occur MUST be retained"."""

    def test_what_the_table_knows_and_null_and_plain_wheels(self) -> None:
        assert names(explained(wheels(*FILES, UNKNOWN), TABLE, ())) == FILES

    @pytest.mark.parametrize(
        ("chosen", "kept"),
        [(FILES[0], FILES[:1]), (FILES[1], FILES[:2]), (UNKNOWN, [FILES[0], UNKNOWN])],
    )
    def test_without_a_table_what_was_chosen_and_plain_wheels(
        self, chosen: str, kept: list[str]
    ) -> None:
        assert names(explained(wheels(*FILES, UNKNOWN), None, {chosen})) == kept


def test_plain_wheels_alone_where_there_are_any() -> None:
    assert names(plain_if_any(wheels(*FILES))) == FILES[:1]
    assert names(plain_if_any(wheels(*FILES[1:]))) == FILES[1:]
