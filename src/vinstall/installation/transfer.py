"""Linker: files of the store into folders, linked or copied, and new files beside them.

The names of modes are those of `linking.LinkMode`.
"""

# Thousands of files, one system call each.
# ruff: noqa: PTH102, SIM105

from __future__ import annotations

import errno
import os
import sys

from vinstall.cache.integrity import can_fork
from vinstall.installation.concurrency import Background, Twin
from vinstall.installation.copying import OpenFolder, clone_file, copy_file, write_file
from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vinstall.cache.store import FileGroup

_FEW = 512
"""Links below which a second thread does not pay."""
_LINKED_BYTES = 10_000
"""Bytes that are copied in the time of one link."""
_MANY = 4
"""Files of one folder from which on it pays to open the folder."""
_UNSUPPORTED = frozenset(
    (
        errno.EXDEV,  # two file systems
        errno.EPERM,  # a file system without links, or protected_hardlinks
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.ENOSYS,
        errno.EINVAL,
        errno.ENOTTY,
        errno.EACCES,
    )
)
"""Answers that will be the same for every other file of the two folders."""


def default_mode() -> str:
    """The mode that suits the system."""
    return "clone" if sys.platform == "darwin" else "hardlink"


class Transfer(Row):
    """Files of one folder of the store and the folder they go into."""

    source: str
    """With a `/` at the end."""
    target: str
    """With a `/` at the end."""
    group: FileGroup
    begin: int
    end: int
    """They are those of the group from `begin` to before `end`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return self.group.names[self.begin : self.end]

    @property
    def size(self) -> int:
        """Their sizes together."""
        return sum(self.group.facts[0][self.begin : self.end])


class NewFile(Row):
    """A file that is written."""

    target: str
    """The folder, with a `/` at the end."""
    name: str
    content: bytes
    executable: bool


class Linker:
    """Puts files in place, with two processes or threads where there are cores for them.

    Threads wait for each other between calls as short as a link, but a process that has some
    cannot be copied.  Once a mode turns out not to work between the two file systems, the rest is
    copied.
    """

    def __init__(self, mode: str, *, keep_times: bool = False) -> None:
        """`keep_times`: copies get the times of the originals, which bytecode depends on."""
        self.mode = mode
        """The mode in effect; `copy` after a fallback."""
        self._keep_times = keep_times

    def run(
        self,
        tasks: Iterable[Transfer | NewFile],
        *,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Put all files in place, and make the folders for them; and call `meanwhile`.

        Raises OSError, such as FileExistsError where a name is taken.
        """
        work = [piece for task in tasks for piece in _pieces(task)]
        half = _half([_cost(task, self.mode) for task in work])
        # A process before a thread: one that has threads is not copied.
        other = self._begin(work[:half])
        beside = Background(meanwhile)
        ends = [beside.wait] if other is None else [beside.wait, other]
        failure: BaseException | None = None
        for part in (lambda: self._run(work[half:]), *ends):
            try:
                part()
            except BaseException as error:  # noqa: BLE001  raised when all have ended
                failure = failure or error
        if failure is not None:
            raise failure

    def _begin(self, work: Sequence[Transfer | NewFile]) -> Callable[[], None] | None:
        """Begin with a part of the work, if there is any; what is returned waits for its end."""
        if not work:
            return None
        if can_fork():
            try:
                twin = Twin(lambda: self._run(work))
            except OSError:  # no more processes
                pass
            else:
                return lambda: self._adopt(twin.wait())
        return Background(lambda: self._run(work)).wait

    def _adopt(self, mode: str) -> None:
        """Note the fallback of a copy of this process."""
        if mode == "copy":
            self.mode = mode

    def _run(self, work: Sequence[Transfer | NewFile]) -> str:
        """Put files in place; the mode in effect then."""
        made: set[str] = set()
        for task in work:
            if task.target not in made:
                _make_folder(task.target[:-1], made)
            if isinstance(task, Transfer):
                self._transfer(task)
            else:
                mode = 0o777 if task.executable else 0o666
                write_file(task.target + task.name, task.content, mode)
        return str(self.mode)

    def _transfer(self, transfer: Transfer) -> None:
        done = 0
        if self.mode != "copy":
            names = transfer.names
            done = _link_many(transfer, names) if self.mode == "hardlink" else 0
            link = _LINKS[self.mode]
            source, target = transfer.source, transfer.target
            try:
                for name in names[done:]:
                    link(source + name, target + name)
                    done += 1
                return
            except FileExistsError:
                raise
            except OSError as error:
                if error.errno in _UNSUPPORTED:
                    self.mode = "copy"
                elif error.errno != errno.EMLINK:  # one file with too many names
                    raise
        self._copy(transfer, done)

    def _copy(self, transfer: Transfer, begin: int) -> None:
        """Copies, but for the first `begin` files."""
        rows = list(transfer.group.rows())[transfer.begin + begin : transfer.end]
        with OpenFolder(transfer.source) as source, OpenFolder(transfer.target) as target:
            for name, size, time, mode in rows:
                try:
                    copy_file(source, target, name, size, mode)
                    if self._keep_times:
                        os.utime(target.prefix + name, ns=(time, time), dir_fd=target.handle)
                except OSError as error:  # which knows the last part of the path only
                    raise OSError(error.errno, error.strerror, transfer.target + name) from error


def _pieces(task: Transfer | NewFile) -> Iterable[Transfer | NewFile]:
    """A task in parts that can be shared out."""
    if not isinstance(task, Transfer) or task.end <= _FEW:
        return (task,)
    begins = range(0, task.end, _FEW)
    return [task._replace(begin=at, end=min(at + _FEW, task.end)) for at in begins]


def _cost(task: Transfer | NewFile, mode: str) -> int:
    """What to put something in place costs, in links."""
    if not isinstance(task, Transfer):
        return 3
    count = task.end - task.begin
    return 3 * count + task.size // _LINKED_BYTES if mode == "copy" else count


def _half(costs: Sequence[int]) -> int:
    """How many tasks are half of the work; none where there is too little to share, or one core."""
    total = sum(costs)
    if total < _FEW or (os.cpu_count() or 1) < 2:
        return 0
    half, cost = 0, 0
    while cost < total // 2:
        cost += costs[half]
        half += 1
    return half


def _link_many(transfer: Transfer, names: Sequence[str]) -> int:
    """Hard links from folder to folder, which the system then need not look up for each file.

    How many there are now: up to the first that failed, none where that way would be longer.
    """
    if len(names) < _MANY or os.link not in os.supports_dir_fd:
        return 0
    done = 0
    try:
        with OpenFolder(transfer.source) as source, OpenFolder(transfer.target) as target:
            begin, end = source.handle, target.handle
            for name in names:
                os.link(name, name, src_dir_fd=begin, dst_dir_fd=end, follow_symlinks=False)
                done += 1
    except OSError:  # met again, and told with the whole path
        pass
    return done


def _make_folder(folder: str, made: set[str]) -> None:
    """The folder and its parents, which others may make as well; all are noted in `made`."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        pass
    except FileNotFoundError:
        _make_folder(folder.rpartition("/")[0], made)
        try:
            os.mkdir(folder)
        except FileExistsError:
            pass
    made.add(f"{folder}/")


def transfer(group: FileGroup, root: str, target: str) -> Transfer:
    """The files of `group`, which lie below `root`, for the folder `target`."""
    source = f"{root}/{group.source}/" if group.source else f"{root}/"
    return Transfer._make((source, f"{target}/", group, 0, group.number))


_LINKS: dict[str, Callable[[str, str], None]] = {
    "hardlink": os.link,
    "clone": clone_file,
    "symlink": os.symlink,
}
