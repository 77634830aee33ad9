"""Siblings: virtual environments that were made alike from one interpreter.

What the interpreter of one of them says about itself holds for every other, with another prefix;
so a new environment need not be asked.  That is so for environments (PEP 405) whose interpreter
is a symbolic link to that of their base, that see no packages but their own, and in which nothing
runs when the interpreter starts but what also ran in the first.  Every other one has no likeness
here, and is asked.

The express lane of installations uses this before anything is loaded, so it imports nothing that
the interpreter has not loaded by then.
"""

# System calls on paths that are compared as text.
# ruff: noqa: PTH116, PTH123, PTH208

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    Likeness = tuple[tuple[object, ...], str]
    """What its answers depend on beside the prefix, and the prefix."""
    Answers = dict[str, Any]
    """The facts that `probe_script` tells, with `tags`."""

_KNOWN = frozenset(
    (
        *("home", "implementation", "version", "version_info", "include-system-site-packages"),
        *("uv", "virtualenv", "prompt", "executable", "command", "base-prefix"),
        *("base-exec-prefix", "base-executable"),
    )
)
"""Keys of `pyvenv.cfg` that are written by venv, virtualenv and uv; of these `home` and
`include-system-site-packages` have a say in how an interpreter starts."""
_STARTERS = {
    "_virtualenv.pth": ("_virtualenv.py", ["_virtualenv.pth", "_virtualenv.py"]),
    "distutils-precedence.pth": ("_distutils_hack/__init__.py", ["_distutils_hack"]),
}
"""Files of virtualenv and setuptools that run code at each start; the module that each loads, and
the names beside it that begin as the module's does."""
_HOOKS = ("sitecustomize", "usercustomize", "_manylinux")
"""Modules that would have a say, wherever they are found."""
_BASE_FILES = ("sitecustomize.py", "_manylinux.py", "site.py", "sysconfig.py")


def likeness(python: str, environ: Mapping[str, str]) -> Likeness | None:
    """What the answers of an environment's interpreter depend on; None where that cannot be told.

    Costs half a dozen looks at the disk.
    """
    if sys.platform != "linux" or any(name.startswith("_PYTHON") for name in environ):
        return None
    folder, _, name = python.rpartition("/")
    prefix, _, last = folder.rpartition("/")
    number = name.removeprefix("python").replace(".", "")
    plain = python.isprintable() and python.startswith("/") and os.path.normpath(python) == python
    if not (plain and prefix.strip("/") and last == "bin" and name.startswith("python")):
        return None
    if python.startswith("//") or not (number == "" or number.isdigit()):
        return None
    try:
        settings = _settings(prefix)
        real = os.path.realpath(python)
        binary = os.stat(real)
        linked = stat.S_ISLNK(os.lstat(python).st_mode) and not real.startswith(f"{prefix}/")
    except (OSError, ValueError):
        return None
    if settings is None or not linked or os.path.lexists(f"{folder}/pyvenv.cfg"):
        return None
    if not (stat.S_ISREG(binary.st_mode) and os.access(real, os.X_OK)):
        return None
    file = (real, binary.st_dev, binary.st_ino, binary.st_size, binary.st_mtime_ns)
    # Where things of the user's go is told, too.
    user = (environ.get("HOME"), environ.get("PYTHONUSERBASE"))
    return (*file, *settings, *os.uname()[2:], os.confstr("CS_GNU_LIBC_VERSION"), *user), prefix


def _settings(prefix: str) -> tuple[object, ...] | None:
    """What counts of `pyvenv.cfg`; None for a file that is not as every tool writes it."""
    with open(f"{prefix}/pyvenv.cfg", encoding="utf-8") as file:
        lines = file.read().split("\n")
    found: dict[str, str] = {}
    for line in filter(str.strip, lines):
        key, separator, value = line.partition("=")
        key = key.strip().lower()
        if not separator or key not in _KNOWN or key in found:
            return None
        found[key] = value.strip()
    home = found.get("home", "")
    closed = found.get("include-system-site-packages", "").lower() == "false"
    if not (home.startswith("/") and closed) or f"{home}/".startswith(f"{prefix}/"):
        return None
    return home, found.get("version"), found.get("version_info"), found.get("implementation")


def startup(folders: Iterable[str], names: Callable[[str], Sequence[str]]) -> list[object] | None:
    """What runs when an interpreter starts that has these site folders; None where it is not known.

    `names` tells what is in a folder.  Equal values mean that the same runs.  Raises OSError.
    """
    found: list[object] = []
    for folder in folders:
        listed = sorted(names(folder))
        for name in listed:
            if name.startswith(_HOOKS) or name.endswith(".start"):
                return None
            if not name.endswith(".pth"):
                continue
            module, beside = _STARTERS.get(name, ("", []))
            stem = module.partition("/")[0].removesuffix(".py")
            if not stem or [one for one in listed if one.startswith(stem)] != beside:
                return None
            found.append((name, _content(f"{folder}/{name}"), _content(f"{folder}/{module}")))
    return found


def names_in(folder: str) -> list[str]:
    """What is in a folder; nothing where there is no such folder.  Raises OSError."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def base_stamps(answers: Answers) -> list[tuple[int, int] | None]:
    """Sizes and times of the files of the base that have a say in what an interpreter answers."""
    return [_stamp(f"{answers['stdlib']}/{name}") for name in _BASE_FILES]


def without_prefix(answers: Answers, prefix: str) -> Answers | None:
    """`answers` as they hold for every sibling; None where that cannot be told."""
    if answers["implementation"] != "cpython" or answers["prefix"] != prefix:
        return None
    user = (answers["user_scheme"] or {}).values()
    if any(f"{path}/".startswith(f"{prefix}/") for path in (*_base(answers), *user)):
        return None
    own = [*answers["scheme"].values(), *answers["site"]]
    if not all(f"{path}/".startswith(f"{prefix}/") for path in own):
        return None
    at = len(prefix)
    return answers | {
        "executable": "",
        "prefix": "",
        "scheme": {key: path[at:] for key, path in answers["scheme"].items()},
        "site": [path[at:] for path in answers["site"]],
    }


def with_prefix(answers: Answers, prefix: str, python: str) -> Answers | None:
    """What `python`, the interpreter below `prefix`, would answer; `answers` have no prefix."""
    if any(f"{path}/".startswith(f"{prefix}/") for path in _base(answers)):
        return None
    return answers | {
        "executable": python,
        "prefix": prefix,
        "scheme": {key: prefix + path for key, path in answers["scheme"].items()},
        "site": [prefix + path for path in answers["site"]],
    }


def _base(answers: Answers) -> tuple[str, str]:
    return answers["base_prefix"], answers["stdlib"]


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
