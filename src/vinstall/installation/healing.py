"""Healing: interrupted changes of an environment, brought to their end or undone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vinstall.errors import InstallationError
from vinstall.installation.journal import (
    COMMITTED,
    DRAFT,
    JOURNAL,
    STAGE_PREFIX,
    Area,
    Journal,
    parse_journal,
    remove_tree,
)


def unfinished(site: Path) -> Iterator[Path]:
    """Stage folders of interrupted changes in a site folder.  One listing of the folder."""
    try:
        names = os.listdir(site)  # noqa: PTH208
    except OSError:
        return
    for name in names:
        if name.startswith(STAGE_PREFIX) and (site / name).is_dir():
            yield site / name


def heal_stage(stage: Path) -> bool:
    """Bring an interrupted change to its end or undo it; true where the environment was touched.

    The caller holds the environment's lock.  Raises InstallationError where that cannot be done.
    """
    try:
        for name in (COMMITTED, JOURNAL, DRAFT):
            text = _read(stage / name)
            if text is None:
                continue
            journal = _parse_own(text, stage, is_journal=name == JOURNAL)
            if name == JOURNAL:
                journal.undo()
            elif name == COMMITTED:
                journal.finish()
            else:
                journal.discard()
            return name != DRAFT
        remove_tree(str(stage))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InstallationError(
            "an interrupted installation could not be undone",
            context=(f"its journal is in `{stage}`", str(error)),
            hint="make the folder writable and run the command again",
        ) from error
    return False


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _parse_own(text: bytes, stage: Path, *, is_journal: bool) -> Journal:
    """The journal found in `stage`.

    Where it need not be undone, one that cannot be read, or that came with a copied environment
    and speaks of the other one's paths, means the stage alone.
    """
    try:
        journal = parse_journal(text)
        if Path(journal.home) != stage:
            raise ValueError(f"the journal belongs to `{journal.home}`")
    except (ValueError, KeyError, TypeError):
        if is_journal:
            raise
        return Journal(areas=(Area(str(stage.parent), str(stage)),), aside=(), inward=())
    return journal
