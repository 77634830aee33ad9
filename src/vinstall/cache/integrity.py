"""Inspection: whether files of the store are as they were written, seen by a process of its own.

A look costs two or three microseconds, a large environment has ten thousand files, and threads
that look wait for each other.  A forked copy of this process reads, changes nothing, and says yes,
or nothing; meanwhile this one goes on.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vinstall.cache.store import FileGroup

    Tree = tuple[str, Sequence[FileGroup]]
    """A folder, and the files below it as they were written."""

_MANY = 1000
"""Files from which on a process is worth its start, a millisecond."""


class Inspection:
    """A look at many files.  Begins at once; `passed` has to be asked, or `stop` called."""

    def __init__(self, trees: Callable[[], Sequence[Tree]], *, many: bool) -> None:
        """`trees` is called by who looks; `many`: whether a process of its own is worth its start."""
        self._trees = trees
        self._reader = _fork(trees) if many and can_fork() else None

    def passed(self) -> bool:
        """Whether every file is as it was written.  Waits for the answer."""
        reader, self._reader = self._reader, None
        if reader is not None and _wait(reader):
            return True
        # What the other process did not vouch for is looked at here.
        return all(is_intact(*tree) for tree in self._trees())

    def stop(self) -> None:
        """Do without the answer, unless it was asked for."""
        reader, self._reader = self._reader, None
        if reader is not None:
            _wait(reader)


def inspect(trees: Sequence[Tree]) -> bool:
    """Whether all files are as they were written: half of the looks in a process of its own."""
    mine, others = _halves(trees)
    there = Inspection(lambda: others, many=_count(others) >= _MANY)
    try:
        return all(is_intact(*tree) for tree in mine) and there.passed()
    finally:
        there.stop()


def _halves(trees: Sequence[Tree]) -> tuple[list[Tree], list[Tree]]:
    """The same files, shared out to two lists."""
    left = _count(trees) // 2
    halves: tuple[list[Tree], list[Tree]] = ([], [])
    for path, groups in trees:
        parts: tuple[list[FileGroup], list[FileGroup]] = ([], [])
        for group in groups:
            parts[left > 0].append(group)
            left -= group.number
        for half, part in zip(halves, parts, strict=True):
            half.append((path, part))
    return halves


def _count(trees: Sequence[Tree]) -> int:
    return sum(group.number for _, groups in trees for group in groups)


def is_intact(path: str, groups: Sequence[FileGroup]) -> bool:
    """Whether each file has the size, mode and time of modification it was written with.

    `path` is the folder they are below; empty for the working folder.
    """
    look = os.lstat
    try:
        for group in groups:
            folder = f"{path}/{group.source}" if path and group.source else path or group.source
            prefix = f"{folder}/" if folder else ""
            for name, size, written, mode in group.rows():
                status = look(prefix + name)
                if (
                    status.st_mtime_ns != written
                    or status.st_size != size
                    or status.st_mode != mode
                ):
                    return False
    except OSError:
        return False
    return True


def can_fork() -> bool:
    """Whether this process may be copied: there is a second core, and no second thread.

    The copy of a process with threads may find locks held for ever.
    """
    if sys.platform != "linux" or (os.cpu_count() or 1) < 2:
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    except OSError:
        return False


def _fork(trees: Callable[[], Sequence[Tree]]) -> int | None:
    """The number of a process that ends with 0 if all files are as they were written."""
    here = os.getpid()
    passed = False
    try:
        number = os.fork()
        if number:
            return number
        passed = all(_is_intact_inside(*tree) for tree in trees())
    except OSError:
        pass
    finally:  # whatever happens, a Ctrl-C included: nothing of this process goes on in the copy
        if os.getpid() != here:
            os._exit(0 if passed else 1)
    return None


def _is_intact_inside(path: str, groups: Sequence[FileGroup]) -> bool:
    """As `is_intact`; the way to a file is shorter from the folder itself."""
    os.chdir(path)
    return is_intact("", groups)


def _wait(reader: int) -> bool:
    try:
        return os.waitpid(reader, 0)[1] == 0
    except ChildProcessError:  # somebody else has waited for it
        return False
