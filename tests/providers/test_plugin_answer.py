"""What a plugin answered, read with suspicion."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.errors import FormatError
from vinstall.formats.support import FeatureSupport
from vinstall.providers.plugin_answer import parse_plugin_answer, plain

NAMES = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)
VALUES = st.from_regex(r"[a-z0-9_.]{1,12}", fullmatch=True)


def read(features: Any, **others: Any) -> Any:
    """The features of a document with these."""
    content = json.dumps({"features": features, **others}).encode()
    return parse_plugin_answer(content, "acme")


@given(st.dictionaries(NAMES, st.tuples(st.lists(VALUES, unique=True, max_size=4), st.booleans())))
def test_a_proper_answer_is_read_whole_without_empty_features(
    features: dict[str, tuple[list[str], bool]],
) -> None:
    document = [
        {"name": name, "values": values, "multi_value": multi}
        for name, (values, multi) in features.items()
    ]
    assert read(document, namespace="acme") == tuple(
        FeatureSupport(name, tuple(values), multi)
        for name, (values, multi) in features.items()
        if values
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(JSON, JSON, JSON)
def test_anything_else_is_refused_or_well_formed(name: Any, values: Any, document: Any) -> None:
    for features in ([{"name": name, "values": values}], document):
        try:
            found = read(features, namespace=None)
        except FormatError as error:
            assert error.message.startswith("answered with nonsense: ")  # noqa: PT017
        else:
            assert all(feature.name and feature.values for feature in found)


@given(st.binary(max_size=40))
def test_random_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        parse_plugin_answer(content, "acme")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ended without an answer"),
        (b"{}", "answered with nonsense: features: is not a list"),
        (b"[]", "answered with nonsense: the document is not a JSON object"),
        (b'{"features": []}{}', "answered with nonsense: the document is not valid JSON"),
        (b'{"error": "ValueError: x"}', "failed: ValueError: x"),
        (
            b'{"features": [], "namespace": ["acme"]}',
            "answered with nonsense: it is for the namespace `['acme']`",
        ),
        (
            b'{"features": [{"values": []}]}',
            "answered with nonsense: features.0.name: is not a string",
        ),
        (
            b'{"features": [{"name": "a", "values": "b"}]}',
            "answered with nonsense: features.0.values: is not a list of strings",
        ),
        (b'{"features": [[]]}', "answered with nonsense: features.0: is not a JSON object"),
    ],
)
def test_the_fault_is_named(content: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_plugin_answer(content, "acme")
    assert caught.value.message == message


@given(st.text())
def test_a_strangers_text_is_one_short_printable_line(text: str) -> None:
    line = plain(text)
    assert line.isprintable()
    assert len(line) <= 203


def test_a_long_text_is_cut() -> None:
    assert plain("x" * 300) == "x" * 200 + "..."
