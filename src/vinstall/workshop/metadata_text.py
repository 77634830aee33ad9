"""Edits of METADATA's header lines that leave every other byte as it is.  Spec: core metadata."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError

_PROJECT = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_FIELD = re.compile(rb"([A-Za-z-]+)[ \t]*:[ \t]*")


def rename_project(text: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    """METADATA with `name` as its Name, and a sentence for each line changed.

    A Requires-Dist of the project on itself (`name[extra]`) would otherwise bring the old project
    back, so it is renamed too.  Raises FormatError where there is no Name.
    """
    fields = _fields(text)
    old = next((_value(field) for field in fields if _key(field) == b"name"), None)
    if old is None:
        raise FormatError("METADATA has no Name")
    project = canonicalize_name(old)
    changes: list[str] = []

    def renamed(field: bytes) -> bytes:
        value = _value(field)
        if _key(field) == b"name":
            changes.append(f"METADATA: Name `{value}` is now `{name}`")
            return _with_value(field, name)
        match = _PROJECT.match(value)
        if _key(field) != b"requires-dist" or not match or canonicalize_name(match[1]) != project:
            return field
        new = name + value[match.end() :]
        changes.append(f"METADATA: Requires-Dist `{value}` is now `{new}`")
        return _with_value(field, new)

    return _edited(text, fields, renamed), tuple(changes)


def drop_requirements(text: bytes, names: Iterable[str]) -> tuple[bytes, tuple[str, ...]]:
    """METADATA without the Requires-Dist lines on these projects, and a sentence for each line.

    Raises FormatError for a project that no line is on.
    """
    wanted = {canonicalize_name(name) for name in names}
    found: set[NormalizedName] = set()
    changes: list[str] = []

    def kept(field: bytes) -> bytes:
        match = _PROJECT.match(_value(field)) if _key(field) == b"requires-dist" else None
        if match is None or canonicalize_name(match[1]) not in wanted:
            return field
        found.add(canonicalize_name(match[1]))
        changes.append(f"METADATA: Requires-Dist `{_value(field)}` is gone")
        return b""

    edited = _edited(text, _fields(text), kept)
    if missing := sorted(wanted - found):
        raise FormatError(
            f"METADATA has no Requires-Dist on `{missing[0]}`, so it cannot be dropped"
        )
    return edited, tuple(changes)


def add_requirements(text: bytes, requirements: Iterable[str]) -> tuple[bytes, tuple[str, ...]]:
    """METADATA with one Requires-Dist more for each requirement, after the last header line."""
    fields = _fields(text)
    header = b"".join(fields)
    newline = b"\r\n" if b"\r\n" in header else b"\n"
    lines = [f"Requires-Dist: {requirement}" for requirement in requirements]
    added = b"".join(line.encode() + newline for line in lines)
    start = header if header.endswith((b"\n", b"\r")) or not header else header + newline
    changes = tuple(f"METADATA: {line} is new" for line in lines)
    return start + added + text[len(header) :], changes


def _fields(text: bytes) -> list[bytes]:
    """The header's fields, each with its continuation lines and line ends; the body is not among them."""
    fields: list[bytes] = []
    for line in text.splitlines(keepends=True):
        if not line.strip(b"\r\n"):
            break
        if line[:1] in b" \t" and fields:
            fields[-1] += line
        else:
            fields.append(line)
    return fields


def _edited(text: bytes, fields: list[bytes], edit: Callable[[bytes], bytes]) -> bytes:
    body = text[sum(map(len, fields)) :]
    return b"".join(edit(field) for field in fields) + body


def _key(field: bytes) -> bytes:
    match = _FIELD.match(field)
    return match[1].lower() if match else b""


def _value(field: bytes) -> str:
    match = _FIELD.match(field)
    return " ".join(field[match.end() if match else 0 :].decode("utf-8", "replace").split())


def _with_value(field: bytes, value: str) -> bytes:
    key, separator, _ = field.partition(b":")
    end = field[len(field.rstrip(b"\r\n")) :]
    return key + separator + b" " + value.encode() + end
