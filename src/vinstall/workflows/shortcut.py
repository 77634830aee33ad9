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
import time

from vinstall.workflows.kept_answer import (
    answer_path,
    cache_root,
    full_stamp,
    is_settled,
    read_answer,
    stamp,
    surroundings,
    write_answer,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from vinstall.workflows.kept_answer import Stamp

_REVISION = 5
_BUCKET = "shortcuts"


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
        kept: Any = read_answer(answer_path(root, _BUCKET, question))
        asked, until, files, sites, said = kept
        same = (
            asked == question
            and time.time() < until
            and all(full_stamp(path) == seen for path, seen in files)
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
    `said`: on standard output and on standard error; what a terminal would obey is not repeated.
    `until`: seconds since the epoch up to which it holds.
    """
    root = cache_root(words, environ)
    if root is None or not all(line.isprintable() for part in said for line in part.split("\n")):
        return False
    question = _question(words, environ, version)
    stamps = [(path, full_stamp(path)) for path in dict.fromkeys(files)]
    listings = [(site, _listing(site)) for site in dict.fromkeys(sites)]
    if any(listing is None for _, listing in listings):
        return False
    shown = [seen for _, seen in stamps]
    shown += [seen for _, rows in listings for row in rows or () for seen in row[1:]]
    if not all(is_settled(seen, started) for seen in shown):
        return False
    answer = (question, until, stamps, listings, said)
    return write_answer(answer_path(root, _BUCKET, question), answer)


def _question(
    words: "Sequence[str]", environ: "Mapping[str, str]", version: str
) -> tuple[object, ...]:
    """What is asked, and of whom."""
    return _REVISION, *surroundings(environ, version), tuple(words)


def _listing(site: str) -> "tuple[tuple[str, Stamp, Stamp], ...] | None":
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
        (name, stamp(f"{site}/{name}"), stamp(f"{site}/{name}/METADATA"))
        for name in sorted(names)
        if name.endswith(".dist-info")
    )
