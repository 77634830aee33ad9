"""The express lane: an installation that was made before, made again before anything is loaded.

A run that installed a remembered resolution leaves a recipe: what was asked, the stamp of every
file that had a say (requirements, configuration, pages of indexes), what the environment was like,
and the wheels that came into it.  The next run of the same words, for that environment or for
another one that was made alike, looks at these, and where all are as they were, and the pages are
still fresh, it goes straight to the store and the transaction.  Whatever is unclear or new falls
through to the full way, with nothing changed: the lane may miss, and never be wrong.

This module runs before everything else, so it imports nothing that the interpreter has not
loaded by then; hence plain tuples instead of classes.
"""

# System calls on paths that are compared as text.
# ruff: noqa: PTH109, PTH112, PTH113, PTH118, PTH120, PTH123, PTH208

import os
import time

from vinstall.workflows.kept_answer import (
    answer_path,
    cache_root,
    full_stamp,
    read_answer,
    surroundings,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

BUCKET = "recipes"
_REVISION = 3
_HIDDEN = "\0"
"""Stands for the path of the environment; no word of a command line has it."""
_MOST_INSTALLED = 8
"""Distributions that may be there already; each is compared as a whole."""
_ELSEWHERE = ("PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")
"""Variables that name the environment; which one it is, is no part of the question."""


def travel(
    words: "Sequence[str]", environ: "Mapping[str, str]", version: str, *, terminal: bool
) -> str | None:
    """Install what an earlier run of `words` installed, and return what it would say.

    `terminal`: whether it will be said on one.  None where all has to be found out; nothing has
    changed then.
    """
    begun = time.perf_counter()
    root = cache_root(words, environ)
    try:
        asked = question(words, environ, version)
        if root is None or asked is None:
            return None
        recipe: Any = read_answer(answer_path(root, BUCKET, asked))
        if recipe[0] != asked:
            return None
        _, until, files, kind, listing, load = recipe
        found = environment(words, environ)
        fresh = time.time() < until and all(full_stamp(path) == seen for path, seen in files)
        if found is None or not fresh:
            return None
        answers = _answers(found[0], environ, kind)
        if answers is None or not _install(answers, kind[2], listing, load):
            return None
    except (OSError, ValueError, EOFError, TypeError):
        return None
    talk = said(
        answers["prefix"], found[1], load, coloured=terminal and _is_colourful(words, environ)
    )
    return f"{talk}{time.perf_counter() - begun:.1f} s\n"


# --- the question ---------------------------------------------------------------------------------


def question(
    words: "Sequence[str]", environ: "Mapping[str, str]", version: str
) -> tuple[object, ...] | None:
    """What is asked, and of whom, apart from which environment it is; None: nothing for this lane."""
    hidden, named = _without_place(words)
    if len(named) > 1:
        return None
    active = environ.get("VIRTUAL_ENV")
    how = "--python" if named else "VIRTUAL_ENV" if active else ".venv"
    if how == ".venv" and environ.get("CONDA_PREFIX"):
        return None
    # The `pip.conf` of an active environment counts, instead of that of our own.
    if active and os.path.lexists(f"{active}/pip.conf"):
        return None
    known = surroundings(environ, version, without=_ELSEWHERE)
    umask = os.umask(0o022)  # files have the modes it gave them when they were unpacked
    os.umask(umask)
    return _REVISION, *known, umask, hidden, how, bool(active)


def _without_place(words: "Sequence[str]") -> tuple[tuple[str, ...], list[str]]:
    """The words with the values of `--python` hidden, and these values.

    Where such a word is none of the option, the environment of the run that leaves the recipe is
    another one than the word says, and it leaves none.
    """
    hidden: list[str] = []
    named: list[str] = []
    takes_value = False
    for word in words:
        if takes_value:
            named.append(word)
            hidden.append(_HIDDEN)
        elif word.startswith("--python="):
            named.append(word[9:])
            hidden.append(f"--python={_HIDDEN}")
        else:
            hidden.append(word)
        takes_value = not takes_value and word in ("--python", "-p")
    return tuple(hidden), named


def environment(words: "Sequence[str]", environ: "Mapping[str, str]") -> tuple[str, str] | None:
    """The interpreter of the environment and how it is found, as `target.discover` would.

    None where that takes more than looking at a path.
    """
    _, named = _without_place(words)
    here = os.getcwd()
    if named:
        if not named[0] or named[0].startswith("~"):
            return None
        path = os.path.normpath(os.path.join(here, named[0]))
        return (f"{path}/bin/python" if os.path.isdir(path) else path), "`--python`"
    if active := environ.get("VIRTUAL_ENV"):
        return f"{active}/bin/python", "active virtual environment"
    folder = here
    while not os.path.isfile(os.path.join(folder, ".venv", "pyvenv.cfg")):
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return None
    return os.path.join(folder, ".venv", "bin", "python"), f"`.venv` in `{folder}`"


# --- the environment ------------------------------------------------------------------------------


def _answers(python: str, environ: "Mapping[str, str]", kind: "Any") -> "dict[str, Any] | None":
    """What is known of the interpreter; None where it is of another kind than the recipe's."""
    from vinstall.target.siblings import base_stamps, likeness, with_prefix

    wanted, answers, _, base = kind
    alike = likeness(python, environ)
    if alike is None or alike[0] != wanted or "@" in alike[1]:
        return None
    full = with_prefix(answers, alike[1], python)
    return full if full is not None and base_stamps(full) == base else None


def listing_of(folders: "Iterable[str]", startup: object) -> list[object] | None:
    """The distributions in site folders, each with all that could have a say.

    None where there are many, or legacy ones, or other things run at start than `startup`, or an
    installation was interrupted or is under way.  Raises OSError.
    """
    from vinstall.target import siblings

    names = {folder: sorted(siblings.names_in(folder)) for folder in folders}
    if siblings.startup(tuple(names), names.__getitem__) != startup:
        return None
    found: list[object] = []
    for folder, listed in names.items():
        if any(name.startswith(".vinstall") for name in listed):
            return None
        if any(name.endswith((".egg-info", ".egg-link")) for name in listed):
            return None
        infos = [name for name in listed if name.endswith(".dist-info")]
        if len(infos) > _MOST_INSTALLED:
            return None
        found.append([_contents(f"{folder}/{name}", name) for name in infos])
    return found


def site_folders(answers: "Mapping[str, Any]") -> list[str]:
    """The folders in which installed distributions count, each once."""
    scheme = answers["scheme"]
    return list(dict.fromkeys((*answers["site"], scheme["purelib"], scheme["platlib"])))


def _contents(folder: str, name: str) -> tuple[object, ...]:
    """A distribution: what is in its folder, and its metadata."""
    with open(f"{folder}/METADATA", "rb") as file:
        return name, sorted(os.listdir(folder)), file.read()


def _install(answers: "dict[str, Any]", startup: object, listing: object, load: "Any") -> bool:
    """Put the wheels into the environment, if it is as the recipe says."""
    from vinstall.errors import InstallationError
    from vinstall.installation.newcomers import Destination, Newcomer, install_directly, try_lock

    lock = try_lock(os.path.realpath(answers["scheme"]["purelib"]))
    if lock is None:
        return False
    try:
        if listing_of(site_folders(answers), startup) != listing:
            return False
        return install_directly(
            load["store"],
            [Newcomer(*row) for row in load["wheels"]],
            Destination(answers["executable"], answers["scheme"]),
            link_mode=load["link_mode"],
            bytecode_kind=load["bytecode"],
        )
    except InstallationError:  # and all is as it was: the full way says why
        return False
    finally:
        lock.release()


# --- talk -----------------------------------------------------------------------------------------


def said(prefix: str, origin: str, load: "Mapping[str, Any]", *, coloured: bool) -> str:
    """What the full way says of such an installation, up to its duration."""
    first = f"environment: `{prefix}` ({load['python']}, {origin})\n"
    return f"{first}{load['follows']}{closing(load['wheels'], coloured=coloured)}"


def closing(wheels: "Sequence[Any]", *, coloured: bool) -> str:
    """The end of it: what is new, and how much, up to the duration."""
    plus = "\x1b[32m+\x1b[0m" if coloured else "+"
    lines = [f"{plus} {name} {shown}\n" for name, shown, *_ in wheels]
    projects = "1 project" if len(wheels) == 1 else f"{len(wheels)} projects"
    return f"{''.join(lines)}installed {projects} in "


def _is_colourful(words: "Sequence[str]", environ: "Mapping[str, str]") -> bool:
    """Whether a terminal is to be given colours, as the console decides it."""
    plain = environ.get("TERM") == "dumb" or environ.get("NO_COLOR")
    return not (plain or "--no-color" in words)
