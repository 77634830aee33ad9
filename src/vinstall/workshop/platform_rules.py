"""Rules on where the wheels of one release can run: tags, `enable-if`, gaps between labels.

Spec: platform compatibility tags; PEP 600 (manylinux); PEP 817 `enable-if`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from vinstall.errors import FormatError
from vinstall.formats.marker import MarkerContext, parse_marker
from vinstall.formats.wheel_name import NULL_LABEL
from vinstall.workshop.fault import Fault
from vinstall.workshop.index_release import IndexRelease, ListedWheel

_LINUX = re.compile(r"(?:manylinux(?:1|2010|2014|_\d+_\d+)|musllinux_\d+_\d+|linux)_(.+)")
_MACOS = re.compile(r"macosx_(\d+)_\d+_(.+)")
_WINDOWS = {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}
_FAT = {"universal2": ("x86_64", "arm64"), "intel": ("x86_64",), "universal": ("x86_64",)}
_PYTHON = re.compile(r"(?:cp|pp|py)(3)(\d+)")
_MACOS_MAJORS = frozenset({10, *range(11, 16), *range(26, 41)})
"""Releases there are: Apple went from 15 to 26; some room is left for years to come."""
_SYS_PLATFORM = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}


class Platform(NamedTuple):
    """A kind of machine, in the words of environment markers."""

    system: str
    """`platform_system`"""
    machine: str
    """`platform_machine`"""

    def __str__(self) -> str:
        return f"{self.system} {self.machine}"


def platforms_of(tag: str) -> tuple[Platform, ...]:
    """The machines a platform tag is for; empty for `any` and for tags of other systems."""
    if match := _LINUX.fullmatch(tag):
        return (Platform("Linux", match[1]),)
    if match := _MACOS.fullmatch(tag):
        return tuple(Platform("Darwin", name) for name in _FAT.get(match[2], (match[2],)))
    return (Platform("Windows", _WINDOWS[tag]),) if tag in _WINDOWS else ()


def platform_faults(release: IndexRelease) -> Iterator[Fault]:
    """Every breach among the labelled wheels of `release`."""
    yield from _tag_faults(release)
    yield from _twin_faults(release)
    yield from _gap_faults(release)
    yield from _exclusion_faults(release)


def _platform_tags(wheel: ListedWheel) -> frozenset[str]:
    return frozenset(tag.rpartition("-")[2] for tag in wheel.name.tags)


def _platforms(wheels: tuple[ListedWheel, ...]) -> frozenset[Platform]:
    tags = frozenset[str]().union(*map(_platform_tags, wheels))
    return frozenset(platform for tag in tags for platform in platforms_of(tag))


def _tag_faults(release: IndexRelease) -> Iterator[Fault]:
    """Tags no machine has, and tags that promise nothing; each once per release."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for wheel in release.wheels:
        if wheel.name.label is None:
            continue
        for tag in _platform_tags(wheel):
            match = _MACOS.fullmatch(tag)
            if match and int(match[1]) not in _MACOS_MAJORS:
                found["tag-unknown", f"`{tag}` is the tag of no macOS there is"].append(
                    wheel.file.filename
                )
            elif tag.startswith("linux_"):
                message = f"`{tag}` promises no C library; `manylinux` and `musllinux` tags do"
                found["tag-linux", message].append(wheel.file.filename)
    for (rule, message), files in sorted(found.items()):
        yield Fault(rule, release.title, f"{message} ({_count(files)})")


def _count(files: list[str]) -> str:
    return f"`{files[0]}`" + (f" and {len(files) - 1} more" if len(files) > 1 else "")


def _twin_faults(release: IndexRelease) -> Iterator[Fault]:
    """Two wheels of one label and build for the same tag: which one is meant?"""
    for label, wheels in release.by_label.items():
        seen: dict[tuple[object, str], ListedWheel] = {}
        for wheel in wheels:
            for tag in wheel.name.tags:
                other = seen.setdefault((wheel.name.build, tag), wheel)
                if other is not wheel:
                    message = (
                        f"`{label}` is there twice for `{tag}`, also as `{other.file.filename}`"
                    )
                    yield Fault("wheel-twice", wheel.file.filename, message)
                    break


def _gap_faults(release: IndexRelease) -> Iterator[Fault]:
    """A label without a wheel for a platform where all labels of its kind have one."""
    if release.table is None:
        return
    kinds: dict[frozenset[str], dict[str, frozenset[Platform]]] = defaultdict(dict)
    for label, wheels in release.by_label.items():
        properties = release.table.variants.get(label, frozenset())
        if properties:
            kinds[frozenset(prop.namespace for prop in properties)][label] = _platforms(wheels)
    for group in kinds.values():
        for label, platforms in group.items():
            others = [found for other, found in group.items() if other != label]
            if len(others) < 2:
                continue
            missing = sorted(frozenset.intersection(*others) - platforms)
            for platform in missing:
                message = f"`{label}` has no wheel for {platform}, where its sister labels have one"
                yield Fault("label-gap", release.title, message)


def _exclusion_faults(release: IndexRelease) -> Iterator[Fault]:
    """`enable-if` is false where wheels are offered, so nobody there can ever get them."""
    table = release.table
    if table is None:
        return
    for namespace, provider in sorted(table.providers.items()):
        if provider.enable_if is None:
            continue
        lost: dict[Platform, set[str]] = defaultdict(set)
        for label, wheels in release.by_label.items():
            used = {prop.namespace for prop in table.variants.get(label, frozenset())}
            if label == NULL_LABEL or namespace not in used:
                continue
            for wheel in wheels:
                for platform in _platforms((wheel,)):
                    if not _holds(provider.enable_if, platform, wheel):
                        lost[platform].add(label)
        for platform, labels in sorted(lost.items()):
            listed = ", ".join(f"`{label}`" for label in sorted(labels))
            message = f"`enable-if` of `{namespace}` excludes {platform}, where {listed} has wheels"
            yield Fault("platform-excluded", release.index_file, message)


def _holds(marker: str, platform: Platform, wheel: ListedWheel) -> bool:
    """Whether `marker` holds on a machine that takes `wheel`; a marker that cannot be read does."""
    match = _PYTHON.match(wheel.name.tags[0])
    version = f"{match[1]}.{match[2]}" if match else "3.12"
    environment = {
        "implementation_name": "cpython",
        "implementation_version": f"{version}.0",
        "os_name": "nt" if platform.system == "Windows" else "posix",
        "platform_machine": platform.machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": platform.system,
        "platform_version": "",
        "python_full_version": f"{version}.0",
        "python_version": version,
        "sys_platform": _SYS_PLATFORM[platform.system],
    }
    try:
        return parse_marker(marker).evaluate(MarkerContext(environment=environment))
    except FormatError:
        return True
