"""TOML from outside → plain tables, and the checks its readers share.  Spec: TOML 1.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from vinstall.errors import FormatError
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.formats.version_set import parse_version_set


def parse_toml(data: bytes | str) -> dict[str, Any]:
    """The top table of a TOML text.  Raises FormatError."""
    import tomllib

    try:
        return tomllib.loads(data if isinstance(data, str) else data.decode("utf-8-sig"))
    except RecursionError as error:
        raise FormatError("the text is nested too deeply") from error
    except ValueError as error:
        raise FormatError("the text is not valid TOML", context=(str(error),)) from error


def table_at(table: Mapping[str, Any], key: str, path: str) -> dict[str, Any]:
    """The table under `key`; empty where there is none.  Raises FormatError with `path`."""
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise FormatError("is not a table", path=path)
    return value


def string_at(table: Mapping[str, Any], key: str, path: str) -> str | None:
    """The string under `key`, or None.  Raises FormatError with `path`."""
    value = table.get(key)
    if value is None or isinstance(value, str):
        return value
    raise FormatError("is not a string", path=path)


def strings_at(table: Mapping[str, Any], key: str, path: str) -> tuple[str, ...]:
    """The strings listed under `key`; none where it is missing.  Raises FormatError with `path`."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FormatError("is not a list of strings", path=path)
    return tuple(value)


def requirements_at(table: Mapping[str, Any], key: str, path: str) -> tuple[Requirement, ...]:
    """The requirements listed under `key`.  Raises FormatError with `path`."""
    return tuple(requirement_in(text, path) for text in strings_at(table, key, path))


def requirement_in(text: str, path: str) -> Requirement:
    """`text` as a requirement.  Raises FormatError with `path`."""
    try:
        return parse_requirement(text)
    except FormatError as error:
        raise FormatError(
            error.message, path=path, context=error.context, hint=error.hint
        ) from error


def specifier_at(table: Mapping[str, Any], key: str, path: str) -> SpecifierSet | None:
    """The set of versions under `key`, or None.  Raises FormatError with `path`."""
    value = string_at(table, key, path)
    try:
        return None if value is None else parse_version_set(value)
    except InvalidSpecifier as error:
        raise FormatError(f"`{value}` is no set of versions", path=path) from error
