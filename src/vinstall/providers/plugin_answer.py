"""NamespaceSupport ← what a plugin answered.  Spec: PEP 817 "Variant feature config class"."""

from __future__ import annotations

import re

from vinstall.errors import FormatError
from vinstall.formats.json_object import as_object, as_string, as_strings, parse_json_object
from vinstall.formats.support import FeatureSupport, NamespaceSupport
from vinstall.pattern import pattern

_FEATURE = pattern(r"[a-z0-9_]{1,128}", re.ASCII)
_VALUE = pattern(r"[a-z0-9_.]{1,128}", re.ASCII)
_MOST_FEATURES = 500
_MOST_VALUES = 1000
_LONGEST_ERROR = 200


def parse_plugin_answer(content: bytes, namespace: str) -> NamespaceSupport:
    """The features in the answer of the plugin script, in the plugin's order.

    A feature with no values is left out: nothing of it is supported.  Raises FormatError for
    everything that is no proper answer for `namespace`; its message completes "the plugin ...".
    """
    if not content:
        raise FormatError("ended without an answer")
    try:
        return _parse(content, namespace)
    except FormatError as error:
        raise FormatError(f"answered with nonsense: {error.message}") from error
    except _Failure as error:
        raise FormatError(f"failed: {error}") from error


class _Failure(Exception):
    """The plugin raised."""


def _parse(content: bytes, namespace: str) -> NamespaceSupport:
    document = parse_json_object(content)
    if "error" in document:
        raise _Failure(plain(str(document["error"])))
    named = document.get("namespace")
    if named is not None and named != namespace:
        raise FormatError(f"it is for the namespace `{plain(str(named))}`")
    listed = document.get("features")
    if not isinstance(listed, list):
        raise FormatError("is not a list", path="features")
    if len(listed) > _MOST_FEATURES:
        raise FormatError(f"has more than {_MOST_FEATURES} items", path="features")
    features = [_feature(item, f"features.{place}") for place, item in enumerate(listed)]
    names = [feature.name for feature in features]
    if len(set(names)) != len(names):
        raise FormatError("lists a feature more than once", path="features")
    return tuple(feature for feature in features if feature.values)


def _feature(item: object, path: str) -> FeatureSupport:
    feature = as_object(item, path)
    name = as_string(feature.get("name"), f"{path}.name")
    if _FEATURE.fullmatch(name) is None:
        raise FormatError(f"has the invalid name `{plain(name)}`", path=path)
    values = as_strings(feature.get("values"), f"{path}.values", _VALUE)
    if len(values) > _MOST_VALUES:
        raise FormatError(f"has more than {_MOST_VALUES} items", path=f"{path}.values")
    return FeatureSupport(name, values, multi_value=feature.get("multi_value") is True)


def plain(text: str) -> str:
    """One short line of `text` without anything that moves a cursor: it comes from a stranger."""
    line = " ".join(text.split())
    shown = "".join(character for character in line if character.isprintable())
    return shown if len(shown) <= _LONGEST_ERROR else f"{shown[:_LONGEST_ERROR]}..."
