"""WheelName ⇄ file name, variant label included.  Spec: PEP 427, PEP 825 "Variant label"."""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.utils import BuildTag, NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.pattern import pattern
from vinstall.values import Row

_LABEL = pattern(r"[0-9a-z_.]+", re.ASCII)
_NAME = pattern(r"[\w\d._]*", re.UNICODE)
_BUILD = pattern(r"(\d{1,18})(?!\d)([\w.]*)", re.ASCII)
_TAGS = pattern(r"[\w.]+", re.ASCII)

NULL_LABEL = "null"


class WheelName(Row):
    """The parts of a wheel's file name."""

    name: NormalizedName
    version: Version
    build: BuildTag
    """`()` where the name has none, else (number, rest); compares as PEP 427 orders builds."""
    tags: tuple[str, ...]
    """Every `python-abi-platform` combination the name stands for, in the order written."""
    label: str | None
    """None: a non-variant wheel; `null`: the null variant."""


def split_label(filename: str) -> tuple[str, str | None]:
    """The file name without its variant label, and the label (None for a non-variant wheel).

    PEP 825: a Python tag never starts with a digit, a build tag always does, so the third of
    six parts tells a build tag from a label.  Raises FormatError where it is no wheel name.
    """
    parts, label = _split(filename)
    return (filename, None) if label is None else ("-".join(parts) + ".whl", label)


def _split(filename: str) -> tuple[list[str], str | None]:
    """The parts between the dashes of a file name, and its label apart from them."""
    if not filename.endswith(".whl"):
        raise FormatError(f"`{filename}` does not end in `.whl`")
    parts = filename[:-4].split("-")
    count = len(parts)
    if count == 5:
        return parts, None
    has_build = parts[2][:1].isdigit() if count in (6, 7) else None
    if has_build is None or (count == 7 and not has_build):
        raise FormatError(f"`{filename}` has {count} parts between dashes, a wheel name has 5 to 7")
    if count == 6 and has_build:
        return parts, None
    return parts[:-1], _checked_label(parts[-1], filename)


def parse_wheel_name(filename: str) -> WheelName:
    """The parts of `filename`.  Raises FormatError; costs two microseconds, no I/O."""
    parts, label = _split(filename)
    name = _project(parts[0])
    if name is None:
        raise FormatError(f"`{filename}` has an invalid project name")
    version = _version(parts[1])
    if version is None:
        raise FormatError(f"`{filename}` has an invalid version")
    build: BuildTag = ()
    if len(parts) == 6:
        match = _BUILD.fullmatch(parts[2])
        if match is None:
            raise FormatError(f"`{filename}` has an invalid build tag")
        build = (int(match[1]), match[2])
    tags = _tags(parts[-3], parts[-2], parts[-1])
    if tags is None:
        raise FormatError(f"`{filename}` has an invalid compatibility tag")
    return WheelName(name, version, build, tags, label)


# The wheels of a release differ in their tags, and those of different projects do not.


@lru_cache(maxsize=1024)
def _project(name: str) -> NormalizedName | None:
    if not name or "__" in name or _NAME.fullmatch(name) is None:
        return None
    return canonicalize_name(name)


@lru_cache(maxsize=1024)
def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _tags(python: str, abi: str, platform: str) -> tuple[str, ...] | None:
    if python[:1].isdigit() or not all(map(_TAGS.fullmatch, (python, abi, platform))):
        return None
    return expand_tags(python, abi, platform)


def expand_tags(python: str, abi: str, platform: str) -> tuple[str, ...]:
    """All combinations of three compressed tag sets, as `python-abi-platform`, in lower case.

    Spec: platform compatibility tags, "Compressed tag sets".
    """
    return tuple(
        [
            f"{p}-{a}-{t}"
            for p in python.lower().split(".")
            for a in abi.lower().split(".")
            for t in platform.lower().split(".")
        ]
    )


def render_wheel_name(name: WheelName) -> str:
    """The file name that parses to `name`, its tags compressed again.

    Raises FormatError for a label no file name can carry, and for tags that are not all
    combinations of some Python, ABI and platform tags.
    """
    columns = zip(*(tag.split("-") for tag in name.tags), strict=True)
    python, abi, platform = (".".join(dict.fromkeys(column)) for column in columns)
    if expand_tags(python, abi, platform) != name.tags:
        raise FormatError(f"`{', '.join(name.tags)}` cannot be said in one wheel name")
    build = "".join(map(str, name.build))
    parts = (_stem(name.name, name.version), *([build] if build else ()), python, abi, platform)
    return with_label("-".join(parts) + ".whl", name.label)


def with_label(filename: str, label: str | None) -> str:
    """`filename` with another variant label, all else as it is; None takes the label away.

    Raises FormatError where `filename` is no wheel name or `label` no label.
    """
    plain, _ = split_label(filename)
    if label is None:
        return plain
    return "-".join((plain.removesuffix(".whl"), _checked_label(label, filename))) + ".whl"


def _checked_label(label: str, filename: str) -> str:
    if _LABEL.fullmatch(label) is None:
        raise FormatError(
            f"`{filename}` has the variant label `{label}`",
            hint="a label is made of the characters `0-9`, `a-z`, `_` and `.`",
        )
    return label


_VARIANTS_JSON_SUFFIX = "-variants.json"


def parse_variants_json_name(filename: str) -> tuple[NormalizedName, Version] | None:
    """Project and version of a `{name}-{version}-variants.json`; None for any other file name.

    Matched by parsed name and version, never by string (PEP 825 "Index-level metadata").
    """
    if not filename.endswith(_VARIANTS_JSON_SUFFIX):
        return None
    name, separator, version = filename.removesuffix(_VARIANTS_JSON_SUFFIX).rpartition("-")
    if not separator or not name:
        return None
    try:
        return canonicalize_name(name), Version(version)
    except ValueError:
        return None


def render_variants_json_name(name: NormalizedName, version: Version) -> str:
    """The name of the index-level metadata file (PEP 825 "Index-level metadata")."""
    return _stem(name, version) + _VARIANTS_JSON_SUFFIX


def _stem(name: NormalizedName, version: Version) -> str:
    """`{name}-{version}` as wheel names spell it: no dash but the one between them."""
    return f"{name.replace('-', '_')}-{str(version).replace('-', '_')}"
