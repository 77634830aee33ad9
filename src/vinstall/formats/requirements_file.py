"""RequirementsFile ← a requirements file and all it refers to.  Spec: pip, "Requirements File Format".

The caller's loader gives the bytes, the caller the environment: nothing is read here.  A
`pyproject.toml` and a Python script stand for the dependencies they declare (PEP 621, PEP 723).
"""

from __future__ import annotations

import codecs
import os.path
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import urljoin

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from vinstall.errors import FormatError
from vinstall.formats.file_options import FileOptions, with_option
from vinstall.formats.option_line import parse_options
from vinstall.formats.pyproject import parse_pyproject, requirements_with_extras
from vinstall.formats.requirement import Requirement, render_requirement, shown_requirement
from vinstall.formats.requirement_line import (
    RequirementLine,
    asks_for_something,
    parse_requirement_line,
)
from vinstall.formats.script_metadata import parse_script_metadata
from vinstall.pattern import pattern
from vinstall.values import field, frozen, replace

Load: TypeAlias = Callable[[str], bytes]
"""The bytes at a path or URL; raises a VinstallError that names it."""

_SCHEME = pattern(r"(?:https?|file):", re.IGNORECASE)
_REMOTE = pattern(r"https?:", re.IGNORECASE)
_COMMENT = pattern(r"(?:^|\s)#.*$")
_VARIABLE = pattern(r"\$\{([A-Z0-9_]+)\}")
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # The mark of UTF-16 is the beginning of that of UTF-32, so the longer ones come first.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LOCK = pattern(r"pylock(?:\.[^./]+)?\.toml")
_MAX_DEPTH = 40


@frozen
class RequirementsFile:
    """What one file and the files it names ask for, in the order written."""

    requirements: tuple[RequirementLine, ...] = ()
    constraints: tuple[RequirementLine, ...] = ()
    options: FileOptions = field(default_factory=FileOptions)
    pythons: tuple[tuple[str, SpecifierSet], ...] = ()
    """(script, the Python it needs) of each script that says so (PEP 723)."""


def parse_requirements_file(
    location: str,
    load: Load,
    *,
    environment: Mapping[str, str],
    constraint: bool = False,
    extras: frozenset[NormalizedName] = frozenset(),
) -> RequirementsFile:
    """The file at `location`, a path or URL, and every file it refers to, relative to itself.

    `environment` fills in `${NAME}`; `constraint`: the file was named with `-c`; `extras` are
    those of a `pyproject.toml`.  Raises FormatError naming file and line, and what `load` raises.
    Calls `load` once per reference.
    """
    reader = _Reader(load, environment, extras)
    reader.read(location, constraint=constraint, inside=())
    return RequirementsFile(
        requirements=tuple(line for line in reader.lines if not line.constraint),
        constraints=tuple(line for line in reader.lines if line.constraint),
        options=reader.options,
        pythons=tuple(reader.pythons),
    )


def decode_requirements(data: bytes) -> str:
    """The text of a requirements file: by its byte order mark, its PEP 263 comment, else UTF-8.

    Raises FormatError.
    """
    mark, encoding = next(((m, name) for m, name in _MARKS if data.startswith(m)), (b"", ""))
    if not encoding:
        comments = [line for line in data.split(b"\n")[:2] if line.startswith(b"#")]
        match = next(filter(None, map(_CODING.search, comments)), None)
        encoding = match[1].decode("ascii") if match else "utf-8"
    try:
        return data[len(mark) :].decode(encoding)
    except LookupError as error:
        raise FormatError(f"the encoding `{encoding}` is not known") from error
    except ValueError as error:
        raise FormatError(
            f"the text is not valid {encoding}",
            hint="save it as UTF-8, or name its encoding in the first line: `# coding: latin-1`",
        ) from error


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of the first physical line, text): joined at backslashes, comments taken off.

    Empty lines are left out.  A line of comment ends a joined line, whatever it ends in.
    """
    joined: list[str] = []
    first = 0
    for number, physical in enumerate((*text.splitlines(), ""), start=1):
        comment = physical.lstrip().startswith("#")
        first = first if joined else number
        if physical.endswith("\\") and not comment:
            joined.append(physical.strip("\\"))
            continue
        # With a space in front a comment is one even where it follows the joined line directly.
        joined.append(f" {physical}" if comment else physical)
        line = _COMMENT.sub("", "".join(joined)).strip()
        joined = []
        if line:
            yield first, line


class _Reader:
    """Files on their way to lines and options."""

    def __init__(
        self, load: Load, environment: Mapping[str, str], extras: frozenset[NormalizedName]
    ) -> None:
        self.load = load
        self.environment = environment
        self.extras = extras
        self.lines: list[RequirementLine] = []
        self.options = FileOptions()
        self.pythons: list[tuple[str, SpecifierSet]] = []

    def read(self, location: str, *, constraint: bool, inside: tuple[str, ...]) -> None:
        """One file; `inside`: the files that led to it, itself left out."""
        data = self.load(location)
        try:
            contents = self._contents(data, location)
        except FormatError as error:
            raise _placed(error, location) from error
        if isinstance(contents, str):
            self._read_lines(contents, location, constraint=constraint, inside=inside)
            return
        for requirement in contents:
            line = RequirementLine(
                requirement=requirement,
                name=requirement.name,
                text=render_requirement(requirement),
                file=location,
            )
            self.lines.append(_as_constraint(line) if constraint else line)

    def _contents(self, data: bytes, location: str) -> str | tuple[Requirement, ...]:
        """The text of a requirements file, or what another kind of file declares."""
        filename = re.split(r"[/\\]", re.split(r"[?#]", location)[0])[-1]
        if _LOCK.fullmatch(filename):
            raise FormatError("the file is a lock", hint="give it alone, not inside another file")
        if filename == "pyproject.toml":
            return requirements_with_extras(parse_pyproject(data), self.extras)
        if filename.endswith(".py"):
            script = parse_script_metadata(data)
            if script.requires_python is not None:
                self.pythons.append((location, script.requires_python))
            return script.dependencies
        return decode_requirements(data)

    def _read_lines(
        self, text: str, location: str, *, constraint: bool, inside: tuple[str, ...]
    ) -> None:
        for number, written in logical_lines(text):
            line = self._with_variables(written)
            try:
                found = self._read_line(line, location, constraint=constraint)
            except FormatError as error:
                raise _placed(error, location, number, hidden=line != written) from error
            if isinstance(found, RequirementLine):
                self.lines.append(replace(found, text=written, file=location, line=number))
                continue
            for place, is_constraint in found:
                chain = (*inside, location)
                if _identity(place) in map(_identity, chain) or len(chain) > _MAX_DEPTH:
                    raise _placed(_circle(place, chain), location, number)
                self.read(place, constraint=is_constraint, inside=chain)

    def _read_line(
        self, line: str, location: str, *, constraint: bool
    ) -> RequirementLine | tuple[tuple[str, bool], ...]:
        """What a line asks for; or, of a line of options, the (place, constraint?) it refers to."""
        if asks_for_something(line):
            found = parse_requirement_line(line)
            return _as_constraint(found) if constraint else found
        nested = []
        for option in parse_options(line):
            if option.name in ("--requirement", "--constraint"):
                # As in pip, `-r` inside a file of constraints asks for what it lists.
                nested.append((_nested(location, option.value), option.name == "--constraint"))
            else:
                self.options = with_option(self.options, option, file=location)
        return tuple(nested)

    def _with_variables(self, line: str) -> str:
        """`line` with `${NAME}` filled in; unknown and empty variables stay as they are (pip)."""
        return _VARIABLE.sub(lambda match: self.environment.get(match[1]) or match[0], line)


def _as_constraint(line: RequirementLine) -> RequirementLine:
    extras = line.extras if line.requirement is None else line.requirement.extras
    if line.editable:
        raise FormatError("an editable project cannot be a constraint")
    if extras:
        raise FormatError("a constraint has no extras")
    if line.name is None:
        raise FormatError("a constraint names its project", hint="write `NAME @ URL`")
    return replace(line, constraint=True)


def _nested(base: str, value: str) -> str:
    """The place of a file that the file `base` refers to by `value`."""
    if _SCHEME.match(base):
        found = urljoin(base, value)
        if _REMOTE.match(base) and not _REMOTE.match(found):
            raise FormatError("a file from the network cannot refer to a local one")
        return found
    if _SCHEME.match(value):
        return value
    # Pure, and on strings: a `Path` would not fold the `..` that tell circles apart.
    return os.path.normpath(os.path.join(os.path.dirname(base), value))  # noqa: PTH118, PTH120


def _identity(location: str) -> str:
    return location if _SCHEME.match(location) else os.path.normpath(location)


def _circle(place: str, chain: tuple[str, ...]) -> FormatError:
    if len(chain) > _MAX_DEPTH:
        return FormatError(f"more than {_MAX_DEPTH} files refer to one another")
    shown = " → ".join(shown_requirement(one) for one in (*chain, place))
    return FormatError("the file refers to itself", context=(shown,))


def _placed(
    error: FormatError, location: str, line: int | None = None, *, hidden: bool = False
) -> FormatError:
    """`error` with its place; `hidden`: variables were put in, and what they hold is not shown."""
    place = f"in `{shown_requirement(location)}`" + (f", line {line}" if line else "")
    if hidden:
        return FormatError("the line does not follow the format", context=(place,), hint=error.hint)
    return FormatError(error.message, context=(*error.context, place), hint=error.hint)
