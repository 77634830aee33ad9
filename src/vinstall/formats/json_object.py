"""JSON from outside → plain objects, with the caps and marks a careful reader needs.  Spec: RFC 8259.

What the standard leaves to the reader is decided here: a key that stands twice is marked, constants
that are not JSON (`NaN`) are refused, and so is a document nested deeper or written longer than any
real one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NoReturn

from vinstall.errors import FormatError

_MARK = b"\xef\xbb\xbf"
"""What some editors put in front of UTF-8."""
_MAX_DEPTH = 16
_MAX_LENGTH = 16 * 1024 * 1024


class RepeatedKeys(dict[str, Any]):
    """An object in which keys stand more than once; it holds the last value of each."""

    __slots__ = ("repeated",)

    repeated: tuple[str, ...]


def parse_json_object(text: bytes | str) -> dict[str, Any]:
    """The JSON object in `text`; objects with repeated keys inside it are `RepeatedKeys`.

    Raises FormatError for anything else, more than 16 Mi characters or 16 levels.
    """
    import json

    if len(text) > _MAX_LENGTH:
        raise FormatError("the document is larger than 16 MiB")
    try:
        if isinstance(text, bytes):
            text = text.removeprefix(_MARK).decode()
        document = json.loads(text, object_pairs_hook=_object_of, parse_constant=_refuse)
    except RecursionError as error:
        raise FormatError(f"the document is nested deeper than {_MAX_DEPTH} levels") from error
    except ValueError as error:
        raise FormatError("the document is not valid JSON", context=(str(error),)) from error
    if not isinstance(document, dict):
        raise FormatError("the document is not a JSON object")
    _check_depth(document)
    return document


def as_object(value: object, path: str) -> dict[str, Any]:
    """`value`, which has to be an object without repeated keys.  Raises FormatError with `path`."""
    if not isinstance(value, dict):
        raise FormatError("is not a JSON object", path=path)
    if isinstance(value, RepeatedKeys):
        raise FormatError(f"lists `{value.repeated[0]}` more than once", path=path)
    return value


def as_string(value: object, path: str) -> str:
    """`value`, which has to be a string.  Raises FormatError with `path`."""
    if not isinstance(value, str):
        raise FormatError("is not a string", path=path)
    return value


def as_strings(value: object, path: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    """`value`, which has to be a list of distinct strings that match `pattern` as a whole.

    Raises FormatError with `path`.
    """
    if not isinstance(value, list):
        raise FormatError("is not a list of strings", path=path)
    for item in value:
        if not isinstance(item, str):
            raise FormatError("is not a list of strings", path=path)
        if pattern.fullmatch(item) is None:
            raise FormatError(f"has the invalid item `{item}`", path=path)
    if len(set(value)) != len(value):
        raise FormatError("lists an item more than once", path=path)
    return tuple(value)


def united(first: Mapping[str, object], second: Mapping[str, object]) -> dict[str, object]:
    """Both objects as one, key by key; of two lists the longer, of other values `first`'s."""
    result = {**second, **first}
    for key in first.keys() & second.keys():
        mine, other = first[key], second[key]
        if isinstance(mine, Mapping) and isinstance(other, Mapping):
            result[key] = united(mine, other)
        elif isinstance(mine, list) and isinstance(other, list):
            result[key] = max(mine, other, key=len)
    return result


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    marked = RepeatedKeys(plain)
    counts = Counter(key for key, _ in pairs)
    marked.repeated = tuple(key for key, count in counts.items() if count > 1)
    return marked


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is no JSON value")


def _check_depth(document: dict[str, Any]) -> None:
    level: list[Any] = [document]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise FormatError(f"the document is nested deeper than {_MAX_DEPTH} levels")
