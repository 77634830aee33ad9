"""ScriptMetadata ← the `# /// script` block of a Python script.  Spec: PEP 723."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.specifiers import SpecifierSet

from vinstall.errors import FormatError
from vinstall.formats.requirement import Requirement
from vinstall.formats.toml_document import parse_toml, requirements_at, specifier_at, table_at
from vinstall.pattern import pattern
from vinstall.values import field, frozen

_START = pattern(r"# /// ([A-Za-z0-9-]+)", re.ASCII)
_END = "# ///"


@frozen
class ScriptMetadata:
    """What a script says it needs."""

    requires_python: SpecifierSet | None = None
    dependencies: tuple[Requirement, ...] = ()
    tool: Mapping[str, Any] = field(default_factory=dict)
    """The table `[tool]`."""


def parse_script_metadata(data: bytes | str) -> ScriptMetadata:
    """What the one `script` block of a Python script says.

    Raises FormatError where there is none, or more than one, or its text does not parse.
    """
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except ValueError as error:
            raise FormatError("the script is not valid UTF-8") from error
    blocks = [content for kind, content in _blocks(data) if kind == "script"]
    if not blocks:
        raise FormatError("the script has no `# /// script` block", hint="PEP 723 shows its form")
    if len(blocks) > 1:
        raise FormatError("the script has more than one `# /// script` block")
    document = parse_toml(blocks[0])
    return ScriptMetadata(
        requires_python=specifier_at(document, "requires-python", "requires-python"),
        dependencies=requirements_at(document, "dependencies", "dependencies"),
        tool=table_at(document, "tool", "tool"),
    )


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """(type, content) of every block.

    A block is a run of comment lines, from its first line to the last line of the run that can
    end it; without such a line it is no block.
    """
    lines = text.splitlines()
    position = 0
    while position < len(lines):
        start = _START.fullmatch(lines[position])
        position += 1
        if start is None:
            continue
        end = position
        while end < len(lines) and (lines[end] == "#" or lines[end].startswith("# ")):
            end += 1
        run = lines[position:end]
        if _END not in run:
            # Nor can another block that starts in this run be ended.
            position = end
            continue
        length = len(run) - 1 - run[::-1].index(_END)
        yield start[1], "\n".join(line[2:] for line in run[:length])
        position += length + 1
