"""Interpreter: what a Python interpreter says about itself.

Asked once by running `probe_script.py` there, then remembered under everything the answer
depends on: the interpreter's file, the `pyvenv.cfg` beside it, the kernel, the C library.  A new
environment that is a sibling of one that was asked is not asked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vinstall.cache.files import Cache, Key
from vinstall.errors import TargetError
from vinstall.target.environment import Scheme
from vinstall.values import Row, frozen

if TYPE_CHECKING:
    from vinstall.target import siblings

BUCKET = "interpreters"
"""Where answers are kept in a cache."""
_REVISION = 2
"""Raised when the facts or what is made of them change; part of the key of remembered answers."""

_OLDEST = (3, 8)
_TIMEOUT = 60.0
"""Seconds an interpreter may take to start and answer."""


@frozen
class Interpreter:
    """One interpreter and the environment it belongs to."""

    executable: Path
    prefix: Path
    base_prefix: Path
    version: tuple[int, int, int]
    free_threaded: bool
    debug: bool
    markers: Mapping[str, str]
    """The marker environment of PEP 508, without `extra`."""
    tags: tuple[str, ...]
    """`python-abi-platform`, most preferred first."""
    stdlib: Path
    scheme: Scheme
    """Where it installs by default."""
    prefix_scheme: Mapping[str, str]
    """Scheme key to path relative to a prefix of the user's choice."""
    user_scheme: Scheme | None
    site: tuple[Path, ...]
    """Site folders in the interpreter's order, the user's own not among them."""
    sees_system_site: bool
    """False: a virtual environment closed against the packages of its base."""

    @property
    def is_virtual(self) -> bool:
        """Whether it belongs to a virtual environment (PEP 405)."""
        return self.prefix != self.base_prefix


def probe(
    python: Path, *, cache: Cache | None = None, meanwhile: Callable[[], None] | None = None
) -> Interpreter:
    """What the interpreter `python` says about itself.

    A remembered answer costs well under a millisecond; asking anew one start of that
    interpreter, except for the one that runs this.  `meanwhile` is called while it starts, if one
    has to be.  Raises TargetError.
    """
    if cache is None:
        return _interpreter(_asked(python, meanwhile))
    key = _key(python)
    if key is not None:
        remembered = cache.read_value(BUCKET, key)
        if isinstance(remembered, dict):
            return _interpreter(remembered)
    sibling = find_sibling(python, cache)
    if sibling is not None:
        facts = sibling.facts
    else:
        facts = _asked(python, meanwhile)
        _keep_for_siblings(cache, python, facts)
    # A shim answers for whichever interpreter it picks today: nothing to remember.
    is_itself = Path(facts["executable"]) == python
    if key is not None and is_itself:
        cache.write_value(BUCKET, key, facts)
    return _interpreter(facts)


class Sibling(Row):
    """An environment that needs not be asked, because one that was made alike was."""

    likeness: siblings.Likeness
    answers: dict[str, Any]
    """Of the one that was asked, without its prefix."""
    startup: list[object]
    """What runs when an interpreter of theirs starts."""
    base: list[object]
    """Stamps of files of their base."""
    facts: dict[str, Any]
    """What this one would say."""


def find_sibling(python: Path, cache: Cache) -> Sibling | None:
    """The environment of `python`, where the answers of another one hold for it.

    Costs a dozen looks at the disk.
    """
    from vinstall.target import siblings

    likeness = siblings.likeness(str(python), os.environ)
    kept = cache.read_value(BUCKET, _sibling_key(likeness)) if likeness is not None else None
    if likeness is None or not isinstance(kept, tuple):
        return None
    answers, startup, base = kept
    facts = siblings.with_prefix(answers, likeness[1], str(python))
    if facts is None or siblings.base_stamps(facts) != base:
        return None
    try:
        same = siblings.startup(facts["site"], siblings.names_in) == startup
    except OSError:
        return None
    return Sibling(likeness, answers, startup, base, facts) if same else None


def _keep_for_siblings(cache: Cache, python: Path, facts: dict[str, Any]) -> None:
    """Let others be spared the question that was just answered, where it was one to a fresh start."""
    from vinstall.target import siblings

    likeness = siblings.likeness(str(python), os.environ)
    if likeness is None or _is_own(python):
        return
    answers = siblings.without_prefix(facts, likeness[1])
    try:
        startup = siblings.startup(facts["site"], siblings.names_in)
    except OSError:
        return
    if answers is not None and startup is not None:
        kept = (answers, startup, siblings.base_stamps(facts))
        cache.write_value(BUCKET, _sibling_key(likeness), kept)


def _sibling_key(likeness: siblings.Likeness) -> Key:
    from packaging import __version__ as packaging_version

    return ("sibling", _REVISION, packaging_version, repr(likeness[0]))


def _key(python: Path) -> Key | None:
    """Everything the answer depends on; None where the file cannot be looked at."""
    try:
        binary = python.stat()
    except OSError:
        return None
    try:
        config = (python.parent.parent / "pyvenv.cfg").stat()
        settings = (config.st_mtime_ns, config.st_size)
    except OSError:
        settings = (0, 0)
    host = os.uname()[2:] if hasattr(os, "uname") else sys.getwindowsversion()[:3]  # type: ignore[attr-defined,unused-ignore]
    names: Mapping[str, int] = getattr(os, "confstr_names", {})
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in names else None
    from packaging import __version__ as packaging_version

    file = (str(python), binary.st_mtime_ns, binary.st_size, binary.st_ino)
    user = (os.environ.get("HOME"), os.environ.get("PYTHONUSERBASE"))
    return (_REVISION, packaging_version, *file, *settings, *host, libc, *user)


def _asked(python: Path, meanwhile: Callable[[], None] | None) -> dict[str, Any]:
    """The facts, with tags; without a subprocess where `python` runs this.  Raises TargetError."""
    if _is_own(python):
        from vinstall.target import probe_script

        facts = probe_script.facts()
    else:
        facts = _ask(python, meanwhile)
    _check_version(python, facts)
    return facts | {"tags": _tags(facts)}


def _is_own(python: Path) -> bool:
    # macOS tells programs built long ago a version of its own; only a fresh start sees it.
    return str(python) == sys.executable and sys.platform != "darwin"


def _ask(python: Path, meanwhile: Callable[[], None] | None) -> dict[str, Any]:
    status, output, errors = _run(python, meanwhile)
    from vinstall.target.probe_script import SENTINEL

    before, _, answer = output.decode(errors="replace").rpartition(SENTINEL)
    if status or (not before and not answer.startswith("{")):
        lines = errors.decode(errors="replace").strip().splitlines()
        raise TargetError(
            f"`{python}` does not answer like a Python interpreter",
            context=tuple(lines[-1:]),
            hint="vinstall installs into CPython 3.8 and newer",
        )
    import json

    facts: dict[str, Any] = json.loads(answer)
    return facts


def _run(python: Path, meanwhile: Callable[[], None] | None) -> tuple[int, bytes, bytes]:
    """The exit status of the script there, and what it wrote to its two outputs."""
    import subprocess

    environ = {
        name: value for name, value in os.environ.items() if name != "__PYVENV_LAUNCHER__"
    } | {"SYSTEM_VERSION_COMPAT": "0"}
    try:
        process = subprocess.Popen(
            [python, "-I", Path(__file__).with_name("probe_script.py")],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        message = f"`{python}` cannot be run: {error.strerror or error}"
        raise TargetError(message) from error
    with process:
        try:
            if meanwhile is not None:
                meanwhile()
            output, errors = process.communicate(timeout=_TIMEOUT)
        except BaseException as error:
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            message = f"`{python}` did not answer within {_TIMEOUT:.0f} seconds"
            raise TargetError(message) from error
    return process.returncode, output, errors


def _check_version(python: Path, facts: Mapping[str, Any]) -> None:
    if tuple(facts["version"]) < _OLDEST:
        seen = ".".join(map(str, facts["version"]))
        raise TargetError(
            f"`{python}` is Python {seen}", hint="vinstall installs into CPython 3.8 and newer"
        )


def _tags(facts: Mapping[str, Any]) -> tuple[str, ...]:
    from vinstall.target.platforms import cpython_abis, cpython_tags, other_tags, probed_platforms

    version = (int(facts["version"][0]), int(facts["version"][1]))
    platforms = probed_platforms(facts["platform"])
    if facts["implementation"] != "cpython":
        return other_tags(facts["implementation"], version, facts["ext_suffix"], platforms)
    abis = cpython_abis(version, free_threaded=facts["free_threaded"], debug=facts["debug"])
    return cpython_tags(version, abis, platforms)


def _interpreter(facts: Mapping[str, Any]) -> Interpreter:
    major, minor, micro = facts["version"]
    user = facts["user_scheme"]
    return Interpreter(
        executable=Path(facts["executable"]),
        prefix=Path(facts["prefix"]),
        base_prefix=Path(facts["base_prefix"]),
        version=(major, minor, micro),
        free_threaded=facts["free_threaded"],
        debug=facts["debug"],
        markers=facts["markers"],
        tags=tuple(facts["tags"]),
        stdlib=Path(facts["stdlib"]),
        scheme=_scheme(facts["scheme"]),
        prefix_scheme=facts["prefix_scheme"],
        user_scheme=_scheme(user) if user is not None else None,
        site=tuple(map(Path, facts["site"])),
        sees_system_site=facts["system_site"],
    )


def _scheme(paths: Mapping[str, str]) -> Scheme:
    return Scheme(**{key: Path(path) for key, path in paths.items()})
