"""Journal: one change of an environment, so that it happens as a whole or not at all.

Everything new is first staged in a hidden folder of the environment's site folder.  The journal,
on disk before anything visible changes, lists two kinds of steps: old files are moved aside, then
new files and whole folders are moved in; both are renames inside one file system.  Renaming the
journal itself commits.  What is found after a crash follows from which name the journal has:

    draft       nothing visible happened yet     the staged files are removed
    journal     some steps may have happened     they are undone, last first
    committed   all steps happened               what was moved aside is removed

Each step leaves behind whether it happened (its source is gone), so undoing is repeatable.
`draft` is on the disk (fsync) before it becomes `journal`; later states rely on a file system
that keeps renames in order, as journaling ones do.
"""

# The steps are the system calls themselves, and paths are compared as text.
# ruff: noqa: PTH102, PTH103, PTH104, PTH105, PTH106, PTH108, PTH118, PTH120, PTH123, PTH208

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from vinstall.errors import InstallationError
from vinstall.values import frozen

STAGE_PREFIX = ".vinstall-"
"""Stage folders begin with this; nothing imports them or takes them for a distribution."""

_FORMAT = 1
_DRAFT, _JOURNAL, _COMMITTED = "draft", "journal", "committed"


class Area(NamedTuple):
    """One file system the change touches."""

    base: str
    """The folder that new files are placed relative to."""
    stage: str
    """The hidden folder on the same file system: `new` mirrors `base`, `old` holds numbers."""

    @property
    def new(self) -> str:
        """Where files to be moved in are staged."""
        return f"{self.stage}/new"

    @property
    def old(self) -> str:
        """Where files moved aside wait."""
        return f"{self.stage}/old"


class Step(NamedTuple):
    """One rename, within one area."""

    area: int
    path: str
    """Moving aside: the absolute path.  Moving in: the path relative to the area's base."""


@frozen
class Journal:
    """A change: everything needed to carry it out, to undo it, and to finish it."""

    areas: tuple[Area, ...]
    """The first holds the journal."""
    aside: tuple[Step, ...]
    """Old files; the n-th goes to `old/n` of its area."""
    inward: tuple[Step, ...]
    """New files and folders; no two overlap, and after `aside` nothing is in their way."""
    emptied: tuple[str, ...] = ()
    """Folders to be removed after the commit where nothing is left in them, deepest first."""
    created: tuple[str, ...] = ()
    """Folders made for the change, deepest first; removed when it is undone."""

    @property
    def home(self) -> str:
        """The folder of the journal."""
        return self.areas[0].stage

    # --- before anything visible ------------------------------------------------------------

    def begin(self) -> None:
        """Make the stage folders and write the draft.  Raises OSError."""
        for folder in reversed(self.created):
            os.mkdir(folder)
        os.mkdir(self.home)
        with open(os.path.join(self.home, _DRAFT), "w", encoding="ascii") as file:
            file.write(self.render())
        for area in self.areas:
            with contextlib.suppress(FileExistsError):
                os.mkdir(area.stage)
            os.mkdir(area.new)
            os.mkdir(area.old)

    def sync(self) -> None:
        """Wait until the draft is on the disk.  May be called from another thread."""
        with open(os.path.join(self.home, _DRAFT), "rb") as file:
            os.fsync(file.fileno())

    # --- the change ---------------------------------------------------------------------------

    def carry_out(self) -> None:
        """Do every step and commit.  Raises OSError half-way; `undo` is for then."""
        self._rename(_DRAFT, _JOURNAL)
        for index, step in enumerate(self.aside):
            with contextlib.suppress(FileNotFoundError):
                os.rename(step.path, f"{self.areas[step.area].old}/{index}")
        for step in self.inward:
            area = self.areas[step.area]
            os.rename(f"{area.new}/{step.path}", f"{area.base}/{step.path}")
        self._rename(_JOURNAL, _COMMITTED)

    def undo(self) -> None:
        """Take back the steps that happened, and remove the stage.  Repeatable.  Raises OSError."""
        for step in reversed(self.inward):
            area = self.areas[step.area]
            staged, placed = f"{area.new}/{step.path}", f"{area.base}/{step.path}"
            if not os.path.lexists(staged):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(placed, staged)
        for index, step in reversed(list(enumerate(self.aside))):
            kept = f"{self.areas[step.area].old}/{index}"
            if os.path.lexists(kept):
                os.makedirs(os.path.dirname(step.path), exist_ok=True)
                os.replace(kept, step.path)
        # From here on the stage may be half removed, which must not be read as steps that
        # happened: the name of the journal goes first.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.home, _JOURNAL))
        self.discard()

    def discard(self) -> None:
        """Remove the stage of a change of which nothing is visible."""
        self._remove_stages()
        _remove_empty(self.created)

    def finish(self) -> None:
        """Clean up after the commit.  Failures are left to the next `heal`."""
        _remove_empty(self.emptied)
        self._remove_stages()

    def _remove_stages(self) -> None:
        for area in self.areas[1:]:
            _remove_tree(area.stage)
        # `committed` and `draft` go last, so that this can be taken up again.
        for name in ("new", "old"):
            _remove_tree(os.path.join(self.home, name))
        _remove_tree(self.home)

    def _rename(self, before: str, after: str) -> None:
        os.rename(os.path.join(self.home, before), os.path.join(self.home, after))

    # --- text -----------------------------------------------------------------------------------

    def render(self) -> str:
        """The journal as JSON."""
        import json

        return json.dumps(
            {
                "format": _FORMAT,
                "areas": self.areas,
                "aside": self.aside,
                "inward": self.inward,
                "emptied": self.emptied,
                "created": self.created,
            }
        )


def parse_journal(text: bytes) -> Journal:
    """The journal in a file.  Raises ValueError for what is none, or is of another format."""
    import json

    value: Any = json.loads(text)
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise ValueError("not a journal of this format")
    return Journal(
        areas=tuple(Area(*area) for area in value["areas"]),
        aside=tuple(Step(*step) for step in value["aside"]),
        inward=tuple(Step(*step) for step in value["inward"]),
        emptied=tuple(value["emptied"]),
        created=tuple(value["created"]),
    )


def _remove_tree(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _remove_empty(folders: Iterable[str]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def unfinished(site: Path) -> Iterator[Path]:
    """Stage folders of interrupted changes in a site folder.  One listing of the folder."""
    try:
        names = os.listdir(site)
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
        for name in (_COMMITTED, _JOURNAL, _DRAFT):
            text = _read(stage / name)
            if text is None:
                continue
            journal = _parse_own(text, stage, is_journal=name == _JOURNAL)
            if name == _JOURNAL:
                journal.undo()
            elif name == _COMMITTED:
                journal.finish()
            else:
                journal.discard()
            return name != _DRAFT
        _remove_tree(str(stage))
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
