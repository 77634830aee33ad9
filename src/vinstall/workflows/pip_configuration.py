"""pip's configuration files: where they lie and what they say.  pip's user guide, "Configuration"."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from vinstall.errors import UsageError

_SECTIONS = ("global", "install")
"""The sections that concern installing, the later one wins."""


def read_pip_configuration(
    environ: Mapping[str, str], prefix: Path
) -> Iterator[tuple[str, str, str]]:
    """(file, long flag without dashes, value) of every setting, weakest first; empty values left out.

    pip's order: system, user, environment (`prefix`), `PIP_CONFIG_FILE`; in each level
    `[install]` over `[global]`.  Raises UsageError for a file that does not parse.
    """
    found: dict[str, list[tuple[str, str, str]]] = {section: [] for section in _SECTIONS}
    for path in pip_configuration_files(environ, prefix):
        for section, key, value in _read(path):
            found[section].append((str(path), key, value))
    for section in _SECTIONS:
        yield from found[section]


def pip_configuration_files(environ: Mapping[str, str], prefix: Path) -> tuple[Path, ...]:
    """The files pip would read that exist, weakest first; none where `PIP_CONFIG_FILE` is the null device."""
    candidates = pip_configuration_candidates(environ, prefix)
    return tuple(path for path in candidates if path.is_file())


def pip_configuration_candidates(environ: Mapping[str, str], prefix: Path) -> tuple[Path, ...]:
    """The same with those that do not exist."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    candidates = list(_system_files(environ))
    if not (named and Path(named).exists()):
        candidates += _user_files(environ)
    candidates.append(prefix / _basename())
    if named:
        candidates.append(Path(named))
    return tuple(candidates)


def _basename() -> str:
    return "pip.ini" if sys.platform == "win32" else "pip.conf"


def _system_files(environ: Mapping[str, str]) -> Iterator[Path]:
    if sys.platform == "win32":
        yield Path(environ.get("ProgramData", "C:\\ProgramData")) / "pip" / "pip.ini"
    elif sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
    else:
        for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
            yield Path(folder) / "pip" / "pip.conf"
        yield Path("/etc/pip.conf")


def _user_files(environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "win32":
        yield home / "pip" / "pip.ini"
        yield Path(environ.get("APPDATA", home)) / "pip" / "pip.ini"
        return
    yield home / ".pip" / "pip.conf"
    library = home / "Library" / "Application Support" / "pip"
    if sys.platform == "darwin" and library.is_dir():
        yield library / "pip.conf"
        return
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"


def _read(path: Path) -> Iterator[tuple[str, str, str]]:
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"), source=str(path))
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"`{path}` cannot be read as a pip configuration file",
            context=(" ".join(str(error).split()),),
            hint="mend the file, or set `PIP_CONFIG_FILE` to the null device to do without pip's files",
        ) from error
    for section in _SECTIONS:
        if parser.has_section(section):
            for key, value in parser.items(section):
                if value and value.strip():
                    yield section, key.lower().replace("_", "-").removeprefix("--"), value
