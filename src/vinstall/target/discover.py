"""Which environment is installed into.

Order: `--python`; `--system`; the active virtual environment; the active conda environment other
than its base; `.venv` here or above; the conda base; the virtual environment vinstall runs in;
else a refusal that names the ways out.  A layout that leaves the environment alone (`--target`,
`--prefix`) is content with any interpreter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from packaging.version import Version

from vinstall.cache.files import Cache
from vinstall.errors import TargetError, UsageError
from vinstall.pattern import pattern
from vinstall.target import layout
from vinstall.target.environment import Scheme, Target
from vinstall.target.probe import Interpreter, probe
from vinstall.values import frozen

_VERSION = pattern(r"(?:c?python@?|py)?(\d+(?:\.\d+){0,2})(t?)", re.ASCII)

_WAYS_OUT = (
    "make one with `python3 -m venv .venv`, activate another, name one with `--python PATH`, "
    "or use `--system`"
)


@frozen
class Surroundings:
    """What discovery reads of the world."""

    environ: Mapping[str, str]
    cwd: Path
    own: Path | None
    """The interpreter of the virtual environment vinstall runs in; None where it is in none."""
    cache: Cache | None = None
    """Where answers of interpreters are remembered."""
    meanwhile: Callable[[], None] | None = None
    """Called while an interpreter starts, where one has to be asked."""

    def ask(self, python: Path) -> Interpreter:
        """What the interpreter `python` says about itself.  Raises TargetError."""
        return probe(python, cache=self.cache, meanwhile=self.meanwhile)


@frozen
class Place:
    """Where the user wants the files, `TargetSettings` in the words of this room."""

    python: str | None = None
    """A path of an interpreter or of an environment, a version, or a command."""
    target: Path | None = None
    prefix: Path | None = None
    root: Path | None = None
    user: bool = False
    system: bool = False
    break_system_packages: bool = False


def running_environment() -> Path | None:
    """The interpreter of the virtual environment this process runs in, or None."""
    import sys

    return Path(sys.executable) if sys.prefix != sys.base_prefix else None


def discover_target(place: Place, around: Surroundings) -> Target:
    """The environment to install into.

    Raises TargetError where there is none, UsageError for options that contradict each other.
    Costs a start of each interpreter that has to be asked and is not remembered.
    """
    chosen = [
        name
        for name, given in (
            ("--user", place.user),
            ("--target", place.target is not None),
            ("--prefix", place.prefix is not None),
        )
        if given
    ]
    if len(chosen) > 1:
        raise UsageError(f"`{chosen[0]}` and `{chosen[1]}` cannot be combined")
    interpreter, origin = _interpreter(place, around)
    scheme, site = _layout(place, around.cwd, interpreter)
    # pip: another layout than the interpreter's own cannot be managed by the system.
    elsewhere = place.target or place.prefix or place.root
    exempt = elsewhere is not None or place.break_system_packages
    return Target(
        python=interpreter.executable,
        python_version=Version(interpreter.markers["python_full_version"]),
        markers=interpreter.markers,
        tags={tag: rank for rank, tag in enumerate(interpreter.tags)},
        scheme=scheme,
        site_paths=tuple(dict.fromkeys(site)),
        prefix=scheme.data if elsewhere is not None or place.user else interpreter.prefix,
        origin=origin,
        externally_managed=(
            None if exempt else layout.externally_managed(interpreter, around.environ)
        ),
        is_virtual=interpreter.is_virtual and elsewhere is None and not place.user,
    )


def _layout(place: Place, cwd: Path, interpreter: Interpreter) -> tuple[Scheme, tuple[Path, ...]]:
    """The scheme, and the folders in which installed distributions count."""
    if place.target is not None:
        scheme = layout.target_scheme(interpreter, _absolute(place.target, cwd))
    elif place.prefix is not None:
        scheme = layout.prefix_scheme(interpreter, _absolute(place.prefix, cwd))
    elif place.user:
        scheme = layout.user_scheme(interpreter)
    else:
        scheme = interpreter.scheme
    if place.root is not None:
        scheme = layout.rooted(scheme, _absolute(place.root, cwd))
    own = (scheme.purelib, scheme.platlib)
    separate = place.target or place.prefix or place.root
    return scheme, own if separate is not None else (*own, *interpreter.site)


def _absolute(path: Path, cwd: Path) -> Path:
    return Path(os.path.normpath(cwd / path.expanduser()))


def _interpreter(place: Place, around: Surroundings) -> tuple[Interpreter, str]:
    """The interpreter, and how it was found."""
    if place.python is not None:
        return _named(place.python, around), "`--python`"
    if not place.system:
        for python, origin in _environments(around):
            return around.ask(python), origin
    if place.system or place.user:
        for found in _running(_on_path(("python3", "python"), around.environ), around):
            if not found.is_virtual:
                return found, "`--system`" if place.system else "`--user`"
    if place.target is not None or place.prefix is not None:
        for found in _running(_on_path(("python3", "python"), around.environ), around):
            return found, "first on PATH"
    raise TargetError(
        "there is no Python on PATH" if place.system else "there is no environment to install into",
        hint=_WAYS_OUT,
    )


# --- environments, in order -------------------------------------------------------------------


def _environments(around: Surroundings) -> Iterator[tuple[Path, str]]:
    """Interpreters of environments, in the order in which they are preferred."""
    environ = around.environ
    if active := environ.get("VIRTUAL_ENV"):
        yield _inside(Path(active), "VIRTUAL_ENV"), "active virtual environment"
    conda = environ.get("CONDA_PREFIX")
    # As uv: the base of conda is where conda itself lives, so a project's own `.venv` comes first.
    is_base = environ.get("CONDA_DEFAULT_ENV") in ("base", "root")
    if conda and not is_base:
        yield _inside(Path(conda), "CONDA_PREFIX"), "active conda environment"
    for folder in (around.cwd, *around.cwd.parents):
        candidate = folder / ".venv"
        if (candidate / "pyvenv.cfg").is_file():
            yield _inside(candidate, ".venv"), f"`.venv` in `{folder}`"
    if conda:
        yield _inside(Path(conda), "CONDA_PREFIX"), "active conda environment"
    if around.own is not None:
        yield around.own, "the environment vinstall runs in"


def environment_python(folder: Path) -> Path | None:
    """The interpreter of the environment in `folder`, or None where there is none."""
    names = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _inside(folder: Path, named_by: str) -> Path:
    python = environment_python(folder)
    if python is None:
        raise TargetError(
            f"`{folder}` has no Python interpreter",
            context=(f"named by `{named_by}`",),
            hint=_WAYS_OUT,
        )
    return python


# --- `--python` -------------------------------------------------------------------------------


def _named(wanted: str, around: Surroundings) -> Interpreter:
    """The interpreter that `--python` names: a path, an environment, a version, a command."""
    path = _absolute(Path(wanted), around.cwd)
    if path.is_dir():
        return around.ask(_inside(path, "--python"))
    if path.is_file():
        return around.ask(path)
    is_path = "/" in wanted or os.sep in wanted or wanted.startswith((".", "~"))
    if not is_path and (match := _VERSION.fullmatch(wanted)):
        version = tuple(map(int, match[1].split(".")))
        return _of_version(version, free_threaded=bool(match[2]), around=around)
    if not is_path:
        for command in _on_path((wanted,), around.environ):
            return around.ask(command)
    raise TargetError(
        f"`--python {wanted}` names no interpreter",
        hint="give the path of an interpreter, the folder of an environment, or a version as `3.12`",
    )


def _of_version(
    version: tuple[int, ...], *, free_threaded: bool, around: Surroundings
) -> Interpreter:
    seen: dict[str, None] = {}
    for found in _running(_candidates(version, free_threaded, around.environ), around):
        if found.version[: len(version)] == version and found.free_threaded == free_threaded:
            return found
        seen[f"{'.'.join(map(str, found.version))} in `{found.executable}`"] = None
    wanted = ".".join(map(str, version)) + ("t" if free_threaded else "")
    raise TargetError(
        f"there is no Python {wanted} on PATH or in pyenv",
        context=tuple(f"found Python {text}" for text in seen),
        hint="give the path of an interpreter with `--python PATH`",
    )


def _candidates(
    version: tuple[int, ...], free_threaded: bool, environ: Mapping[str, str]
) -> Iterator[Path]:
    """Interpreters that may be of `version`: on PATH, in pyenv, known to the `py` launcher."""
    dotted = ".".join(map(str, version[:2]))
    names = [f"python{dotted}t"] if free_threaded else [f"python{dotted}"]
    yield from _on_path((*names, "python3", "python"), environ)
    root = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "~")).expanduser() / ".pyenv")
    exact = ".".join(map(str, version))
    installed = [
        folder
        for folder in _subfolders(root / "versions")
        if folder.name == exact or folder.name.startswith((f"{exact}.", f"{exact}t"))
    ]
    for folder in sorted(installed, key=_natural, reverse=True):
        if (python := environment_python(folder)) is not None:
            yield python
    for launcher in _on_path(("py",), environ) if os.name == "nt" else ():
        yield from _by_launcher(launcher, dotted)


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _natural(path: Path) -> tuple[int, ...]:
    """Version order of folder names such as `3.12.10`."""
    return tuple(int(number) for number in re.findall(r"\d+", path.name))


def _by_launcher(launcher: Path, dotted: str) -> Iterator[Path]:
    """The interpreter that Windows' `py -X.Y` starts."""
    import subprocess

    run = subprocess.run(
        [launcher, f"-{dotted}", "-c", "import sys; print(sys.executable)"],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 0:
        yield Path(run.stdout.strip())


def _on_path(names: tuple[str, ...], environ: Mapping[str, str]) -> Iterator[Path]:
    """Every executable with one of these names on PATH, name by name, each path once."""
    suffixes = ("", ".exe") if os.name == "nt" else ("",)
    folders = [Path(entry) for entry in environ.get("PATH", "").split(os.pathsep) if entry]
    seen: set[Path] = set()
    for name in names:
        for folder in folders:
            for suffix in suffixes:
                path = folder / f"{name}{suffix}"
                if path not in seen and path.is_file() and os.access(path, os.X_OK):
                    seen.add(path)
                    yield path


def _running(candidates: Iterator[Path], around: Surroundings) -> Iterator[Interpreter]:
    """Those candidates that answer; a shim without a selected version, say, does not."""
    for path in candidates:
        try:
            yield around.ask(path)
        except TargetError:
            continue
