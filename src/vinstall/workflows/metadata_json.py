"""Core metadata as the JSON object that installation reports hold.  Spec: PEP 566, "JSON-compatible Metadata"."""

from __future__ import annotations

from typing import TypeAlias

JsonMetadata: TypeAlias = dict[str, "str | list[str]"]

_REPEATED = frozenset(
    {
        "classifier",
        "dynamic",
        "import-name",
        "import-namespace",
        "license-file",
        "obsoletes",
        "obsoletes-dist",
        "platform",
        "project-url",
        "provides",
        "provides-dist",
        "provides-extra",
        "requires",
        "requires-dist",
        "requires-external",
        "supported-platform",
    }
)
"""Fields that may stand several times; always lists."""


def metadata_json(text: bytes) -> JsonMetadata:
    """The fields of a METADATA file: names in lower case with `_`, repeated ones as lists.

    `keywords` is split at commas, or at white space where there is none; the body of the file is
    `description` unless a field of that name stands.
    """
    from email.parser import Parser
    from email.policy import compat32

    message = Parser(policy=compat32).parsestr(text.decode("utf-8", "replace"))
    result: JsonMetadata = {}
    for key, value in message.items():
        name = key.lower()
        field = name.replace("-", "_")
        if name in _REPEATED:
            items = result.setdefault(field, [])
            if isinstance(items, list):
                items.append(value)
        elif name == "keywords":
            result[field] = _keywords(value)
        elif field not in result:
            result[field] = value
    body = message.get_payload()
    if isinstance(body, str) and body and "description" not in result:
        result["description"] = body
    return result


def _keywords(text: str) -> list[str]:
    parts = text.split(",") if "," in text else text.split()
    return [part.strip() for part in parts]
