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
from vinstall.installation.concurrency import Background, Turns, Twin
from vinstall.installation.copying import OpenFolder, clone_file, copy_file, write_file
from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vinstall.cache.store import FileGroup

_FEW = 512
"""Links below which a second process does not pay."""
_SHARES = 64
"""Parts of the work, of which each process takes one after the other."""
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


class NewFile(Row):
    """A file that is written."""

    target: str
    """The folder, with a `/` at the end."""
    name: str
    content: bytes
    executable: bool
    more: tuple[str, ...] = ()
    """Parts of a text that follow the content."""


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
        shares = _shares(list(tasks), self.mode)
        failure: BaseException | None = None
        with Turns(len(shares)) as turns:

            def work() -> str:
                try:
                    return self._run(task for turn in turns for task in shares[turn])
                except BaseException:
                    turns.end()
                    raise

            # A process before a thread: one that has threads is not copied.
            ends = [self._begin(work)] if len(shares) > 1 else []
            ends.append(Background(meanwhile).wait)
            for part in (work, *ends):
                try:
                    part()
                except BaseException as error:  # noqa: BLE001  raised when all have ended
                    failure = failure or error
        if failure is not None:
            raise failure

    def _begin(self, work: Callable[[], str]) -> Callable[[], None]:
        """Begin to work beside this thread; what is returned waits for the end of it."""
        if can_fork():
            try:
                twin = Twin(work)
            except OSError:  # no more processes
                pass
            else:
                return lambda: self._adopt(twin.wait())
        return Background(work).wait

    def _adopt(self, mode: str) -> None:
        """Note the fallback of a copy of this process."""
        if mode == "copy":
            self.mode = mode

    def _run(self, work: Iterable[Transfer | NewFile]) -> str:
        """Put files in place; the mode in effect then."""
        made: set[str] = set()
        for task in work:
            if task.target not in made:
                _make_folder(task.target[:-1], made)
            if isinstance(task, Transfer):
                self._transfer(task)
            else:
                mode = 0o777 if task.executable else 0o666
                content = task.content + "".join(task.more).encode()
                write_file(task.target + task.name, content, mode)
        return str(self.mode)

    def _transfer(self, transfer: Transfer) -> None:
        done = 0
        if self.mode != "copy":
            names = transfer.group.names
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
        rows = list(transfer.group.rows())[begin:]
        with OpenFolder(transfer.source) as source, OpenFolder(transfer.target) as target:
            for name, size, time, mode in rows:
                try:
                    copy_file(source, target, name, size, mode)
                    if self._keep_times:
                        os.utime(target.prefix + name, ns=(time, time), dir_fd=target.handle)
                except OSError as error:  # which knows the last part of the path only
                    raise OSError(error.errno, error.strerror, transfer.target + name) from error


def _shares(tasks: list[Transfer | NewFile], mode: str) -> list[list[Transfer | NewFile]]:
    """The work in parts of about one size; one part where there is little of it, or one core."""
    costs = [_cost(task, mode) for task in tasks]
    total = sum(costs)
    if total < _FEW or (os.cpu_count() or 1) < 2:
        return [tasks]
    shares: list[list[Transfer | NewFile]] = []
    most = total // _SHARES
    cost = most
    for task, more in zip(tasks, costs, strict=True):
        if cost >= most:
            shares.append([])
            cost = 0
        shares[-1].append(task)
        cost += more
    return shares


def _cost(task: Transfer | NewFile, mode: str) -> int:
    """What to put something in place costs, in links."""
    if not isinstance(task, Transfer):
        return 3
    count = task.group.number
    return 3 * count + sum(task.group.facts[0]) // _LINKED_BYTES if mode == "copy" else count


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
    return Transfer._make((source, f"{target}/", group))


_LINKS: dict[str, Callable[[str, str], None]] = {
    "hardlink": os.link,
    "clone": clone_file,
    "symlink": os.symlink,
}
