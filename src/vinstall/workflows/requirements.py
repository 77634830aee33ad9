"""What the user asks for: words, files, groups → requests, constraints, hashes, options of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError, UsageError
from vinstall.formats.file_options import FileOptions
from vinstall.formats.marker import MarkerContext
from vinstall.formats.requirement import Requirement, shown_requirement
from vinstall.formats.requirement_line import RequirementLine, parse_requirement_line
from vinstall.net.redaction import redact
from vinstall.pattern import pattern
from vinstall.resolution.model import Request
from vinstall.values import field, frozen, replace
from vinstall.workflows.settings import Settings

if TYPE_CHECKING:
    from vinstall.formats.requirements_file import Load, RequirementsFile

Hashes = frozenset[tuple[str, str]]
NameLocation = Callable[[str, bool], NormalizedName]
"""(URL, editable) → the project a folder or archive is of; may cost a build."""

_INPUT = "<stdin>"
_FILES = ("requirement_files", "constraint_files", "override_files", "build_constraint_files")
"""What of the settings names requirements files."""
_IS_URL = pattern(r"[A-Za-z][A-Za-z0-9+.-]+:", re.ASCII)


@frozen
class Asked:
    """Everything the user asks for, in order; places not yet named."""

    requirements: tuple[RequirementLine, ...] = ()
    constraints: tuple[RequirementLine, ...] = ()
    overrides: tuple[Requirement, ...] = ()
    build_constraints: tuple[RequirementLine, ...] = ()
    options: FileOptions = field(default_factory=FileOptions)
    """Of all files together."""
    pythons: tuple[tuple[str, SpecifierSet], ...] = ()
    """(script, the Python it needs)."""

    def hashes(self, context: MarkerContext) -> dict[NormalizedName, Hashes]:
        """The hashes allowed for each project that has any; those of a place are not among them.

        Only lines whose markers hold in `context` count.  What several lines list is allowed only
        if all of them list it, as in pip; raises UsageError where nothing is.
        """
        found: dict[NormalizedName, Hashes] = {}
        for line in (*self.requirements, *self.constraints):
            marker = line.marker if line.requirement is None else line.requirement.marker
            if line.name is None or not line.hashes or (marker and not marker.evaluate(context)):
                continue
            listed = frozenset(line.hashes)
            found[line.name] = found.get(line.name, listed) & listed
            if not found[line.name]:
                raise UsageError(
                    f"no hash of `{line.name}` is allowed by every line that lists some",
                    context=(f"the last of them: {line.origin or 'the command line'}",),
                )
        return found

    def ignored(self, context: MarkerContext) -> Iterator[tuple[str, str]]:
        """What is asked for and its marker, of each requirement whose marker does not hold."""
        for line in self.requirements:
            marker = line.marker if line.requirement is None else line.requirement.marker
            if marker is not None and not marker.evaluate(context):
                yield line.name or shown_requirement(line.location or line.text), marker.text

    def config_settings(self) -> dict[str, dict[str, object]]:
        """Project name to the settings for its build (PEP 517); a repeated key makes a list."""
        found: dict[str, dict[str, object]] = {}
        for line in self.requirements:
            if line.config_settings and line.name is not None:
                found[line.name] = collect_settings(line.config_settings)
        return found


def collect_settings(pairs: Iterable[tuple[str, str]]) -> dict[str, object]:
    """(key, value) pairs as the mapping a build backend takes; a repeated key makes a list."""
    found: dict[str, object] = {}
    for key, value in pairs:
        earlier = found.get(key)
        match earlier:
            case None:
                found[key] = value
            case list():
                found[key] = [*earlier, value]
            case _:
                found[key] = [earlier, value]
    return found


def read_requirements(
    settings: Settings,
    *,
    load: Load,
    environ: Mapping[str, str],
    folder: Path,
    read_input: Callable[[], bytes] = bytes,
) -> Asked:
    """All that `settings` name, read.  Raises UsageError naming word, or file and line.

    `load` gives the bytes at a path or URL; `folder` is where `pyproject.toml` is looked for;
    `read_input` gives standard input, which a file called `-` stands for.
    """
    settings, load = _with_input(settings, load, read_input)
    for word in settings.requirements:
        _refuse_file(word, folder)
    words = tuple(_word(word) for word in settings.requirements)
    editables = tuple(_word(f"-e {path}") for path in settings.editables)
    extras = frozenset(canonicalize_name(name) for name in settings.extras)
    files = [_file(name, load, environ, extras) for name in settings.requirement_files]
    limits = [_file(name, load, environ, limit=True) for name in settings.constraint_files]
    replaced = [_file(name, load, environ) for name in settings.override_files]
    build = [_file(name, load, environ, limit=True) for name in settings.build_constraint_files]
    groups = [line for text in settings.groups for line in _group(text, load, folder)]
    options = FileOptions()
    for found in (*files, *limits):
        options = _both(options, found.options)
    return Asked(
        requirements=(
            *words,
            *editables,
            *(line for found in files for line in found.requirements),
            *groups,
        ),
        constraints=tuple(line for found in (*files, *limits) for line in found.constraints),
        overrides=tuple(
            line.requirement
            for found in replaced
            for line in found.requirements
            if line.requirement is not None
        ),
        build_constraints=tuple(line for found in build for line in found.constraints),
        options=options,
        pythons=tuple(one for found in files for one in found.pythons),
    )


def _with_input(
    settings: Settings, load: Load, read_input: Callable[[], bytes]
) -> tuple[Settings, Load]:
    """`settings` where `-` has a name fit for messages, and a `load` that knows it.

    Only the user's own `-` counts: in a file it is the name of a file, as for pip.
    """
    named = [name for field_name in _FILES for name in getattr(settings, field_name)]
    if "-" not in named:
        return settings, load
    if named.count("-") > 1:
        raise UsageError(
            "`-` is given twice, and standard input can be read once",
            hint="put one of the two into a file",
        )
    content = read_input()
    renamed = {
        field_name: tuple(_INPUT if name == "-" else name for name in getattr(settings, field_name))
        for field_name in _FILES
    }
    return (
        replace(settings, **renamed),
        lambda location: content if location == _INPUT else load(location),
    )


def _refuse_file(word: str, folder: Path) -> None:
    """The name of a requirements file where a project is meant: no project is called that."""
    if re.fullmatch(r"[\w.-]+\.(?:txt|in|toml)", word) and (folder / word).is_file():
        raise UsageError(
            f"`{word}` is a file, not a project", hint=f"`-r {word}` installs what it lists"
        )


def _word(text: str) -> RequirementLine:
    try:
        return parse_requirement_line(text)
    except FormatError as error:
        raise UsageError(
            f"`{redact(text)}` is no requirement",
            context=(error.message, *error.context),
            hint=error.hint,
        ) from error


def _file(
    name: str,
    load: Load,
    environ: Mapping[str, str],
    extras: frozenset[NormalizedName] = frozenset(),
    *,
    limit: bool = False,
) -> RequirementsFile:
    from vinstall.formats.requirements_file import parse_requirements_file

    try:
        return parse_requirements_file(
            name, load, environment=environ, constraint=limit, extras=extras
        )
    except FormatError as error:
        raise UsageError(error.message, context=error.context, hint=error.hint) from error


def _group(text: str, load: Load, folder: Path) -> Iterable[RequirementLine]:
    """The lines a dependency group stands for; `text` is `NAME` or `PATH:NAME`."""
    from vinstall.formats.dependency_group import group_requirements
    from vinstall.formats.pyproject import parse_pyproject

    path, _, name = text.rpartition(":")
    if path and Path(path).name != "pyproject.toml":
        raise UsageError(
            f"`--group {text}`: groups stand in a file that is called `pyproject.toml`",
            hint="write `--group NAME` or `--group PATH/pyproject.toml:NAME`",
        )
    file = path or str(folder / "pyproject.toml")
    try:
        found = group_requirements(parse_pyproject(load(file)).groups, name)
    except FormatError as error:
        raise UsageError(
            error.message, context=(*error.context, f"in `{file}`"), hint=error.hint
        ) from error
    return [RequirementLine(requirement=found_one, name=found_one.name) for found_one in found]


def _both(first: FileOptions, second: FileOptions) -> FileOptions:
    """The options of two files; of what can be said once, the later word."""
    return FileOptions(
        index_url=second.index_url or first.index_url,
        extra_index_urls=(*first.extra_index_urls, *second.extra_index_urls),
        no_index=first.no_index or second.no_index,
        find_links=(*first.find_links, *second.find_links),
        no_binary=first.no_binary | second.no_binary,
        only_binary=first.only_binary | second.only_binary,
        all_releases=first.all_releases | second.all_releases,
        only_final=first.only_final | second.only_final,
        pre=first.pre or second.pre,
        prefer_binary=first.prefer_binary or second.prefer_binary,
        trusted_hosts=(*first.trusted_hosts, *second.trusted_hosts),
        require_hashes=first.require_hashes or second.require_hashes,
        no_require_hashes=first.no_require_hashes or second.no_require_hashes,
        use_features=(*first.use_features, *second.use_features),
    )


def with_file_options(settings: Settings, options: FileOptions) -> Settings:
    """`settings` and what requirements files say, which outweighs them (pip)."""
    sources = settings.sources
    only_binary, no_binary = _outweighed(
        (settings.only_binary, settings.no_binary), (options.only_binary, options.no_binary)
    )
    all_releases, only_final = _outweighed(
        (settings.all_releases, settings.only_final), (options.all_releases, options.only_final)
    )
    return replace(
        settings,
        pre=settings.pre or options.pre,
        all_releases=all_releases,
        only_final=only_final,
        prefer_binary=settings.prefer_binary or options.prefer_binary,
        require_hashes=settings.require_hashes or options.require_hashes,
        only_binary=only_binary,
        no_binary=no_binary,
        sources=replace(
            sources,
            index_url=options.index_url or sources.index_url,
            extra_index_urls=(*options.extra_index_urls, *sources.extra_index_urls),
            no_index=sources.no_index or options.no_index,
            find_links=(*_find_links(options), *sources.find_links),
            trusted_hosts=(*options.trusted_hosts, *sources.trusted_hosts),
        ),
    )


def _outweighed(
    ours: tuple[frozenset[str], frozenset[str]], theirs: tuple[frozenset[str], frozenset[str]]
) -> tuple[frozenset[str], frozenset[str]]:
    """Projects of two opposite options, after a file had the last word: its `:all:` leaves nothing."""
    if ":all:" in theirs[0] | theirs[1]:
        return theirs
    named = frozenset(map(canonicalize_name, theirs[0] | theirs[1]))
    kept = [frozenset(n for n in names if canonicalize_name(n) not in named) for names in ours]
    return kept[0] | theirs[0], kept[1] | theirs[1]


def _find_links(options: FileOptions) -> Iterable[str]:
    """pip: a relative path counts from the file it stands in, if something is there."""
    for link in options.find_links:
        beside = Path(link.file).parent / link.value
        yield str(beside) if not _IS_URL.match(link.value) and beside.exists() else link.value


def requests(
    lines: Sequence[RequirementLine], *, folder: Path, name_location: NameLocation
) -> tuple[tuple[Request, ...], frozenset[str]]:
    """Requests for the resolver, and the URLs among them that are installed in place.

    Paths are made absolute from `folder`.  Raises UsageError for a path where nothing is.
    """
    found: list[Request] = []
    editables: set[str] = set()
    for line in lines:
        requirement = line.requirement
        if requirement is None:
            url = _with_hashes(_url(line.location or "", folder), line.hashes)
            requirement = Requirement(
                name=line.name or name_location(url, line.editable),
                extras=line.extras,
                marker=line.marker,
                url=url,
            )
        if line.editable and requirement.url is not None:
            editables.add(requirement.url)
        found.append(Request(requirement=requirement, origin=line.origin))
    return tuple(found), frozenset(editables)


def _with_hashes(url: str, hashes: Sequence[tuple[str, str]]) -> str:
    """`url` and what an archive there must be, so that it is known before anything is built.

    One file has one digest of a kind: where several are given none of them can be relied on.
    """
    if not hashes or len(dict(hashes)) < len(hashes):
        return url
    address, _, fragment = url.partition("#")
    parts = [fragment] if fragment else []
    return f"{address}#{'&'.join([*parts, *(f'{kind}={digest}' for kind, digest in hashes)])}"


def _url(location: str, folder: Path) -> str:
    if _IS_URL.match(location) and not re.match(r"[A-Za-z]:[/\\]", location):
        return location
    path = (folder / Path(location).expanduser()).resolve()
    if not path.exists():
        raise UsageError(
            f"`{location}` does not exist",
            hint="a project of that name is asked for without a path or an archive's ending",
        )
    return path.as_uri()
