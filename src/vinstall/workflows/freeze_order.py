"""The order of requirements files for what is frozen, their comments and options kept.

Spec: pip's documentation of `pip freeze --requirement`, and what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from packaging.utils import NormalizedName

from vinstall.errors import FormatError, UsageError
from vinstall.formats.requirement import shown_requirement
from vinstall.formats.requirement_line import (
    RequirementLine,
    asks_for_something,
    parse_requirement_line,
)
from vinstall.formats.requirements_file import decode_requirements, logical_lines
from vinstall.observer import Observer

ADDED = "## The following requirements were added by pip freeze:"
"""pip's words: there are programs that look for them."""

_Frozen = TypeVar("_Frozen")


class OrderFile(NamedTuple):
    """A requirements file that gives the order."""

    name: str
    """As given, for messages."""
    content: bytes


class _Asked(NamedTuple):
    """A requirement of a file."""

    line: RequirementLine
    number: int
    text: str


def arrange(
    files: Sequence[OrderFile],
    frozen: Mapping[NormalizedName, _Frozen],
    *,
    adds: Callable[[NormalizedName], bool],
    observer: Observer,
) -> Iterator[str | _Frozen]:
    """What `files` list, in their order; texts are lines of theirs, which stay as they are.

    Then pip's headline, and in the order of `frozen` whatever was not listed and `adds` admits.
    A comment, an option or an empty line that stands there several times is kept once (pip).
    Raises UsageError naming file and line.
    """
    left = dict(frozen)
    places: dict[NormalizedName, list[str]] = {}
    kept: set[str] = set()
    for file in files:
        for found in _read(file):
            if isinstance(found, str):
                if found not in kept:
                    kept.add(found)
                    yield found
                continue
            name = found.line.name
            if name is None:
                observer.warning(
                    f"`{file.name}` line {found.number} is left out: it names no project",
                    hint="write `NAME @ URL`",
                )
            elif name in left:
                places[name] = [file.name]
                yield left.pop(name)
            elif name in places:
                places[name].append(file.name)
            else:
                shown = shown_requirement(found.text)
                observer.warning(f"`{file.name}` lists `{shown}`, and `{name}` is not installed")
    for name, named in places.items():
        if len(named) > 1:
            among = ", ".join(f"`{one}`" for one in sorted(set(named)))
            observer.warning(f"`{name}` is listed several times, in {among}")
    yield ADDED
    yield from (one for name, one in left.items() if adds(name))


def _read(file: OrderFile) -> Iterator[str | _Asked]:
    """The lines of a file: those that ask for something read, all others as they are."""
    try:
        text = decode_requirements(file.content)
    except FormatError as error:
        raise _placed(error, f"in `{file.name}`") from error
    asking = dict(logical_lines(text))
    number = 0
    physical = text.splitlines()
    while number < len(physical):
        line, number = physical[number], number + 1
        asked = asking.get(number)
        if asked is None or not asks_for_something(asked):
            yield line.rstrip()
            continue
        first = number
        while number < len(physical) and _goes_on(physical[number - 1]):
            number += 1
        try:
            yield _Asked(parse_requirement_line(asked), first, asked)
        except FormatError as error:
            raise _placed(error, f"in `{file.name}`, line {first}") from error


def _goes_on(line: str) -> bool:
    return line.endswith("\\") and not line.lstrip().startswith("#")


def _placed(error: FormatError, place: str) -> UsageError:
    return UsageError(error.message, context=(*error.context, place), hint=error.hint)
