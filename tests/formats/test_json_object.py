"""JSON at the door: hostile documents become a FormatError, nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.errors import FormatError
from vinstall.formats.json_object import RepeatedKeys, as_object, parse_json_object, united

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


class TestParsing:
    """RFC 8259, with what it leaves open decided."""

    @given(st.dictionaries(st.text(max_size=3), _json, max_size=4))
    def test_a_plain_document_is_read_as_the_standard_library_reads_it(
        self, document: dict[str, Any]
    ) -> None:
        assert parse_json_object(json.dumps(document)) == document

    def test_a_byte_order_mark_is_skipped(self) -> None:
        assert parse_json_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}

    def test_repeated_keys_are_marked_with_their_last_value(self) -> None:
        inner = parse_json_object('{"x": {"a": 1, "b": 2, "a": 3}}')["x"]
        assert isinstance(inner, RepeatedKeys)
        assert (dict(inner), inner.repeated) == ({"a": 3, "b": 2}, ("a",))

    def test_a_repeated_key_is_named_where_the_object_is_read(self) -> None:
        with pytest.raises(FormatError) as caught:
            as_object(parse_json_object('{"x": {"a": 1, "a": 3}}')["x"], "x")
        assert caught.value.message == "x: lists `a` more than once"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"\xff{}", "the document is not valid JSON"),
            ("{", "the document is not valid JSON"),
            ('{"a": NaN}', "the document is not valid JSON"),
            ('{"a": ' + "9" * 5000 + "}", "the document is not valid JSON"),
            ("[]", "the document is not a JSON object"),
            ('{"a":' * 16 + "1" + "}" * 16 + " ", None),
            ('{"a":' * 17 + "1" + "}" * 17, "the document is nested deeper than 16 levels"),
            ('{"a":' * 100_000, "the document is nested deeper than 16 levels"),
            (b" " * (16 * 1024 * 1024 + 1), "the document is larger than 16 MiB"),
        ],
        ids=["bytes", "cut", "nan", "digits", "list", "deep", "deeper", "deepest", "large"],
    )
    def test_hostile_documents_are_refused(self, text: bytes | str, message: str | None) -> None:
        parse: Callable[[], object] = lambda: parse_json_object(text)  # noqa: E731
        if message is None:
            assert parse()
            return
        with pytest.raises(FormatError) as caught:
            parse()
        assert caught.value.message == message


class TestUnited:
    """Two documents that agree as one."""

    def test_keys_are_united_and_the_longer_list_is_kept(self) -> None:
        first: dict[str, object] = {"a": {"x": [1]}, "b": [1, 2], "c": "mine"}
        second: dict[str, object] = {"a": {"y": [2]}, "b": [1, 2, 3], "c": "other", "d": 1}
        assert united(first, second) == {
            "a": {"x": [1], "y": [2]},
            "b": [1, 2, 3],
            "c": "mine",
            "d": 1,
        }
