"""RequirementLine ← what a user asks for in one line or one word of the command line.

Spec: pip, "Requirements File Format" and "pip install", the forms `<requirement specifier>`,
`<archive url/path>`, `[-e] <local project path>`, `[-e] <vcs project url>`.  Pure: whether a path
exists is not looked at, a text is told by its form alone.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from packaging.utils import NormalizedName

from vinstall.errors import FormatError
from vinstall.formats.marker import Marker, parse_marker
from vinstall.formats.requirement import Requirement, parse_requirement, shown_requirement
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.pattern import pattern
from vinstall.values import field, frozen, replace

_EDITABLE = pattern(r"(?:-e|--ed[a-z]*)(?:\s+|=|(?<=-e)(?=[^\s=]))", re.ASCII)
_URL = pattern(
    r"(?:https?|ftp|file|ssh|sftp|git|hg|svn|bzr|lp|(?:git|hg|svn|bzr)\+[a-z]+):", re.IGNORECASE
)
_ARCHIVE_URL = pattern(r"(?:https?|s?ftp):", re.IGNORECASE)
_DIRECT = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\s*\[[^\]]*\])?\s*@", re.ASCII)
_PATH = pattern(
    r"\.|.*[/\\]|.*\.(?:whl|zip|tar|tgz|tbz|txz|tlz|tar\.(?:gz|bz2|xz|lz|lzma))\Z", re.IGNORECASE
)
_WITH_EXTRAS = pattern(r"(.+?)\[([^\[\]]*)\]", re.DOTALL)
_MARKER_AFTER_URL = pattern(r"\s;|;\s")
_EGG = pattern(r"[#&]egg=([^&]+)")
_HASH = pattern(r"(sha256|sha384|sha512):([0-9a-f]+)", re.ASCII | re.IGNORECASE)
_BEYOND_NAMES = frozenset(":@./\\")
"""A text without any of these is neither a URL nor a path."""
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}


@frozen
class RequirementLine:
    """One thing asked for: by name (`requirement`) or by place (`location`); never both."""

    requirement: Requirement | None = None
    """By version, or `name @ URL`; also a URL that names its project: `#egg=`, a wheel's name."""
    location: str | None = None
    """A path as written, or a URL that names no project; extras and marker taken off."""
    name: NormalizedName | None = None
    """The project; None where only the metadata of `location` can tell."""
    extras: frozenset[NormalizedName] = frozenset()
    marker: Marker | None = None
    editable: bool = False
    hashes: tuple[tuple[str, str], ...] = ()
    """(algorithm, hex digest) of `--hash`, in the order written; any one may match."""
    config_settings: tuple[tuple[str, str], ...] = ()
    """(key, value) of `--config-settings`, in the order written; keys may repeat (PEP 517)."""
    text: str = field(default="", compare=False)
    """As written, joined lines as one, variables not put in."""
    file: str | None = field(default=None, compare=False)
    """The requirements file it stands in; None: the command line."""
    line: int | None = field(default=None, compare=False)
    """The line it begins in, from 1."""
    constraint: bool = False

    @property
    def origin(self) -> str | None:
        """Where the user asked: "`-r requirements.txt` line 3"; None for the command line."""
        if self.file is None:
            return None
        flag = "-c" if self.constraint else "-r"
        place = f"`{flag} {shown_requirement(self.file)}`"
        return place if self.line is None else f"{place} line {self.line}"


def parse_requirement_line(text: str) -> RequirementLine:
    """What one line asks for, per-requirement options included.

    Raises FormatError, also for an option that concerns a whole file.
    """
    text = text.strip()
    editable = _EDITABLE.match(text) if text.startswith("-") else None
    asked, options = _split_at_options(text[editable.end() :] if editable else text)
    found = _editable(asked) if editable else _asked(asked)
    hashes, settings = _requirement_options(options)
    if hashes and editable:
        raise FormatError("an editable project has no hash that could be checked")
    return replace(found, text=text, hashes=hashes, config_settings=settings)


def asks_for_something(text: str) -> bool:
    """Whether a line asks for a project, and does not only give options for the whole file."""
    return not text.startswith("-") or _EDITABLE.match(text) is not None


def _split_at_options(text: str) -> tuple[str, str]:
    """`text` before and from the first word that starts with a dash; as in pip, spaces part words."""
    match = re.search(r"(?:^| )-", text)
    if match is None:
        return text.strip(), ""
    return text[: match.start()].strip(), text[match.start() :].strip()


def _requirement_options(
    text: str,
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Hashes and config settings."""
    if not text:
        return (), ()
    from vinstall.formats.option_line import parse_options

    hashes = []
    settings = []
    for name, value in parse_options(text):
        if name == "--hash":
            hashes.append(_hash(value))
        elif name == "--config-settings":
            key, equals, setting = value.partition("=")
            if not equals:
                raise FormatError(f"`{value}` is no setting", hint="write `KEY=VALUE`")
            settings.append((key, setting))
        else:
            raise FormatError(
                f"`{name}` does not go with a single requirement", hint="give it a line of its own"
            )
    return tuple(hashes), tuple(settings)


def _hash(value: str) -> tuple[str, str]:
    match = _HASH.fullmatch(value)
    if match is None or len(match[2]) != _HEX_LENGTHS[match[1].lower()]:
        raise FormatError(
            f"`{value}` is no hash",
            hint="write `sha256:`, `sha384:` or `sha512:` and all hexadecimal digits of the hash",
        )
    return match[1].lower(), match[2].lower()


def _asked(text: str) -> RequirementLine:
    if not _BEYOND_NAMES.intersection(text):
        return _by_name(text)
    if _URL.match(text):
        return _by_url(text)
    if _DIRECT.match(text):
        return _by_name(text)
    place = text.partition(";")[0].strip()
    with_extras = _WITH_EXTRAS.fullmatch(place)
    if _PATH.match(with_extras[1] if with_extras else place):
        return _by_path(text)
    return _by_name(text)


def _editable(text: str) -> RequirementLine:
    """A project to install in place: a folder or a checkout."""
    if text[:1] in ("'", '"') and text[-1:] == text[:1]:
        text = text[1:-1]
    read = _by_name if _DIRECT.match(text) else _by_url if _URL.match(text) else _by_path
    found = read(text)
    place = found.location if found.requirement is None else found.requirement.url
    if place is None or _ARCHIVE_URL.match(place):
        raise FormatError(
            "only a folder or a checkout can be editable",
            hint="write `-e PATH` or `-e NAME @ git+https://...`",
        )
    return replace(found, editable=True)


def _by_name(text: str) -> RequirementLine:
    requirement = parse_requirement(text)
    return RequirementLine(requirement=requirement, name=requirement.name)


def _by_path(text: str) -> RequirementLine:
    path, semicolon, marker = text.partition(";")
    path, extras = _without_extras(path.strip())
    filename = re.split(r"[/\\]", path)[-1]
    return RequirementLine(
        location=path,
        name=parse_wheel_name(filename).name if filename.endswith(".whl") else None,
        extras=extras,
        marker=parse_marker(marker) if semicolon else None,
    )


def _by_url(text: str) -> RequirementLine:
    url, *rest = _MARKER_AFTER_URL.split(text, maxsplit=1)
    url = url.strip()
    marker = parse_marker(rest[0]) if rest else None
    egg = _EGG.search(url)
    if egg is not None:
        named = parse_requirement(unquote(egg[1]))
        if named.specifier or named.marker or named.url:
            raise FormatError(f"`{egg[0]}` is not the name of a project")
        name, extras = named.name, named.extras
    else:
        url, extras = _without_extras(url)
        filename = _filename(url)
        if not filename.endswith(".whl"):
            return RequirementLine(location=url, extras=extras, marker=marker)
        name = parse_wheel_name(filename).name
    if url.lower().startswith("file:") and not url.lower().startswith("file:/"):
        return RequirementLine(location=url, name=name, extras=extras, marker=marker)
    requirement = Requirement(name=name, extras=extras, marker=marker, url=url)
    return RequirementLine(requirement=requirement, name=name)


def _without_extras(place: str) -> tuple[str, frozenset[NormalizedName]]:
    match = _WITH_EXTRAS.fullmatch(place)
    if match is None:
        return place, frozenset()
    return match[1].rstrip(), parse_requirement(f"placeholder[{match[2]}]").extras


def _filename(url: str) -> str:
    """The last part of the path of an archive's URL; empty for a checkout."""
    if "+" in url.partition(":")[0]:
        return ""
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError as error:
        raise FormatError(f"`{shown_requirement(url)}` is no URL") from error
