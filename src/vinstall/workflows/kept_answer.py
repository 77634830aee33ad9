"""Kept answers: small files by which one run spares the next one what it found out.

Each holds a question and an answer, and the stamps of the files that had a say.  Whoever reads one
compares all of it with what is there now.

These are looked for before anything else is done, so this module imports nothing that the
interpreter has not loaded by then; hence plain tuples instead of classes.
"""

# System calls on paths that are compared as text.
# ruff: noqa: PTH103, PTH105, PTH109, PTH116, PTH120, PTH123

import os
import sys
from binascii import crc32
from marshal import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_MARSHAL = 4
_PREFIXES = ("VINSTALL_", "_VINSTALL_", "PIP_", "UV_", "XDG_", "CONDA_", "PYTHON", "PYENV_", "LC_")
_NAMES = ("HOME", "PATH", "VIRTUAL_ENV", "LANG", "TERM", "NO_COLOR")
"""Variables that settings and the choice of the environment depend on."""
_FINE, _COARSE = 100_000_000, 2_000_000_000
"""Nanoseconds within which two changes may get one time, on file systems that count fractions of
seconds and on others."""

Stamp = tuple[int, ...] | None
"""Device, number, size, mode and time of modification of a file, before which the time of its last
change of any kind may stand; None: there is none."""


def cache_root(words: "Sequence[str]", environ: "Mapping[str, str]") -> str | None:
    """Where answers to this command line lie, by the simplest rules; None: nowhere.

    Configuration may name another folder; answers are not kept there.
    """
    for at, word in enumerate(words):
        if word == "--cache-dir" and at + 1 < len(words):
            return _as_written(words[at + 1])
        if word.startswith("--cache-dir="):
            return _as_written(word[12:])
    named = environ.get("VINSTALL_CACHE_DIR")
    if named:
        return _as_written(named)
    folder = environ.get("XDG_CACHE_HOME", "")
    if folder.startswith("/"):
        return folder + "/vinstall"
    home = environ.get("HOME")
    return home + "/.cache/vinstall" if home and sys.platform == "linux" else None


def _as_written(folder: str) -> str | None:
    """A folder that is meant as it is written; a home that no shell has filled in is not."""
    return folder if folder and not folder.startswith("~") else None


def surroundings(
    environ: "Mapping[str, str]", version: str, *, without: "Collection[str]" = ()
) -> tuple[object, ...]:
    """Who is asked and where, variables of the names `without` apart."""
    variables = [
        (name, environ[name])
        for name in sorted(environ)
        if (name.startswith(_PREFIXES) or name in _NAMES) and name not in without
    ]
    system = tuple(os.uname()) if hasattr(os, "uname") else ()
    return version, sys.version, sys.executable, system, os.getcwd(), tuple(variables)


def answer_path(root: str, bucket: str, question: tuple[object, ...]) -> str:
    """Where the answer lies; two questions that share a place take turns."""
    name = f"{crc32(repr(question).encode()):08x}"
    return f"{root}/v1/{bucket}/{name[:2]}/{name}"


def read_answer(path: str) -> object:
    """The value in a file.  Raises OSError, ValueError, EOFError or TypeError where there is none."""
    with open(path, "rb") as file:
        content = file.read()
    # `marshal` may take any amount of memory for damaged bytes, so they do not get that far.
    if content[:4] != crc32(content[4:]).to_bytes(4, "little"):
        raise ValueError("damaged")
    value: object = loads(content[4:])  # noqa: S302 - our own folder
    return value


def write_answer(path: str, value: object) -> bool:
    """Put a value of types that `marshal` knows in place at once; whether that was possible."""
    body = dumps(value, _MARSHAL)  # type: ignore[arg-type]
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(crc32(body).to_bytes(4, "little") + body)
        os.replace(temporary, path)
    except OSError:
        return False
    return True


def stamp(path: str) -> Stamp:
    """Raises OSError for what cannot be looked at."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mode, status.st_mtime_ns


def full_stamp(path: str) -> Stamp:
    """With the time that no program can set: an edit shows even if the other times are put back.

    Not for what is linked into environments: it changes with every further link.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    changed = status.st_ctime_ns, status.st_mtime_ns
    return status.st_dev, status.st_ino, status.st_size, status.st_mode, *changed


def is_settled(seen: Stamp, started: int) -> bool:
    """Whether nothing changed since `started`, in nanoseconds, and whatever will change shows.

    A file that was moved here may bring an old time of modification; when it was moved, tells the
    other time, where the stamp has it.
    """
    return seen is None or all(
        changed < started - (_FINE if changed % 1_000_000_000 else _COARSE) for changed in seen[4:]
    )
