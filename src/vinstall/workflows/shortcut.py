"""The shortcut: "nothing to do", or the plan of a dry run, answered before anything is loaded.

A run that changed nothing leaves a token: what was asked, the stamp of every file that had a say
(requirements, configuration, interpreter, pages of indexes), and the list of what is installed.
The next run of the same words looks at these, and where all are as they were, and the pages are
still fresh, it repeats the answer.  Whatever is unclear or new falls through to the full way: the
shortcut may miss, and never be wrong.

This module runs before everything else, so it imports nothing that the interpreter has not
loaded by then; hence plain tuples instead of classes.
"""

import os
import sys
import time
from binascii import crc32
from marshal import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_REVISION = 4
_BUCKET = "shortcuts"
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
    """Where tokens of this command line lie, by the simplest rules; None: nowhere.

    Configuration may name another folder; then no token is written.
    """
    for at, word in enumerate(words):
        if word == "--cache-dir" and at + 1 < len(words):
            return words[at + 1]
        if word.startswith("--cache-dir="):
            return word[12:]
    named = environ.get("VINSTALL_CACHE_DIR")
    if named:
        return named
    folder = environ.get("XDG_CACHE_HOME", "")
    if folder.startswith("/"):
        return folder + "/vinstall"
    home = environ.get("HOME")
    return home + "/.cache/vinstall" if home and sys.platform == "linux" else None


def recall(
    words: "Sequence[str]", environ: "Mapping[str, str]", version: str
) -> tuple[str, str] | None:
    """(standard output, standard error) of an earlier run of the same words, if it would end so again.

    None where it has to be found out.  Costs two looks at the disk for each installed
    distribution, and one for each page.
    """
    root = cache_root(words, environ)
    if root is None:
        return None
    try:
        question = _question(words, environ, version)
        with open(_path(root, question), "rb") as file:  # noqa: PTH123
            content = file.read()
        # `marshal` may take any amount of memory for damaged bytes, so they do not get that far.
        if content[:4] != crc32(content[4:]).to_bytes(4, "little"):
            return None
        asked, until, files, sites, said = loads(content[4:])  # noqa: S302 - our own folder
        same = (
            asked == question
            and time.time() < until
            and all(_full_stamp(path) == stamp for path, stamp in files)
            and all(_listing(site) == listing for site, listing in sites)
        )
        output, talk = said
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return (output, talk) if same else None


def remember(
    words: "Sequence[str]",
    environ: "Mapping[str, str]",
    version: str,
    *,
    started: int,
    files: "Iterable[str]",
    sites: "Iterable[str]",
    said: tuple[str, str],
    until: float = float("inf"),
) -> bool:
    """Keep that `words` changed nothing and said this; whether that was possible.

    `started`: nanoseconds since the epoch, before anything was read.  `files`: every path whose
    content, or absence, had a say; `sites`: the folders of installed distributions.  Nothing is
    kept if one of them changed so late that a further change might not show in its time.
    `said`: on standard output and on standard error.  `until`: seconds since the epoch up to
    which it holds.
    """
    root = cache_root(words, environ)
    if root is None:
        return False
    question = _question(words, environ, version)
    stamps = [(path, _full_stamp(path)) for path in dict.fromkeys(files)]
    listings = [(site, _listing(site)) for site in dict.fromkeys(sites)]
    if any(listing is None for _, listing in listings):
        return False
    shown = [stamp for _, stamp in stamps]
    shown += [stamp for _, rows in listings for row in rows or () for stamp in row[1:]]
    if not all(_is_settled(stamp, started) for stamp in shown):
        return False
    path = _path(root, question)
    body = dumps((question, until, stamps, listings, said), _MARSHAL)  # type: ignore[arg-type]
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(temporary, "wb") as file:  # noqa: PTH123
            file.write(crc32(body).to_bytes(4, "little") + body)
        os.replace(temporary, path)  # noqa: PTH105
    except OSError:
        return False
    return True


def _question(
    words: "Sequence[str]", environ: "Mapping[str, str]", version: str
) -> tuple[object, ...]:
    """What is asked, and of whom."""
    variables = [
        (name, environ[name])
        for name in sorted(environ)
        if name.startswith(_PREFIXES) or name in _NAMES
    ]
    system = tuple(os.uname()) if hasattr(os, "uname") else ()
    return (
        _REVISION,
        version,
        sys.version,
        sys.executable,
        system,
        os.getcwd(),  # noqa: PTH109
        tuple(words),
        tuple(variables),
    )


def _path(root: str, question: tuple[object, ...]) -> str:
    """Where the token lies; two questions that share a place take turns."""
    name = f"{crc32(repr(question).encode()):08x}"
    return f"{root}/v1/{_BUCKET}/{name[:2]}/{name}"


def _stamp(path: str) -> Stamp:
    """Raises OSError for what cannot be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mode, status.st_mtime_ns


def _full_stamp(path: str) -> Stamp:
    """With the time that no program can set: an edit shows even if the other times are put back.

    Not for what is linked into environments: it changes with every further link.
    """
    try:
        status = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    changed = status.st_ctime_ns, status.st_mtime_ns
    return status.st_dev, status.st_ino, status.st_size, status.st_mode, *changed


def _listing(site: str) -> tuple[tuple[str, Stamp, Stamp], ...] | None:
    """The distributions in a folder, each with the stamps of its folder and its METADATA.

    None where there are legacy ones, or an installation that was interrupted or is under way.
    """
    try:
        names = os.listdir(site)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return ()
    if any(name.startswith(".vinstall-") for name in names):
        return None
    if any(name.endswith((".egg-info", ".egg-link")) for name in names):
        return None
    return tuple(
        (name, _stamp(f"{site}/{name}"), _stamp(f"{site}/{name}/METADATA"))
        for name in sorted(names)
        if name.endswith(".dist-info")
    )


def _is_settled(stamp: Stamp, started: int) -> bool:
    """Whether any change since `started` shows in the time of modification."""
    if stamp is None:
        return True
    changed = stamp[-1]
    return changed < started - (_FINE if changed % 1_000_000_000 else _COARSE)
