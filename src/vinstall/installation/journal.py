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
# ruff: noqa: PTH102, PTH103, PTH104, PTH105, PTH108, PTH114, PTH118, PTH120, PTH123, SIM105

from __future__ import annotations

import os

from vinstall.values import Row, frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

STAGE_PREFIX = ".vinstall-"
"""Stage folders begin with this; nothing imports them or takes them for a distribution."""

_FORMAT = 1
DRAFT, JOURNAL, COMMITTED = "draft", "journal", "committed"


class Area(Row):
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


class Step(Row):
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
        with open(os.path.join(self.home, DRAFT), "w", encoding="ascii") as file:
            file.write(self.render())
        for area in self.areas:
            try:
                os.mkdir(area.stage)
            except FileExistsError:
                pass
            os.mkdir(area.new)
            os.mkdir(area.old)

    def sync(self) -> None:
        """Wait until the draft is on the disk.  May be called from another thread."""
        with open(os.path.join(self.home, DRAFT), "rb") as file:
            os.fsync(file.fileno())

    # --- the change ---------------------------------------------------------------------------

    def carry_out(self) -> None:
        """Do every step and commit.  Raises OSError half-way; `undo` is for then."""
        self._rename(DRAFT, JOURNAL)
        for index, step in enumerate(self.aside):
            try:
                os.rename(step.path, f"{self.areas[step.area].old}/{index}")
            except FileNotFoundError:
                pass
        for step in self.inward:
            area = self.areas[step.area]
            os.rename(f"{area.new}/{step.path}", f"{area.base}/{step.path}")
        self._rename(JOURNAL, COMMITTED)

    def undo(self) -> None:
        """Take back the steps that happened, and remove the stage.  Repeatable.  Raises OSError."""
        for step in reversed(self.inward):
            area = self.areas[step.area]
            staged, placed = f"{area.new}/{step.path}", f"{area.base}/{step.path}"
            if not os.path.lexists(staged):
                try:
                    os.rename(placed, staged)
                except FileNotFoundError:
                    pass
        for index, step in reversed(list(enumerate(self.aside))):
            kept = f"{self.areas[step.area].old}/{index}"
            if os.path.lexists(kept):
                os.makedirs(os.path.dirname(step.path), exist_ok=True)
                os.replace(kept, step.path)
        # From here on the stage may be half removed, which must not be read as steps that
        # happened: the name of the journal goes first.
        try:
            os.unlink(os.path.join(self.home, JOURNAL))
        except FileNotFoundError:
            pass
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
            remove_tree(area.stage)
        # `committed` and `draft` go last, so that this can be taken up again.
        for name in ("new", "old"):
            remove_tree(os.path.join(self.home, name))
        remove_tree(self.home)

    def _rename(self, before: str, after: str) -> None:
        os.rename(os.path.join(self.home, before), os.path.join(self.home, after))

    # --- text -----------------------------------------------------------------------------------

    def render(self) -> str:
        """The journal as JSON."""
        return (
            f'{{"format": {_FORMAT}, "areas": {_rows(self.areas)}, "aside": {_rows(self.aside)}, '
            f'"inward": {_rows(self.inward)}, "emptied": {_row(self.emptied)}, '
            f'"created": {_row(self.created)}}}'
        )


def _rows(rows: Iterable[Sequence[object]]) -> str:
    return f"[{', '.join(map(_row, rows))}]"


def _row(values: Iterable[object]) -> str:
    shown = (_quoted(one) if isinstance(one, str) else str(one) for one in values)
    return f"[{', '.join(shown)}]"


def _quoted(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    import json  # which takes longer to load than all of this

    return json.dumps(text)


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


def remove_tree(folder: str) -> None:
    """Remove a folder and what is in it; failures are passed over.  Not where a link leads."""
    if os.path.islink(folder):
        return
    for root, folders, files in os.walk(folder, topdown=False):
        for name in files:
            _try(os.unlink, f"{root}/{name}")
        for name in folders:
            path = f"{root}/{name}"
            _try(os.unlink if os.path.islink(path) else os.rmdir, path)
    _try(os.rmdir, folder)


def _remove_empty(folders: Iterable[str]) -> None:
    for folder in folders:
        _try(os.rmdir, folder)


def _try(call: Callable[[str], None], path: str) -> None:
    try:
        call(path)
    except OSError:
        pass
