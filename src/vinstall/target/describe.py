"""A target that is described instead of asked: `--python-platform`, `--python-version`.

For installs of wheels alone into `--target`, and for dry runs: markers and tags are those of
another machine.  The names are uv's `--python-platform` values, a general `ARCH-manylinux_X_Y`,
`ARCH-musllinux_X_Y`, and plain platform tags.  pip's `--platform`, `--abi` and `--implementation`
are taken too, and mean the tags they mean there.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.version import InvalidVersion, Version

from vinstall.errors import UsageError
from vinstall.target.environment import Target
from vinstall.target.platforms import (
    LinuxFacts,
    android_platforms,
    cpython_abis,
    cpython_tags,
    generic_tags,
    linux_platforms,
)
from vinstall.values import frozen, replace

_ALIASES = {
    "linux": "x86_64-manylinux_2_28",
    "windows": "x86_64-pc-windows-msvc",
    "macos": "aarch64-apple-darwin",
    "x86_64-unknown-linux-gnu": "x86_64-manylinux_2_28",
    "aarch64-unknown-linux-gnu": "aarch64-manylinux_2_28",
    "riscv64-unknown-linux": "riscv64-manylinux_2_39",
    "x86_64-unknown-linux-musl": "x86_64-musllinux_1_2",
    "aarch64-unknown-linux-musl": "aarch64-musllinux_1_2",
    "x86_64-linux-android": "android_24_x86_64",
    "aarch64-linux-android": "android_24_arm64_v8a",
    "wasm32-pyodide2024": "pyodide_2024_0_wasm32",
    "wasm32-pyodide2025": "pyodide_2025_0_wasm32",
}
_LEGACY_GLIBC = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}
_WINDOWS = {
    "x86_64-pc-windows-msvc": ("win_amd64", "AMD64"),
    "aarch64-pc-windows-msvc": ("win_arm64", "ARM64"),
    "i686-pc-windows-msvc": ("win32", "x86"),
}
_OLDEST_MACOS = (13, 0)
"""As uv: the oldest macOS that a target named without a version is taken to run."""

_LIBC = re.compile(r"([a-z0-9_]+?)-(many|musl)linux(?:_(\d+)_(\d+)|(1|2010|2014))", re.ASCII)
_LIBC_TAG = re.compile(r"(many|musl)linux(?:_(\d+)_(\d+)|(1|2010|2014))_([a-z0-9_]+)", re.ASCII)
_MACOS = re.compile(r"(aarch64|arm64|x86_64)-apple-darwin", re.ASCII)
_MACOS_TAG = re.compile(r"macosx_(\d+)_(\d+)_(arm64|x86_64|universal2)", re.ASCII)
_ANDROID_TAG = re.compile(r"android_(\d+)_([a-z0-9_]+)", re.ASCII)
_PYODIDE_TAG = re.compile(r"pyodide_\d+_\d+_wasm32", re.ASCII)
_PYTHON = re.compile(r"(\d+\.\d+(?:\.\d+\w*)?)(t?)", re.ASCII)
_PYTHON_WITHOUT_DOT = re.compile(r"(\d)(\d*)(t?)", re.ASCII)
_APPLE_TAG = re.compile(r"(macosx|ios)_(\d+)_(\d+)_(.+)", re.ASCII)
_OLDER_MANYLINUX = {
    "manylinux2014": ("manylinux2010", "manylinux1"),
    "manylinux2010": ("manylinux1",),
}
_IMPLEMENTATIONS = {"cp": ("cpython", "CPython"), "pp": ("pypy", "PyPy")}


@frozen
class Platform:
    """A kind of machine: its platform tags, and what markers see of it."""

    tags: tuple[str, ...]
    """Most preferred first."""
    os_name: str
    sys_platform: str
    system: str
    machine: str

    def markers(self) -> dict[str, str]:
        """The marker variables that depend on the platform; release and version are unknown."""
        return {
            "os_name": self.os_name,
            "sys_platform": self.sys_platform,
            "platform_system": self.system,
            "platform_machine": self.machine,
            "platform_release": "",
            "platform_version": "",
        }


@frozen
class WheelTags:
    """What pip's options say of wheels: which parts of their tags may be what."""

    platforms: tuple[str, ...] = ()
    """`--platform`; empty: those of the target."""
    abis: tuple[str, ...] = ()
    """`--abi`; empty: those of the Python."""
    implementation: str | None = None
    """`--implementation`: `cp`, `pp`, or `py` for none in particular; None: that of the target."""


def describe_by_tags(base: Target, tags: WheelTags, *, python_version: str | None = None) -> Target:
    """`base` with the tags that pip gives such a target, for wheels alone.

    Unlike with pip, markers hold for the first platform that is named, if it is a known one, and
    for the Python that is named.  Raises UsageError for what is no version.
    """
    version, free_threaded = base.python_version, _is_free_threaded(base)
    markers = dict(base.markers)
    if tags.platforms:
        platform = _known_platform(tags.platforms[0])
        markers |= platform.markers() if platform is not None else {}
    if python_version is not None:
        version, free_threaded = _parse_python(python_version)
        markers |= _python_markers(version)
    if tags.implementation in _IMPLEMENTATIONS:
        names = _IMPLEMENTATIONS[tags.implementation]
        markers |= {"implementation_name": names[0], "platform_python_implementation": names[1]}
    pair = (version.major, version.minor)
    platforms = tuple(dict.fromkeys(_as_pip(tags.platforms))) or _platforms_of(base)
    implementation = tags.implementation or _short_name(base)
    if implementation == "cp":
        abis = tags.abis or cpython_abis(pair, free_threaded=free_threaded, debug=False)
        found = cpython_tags(pair, abis, platforms)
    else:
        found = generic_tags(implementation, pair, tags.abis, platforms)
    return _described(base, version, markers, found)


def _as_pip(names: Iterable[str]) -> Iterator[str]:
    """The platform tags that pip takes each name for: older ones of macOS, iOS and Android too."""
    from packaging import tags

    for name in names:
        kind, _, machine = name.partition("_")
        if match := _APPLE_TAG.fullmatch(name):
            expand = tags.mac_platforms if match[1] == "macosx" else tags.ios_platforms
            yield from expand((int(match[2]), int(match[3])), match[4])
        elif match := _ANDROID_TAG.fullmatch(name):
            yield from android_platforms(int(match[1]), match[2])
        else:
            yield name
            if kind == "manylinux2010" or machine in ("x86_64", "i686"):
                yield from (f"{older}_{machine}" for older in _OLDER_MANYLINUX.get(kind, ()))


def _short_name(target: Target) -> str:
    """`cp`, `pp`, ...: how the target's implementation is called in tags."""
    from packaging.tags import INTERPRETER_SHORT_NAMES

    name = target.markers.get("implementation_name", "cpython")
    return INTERPRETER_SHORT_NAMES.get(name, name)


def _is_free_threaded(target: Target) -> bool:
    first = next(iter(target.tags), "").split("-")
    return len(first) == 3 and first[1].endswith(("t", "td"))


def describe_target(
    base: Target, *, platform: str | None = None, python_version: str | None = None
) -> Target:
    """`base` with the markers and tags of another platform, another Python, or both.

    The interpreter stays: it is named in scripts.  CPython is assumed where a version is given.
    Raises UsageError for a name that is not known.
    """
    if platform is None and python_version is None:
        return base
    first = next(iter(base.tags), "").split("-")
    version = base.python_version
    free_threaded, debug = _is_free_threaded(base), False
    if python_version is not None:
        version, free_threaded = _parse_python(python_version)
    elif len(first) == 3:
        debug = first[1].endswith("d")
    markers: Mapping[str, str] = dict(base.markers)
    if platform is not None:
        described = parse_platform(platform)
        platforms = described.tags
        markers = {**markers, **described.markers()}
    else:
        platforms = _platforms_of(base)
    if python_version is not None:
        markers = {**markers, **_python_markers(version)}
    pair = (version.major, version.minor)
    abis = cpython_abis(pair, free_threaded=free_threaded, debug=debug)
    tags = cpython_tags(pair, abis, platforms)
    return _described(base, version, markers, tags)


def _described(
    base: Target, version: Version, markers: Mapping[str, str], tags: Iterable[str]
) -> Target:
    """`base` with these facts; `tags` most preferred first."""
    ranks = {tag: rank for rank, tag in enumerate(tags)}
    return replace(base, python_version=version, markers=markers, tags=ranks, described=True)


def _parse_python(text: str) -> tuple[Version, bool]:
    """The version, of three parts at least, and whether it is free-threaded (`3.13t`)."""
    short = _PYTHON_WITHOUT_DOT.fullmatch(text)
    if short is not None:  # as pip: `39` is 3.9, `3` is 3.0
        text = f"{short[1]}.{short[2] or 0}{short[3]}"
    match = _PYTHON.fullmatch(text)
    try:
        version = Version(match[1]) if match else None
    except InvalidVersion:
        version = None
    if match is None or version is None:
        raise UsageError(
            f"`--python-version {text}` is no Python version", hint="write it as `3.12`, or `3.13t`"
        )
    full = version if len(version.release) > 2 else Version(f"{version}.0")
    return full, bool(match[2])


def _python_markers(version: Version) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "implementation_version": str(version),
        "python_full_version": str(version),
        "python_version": f"{version.major}.{version.minor}",
    }


def _platforms_of(target: Target) -> tuple[str, ...]:
    """The platform tags among the target's tags, in order."""
    parts = (tag.split("-")[2] for tag in target.tags)
    return tuple(part for part in dict.fromkeys(parts) if part != "any")


def parse_platform(name: str) -> Platform:
    """The platform called `name`.  Raises UsageError."""
    found = _known_platform(_ALIASES.get(name.lower(), name.lower()))
    if found is None:
        raise UsageError(
            f"`--python-platform {name}` is not known",
            hint="known are `linux`, `macos`, `windows`, target triples, `x86_64-manylinux_2_28` "
            "and the like, and platform tags such as `win_amd64`",
        )
    return found


def _known_platform(name: str) -> Platform | None:
    return _linux(name) or _macos(name) or _windows(name) or _other(name)


def _linux(name: str) -> Platform | None:
    if match := _LIBC.fullmatch(name):
        machine, libc, major, minor, legacy = match.groups()
    elif match := _LIBC_TAG.fullmatch(name):
        libc, major, minor, legacy, machine = match.groups()
    elif name.startswith("linux_"):
        return _linux_platform(LinuxFacts(machine=name.removeprefix("linux_")))
    else:
        return None
    version = _LEGACY_GLIBC[legacy] if legacy else (int(major), int(minor))
    if libc == "musl":
        return _linux_platform(LinuxFacts(machine=machine, musl=version))
    # The name promises the hard-float ABI where the machine has two.
    return _linux_platform(LinuxFacts(machine=machine, glibc=version, hard_float=True))


def _linux_platform(facts: LinuxFacts) -> Platform:
    return Platform(
        tags=tuple(linux_platforms(facts)),
        os_name="posix",
        sys_platform="linux",
        system="Linux",
        machine=facts.machine,
    )


def _macos(name: str) -> Platform | None:
    from packaging import tags

    if match := _MACOS.fullmatch(name):
        version, machine = _OLDEST_MACOS, match[1].replace("aarch64", "arm64")
    elif match := _MACOS_TAG.fullmatch(name):
        version, machine = (int(match[1]), int(match[2])), match[3].replace("universal2", "arm64")
    else:
        return None
    return Platform(
        tags=tuple(tags.mac_platforms(version, machine)),
        os_name="posix",
        sys_platform="darwin",
        system="Darwin",
        machine=machine,
    )


def _windows(name: str) -> Platform | None:
    by_tag = {tag: (tag, machine) for tag, machine in _WINDOWS.values()}
    found = _WINDOWS.get(name) or by_tag.get(name)
    if found is None:
        return None
    return Platform(
        tags=(found[0],), os_name="nt", sys_platform="win32", system="Windows", machine=found[1]
    )


def _other(name: str) -> Platform | None:
    if match := _ANDROID_TAG.fullmatch(name):
        machine = {"arm64_v8a": "aarch64", "armeabi_v7a": "armv7l", "x86": "i686"}
        return Platform(
            tags=tuple(android_platforms(int(match[1]), match[2])),
            os_name="posix",
            sys_platform="android",
            system="Android",
            machine=machine.get(match[2], match[2]),
        )
    if _PYODIDE_TAG.fullmatch(name):
        return Platform(
            tags=(name,),
            os_name="posix",
            sys_platform="emscripten",
            system="Emscripten",
            machine="wasm32",
        )
    return None
