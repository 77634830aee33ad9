"""Follower: unpacks a wheel that is still arriving, in a process of its own, or a share of it.

The other end of the line is `streaming`, in the process that downloads.  What is asked there, as
`marshal` values; each question has its answer before there is another one:

- `("early", (start, length))`: bytes that are not there yet, or None;
- `("there", place)`: how many bytes are there, once it is as many, or no more will come;
- `("members", (spans, all of them))`: None; tells what there is to unpack;
- `("next", (number, what became of that batch))`: the number of a batch, or None if none is left;
- `("ready", None)`: the whole file's path and sha256, and what became of all batches.

The last word has no answer: `("stored", remarks)`, or `("failed", reason)`.
"""

from __future__ import annotations

import io
import marshal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from vinstall.cache.store import Store
from vinstall.errors import VinstallError
from vinstall.installation.arriving_file import ArrivingFile, EarlyFile
from vinstall.installation.inflate import Written, best_codec, unpack_from
from vinstall.installation.unpack import batches, describe, make_folders
from vinstall.installation.wheel_file import InvalidWheel, Member, check_wheel
from vinstall.values import Row

Span = tuple[int, int]
"""Where a batch begins, and the compressed bytes of its first member."""
LARGE = 8 << 20
"""Compressed bytes of a member that one process is busy with for long."""
_MOST_PACKED = 1 << 20
"""Compressed bytes of a batch."""


class Task(Row):
    """What a follower is told first."""

    path: str
    """Where the wheel is written."""
    filename: str
    size: int
    """Bytes it will have."""
    folder: str
    """From `Store.begin`."""
    members: bytes | None
    """All batches, as another follower found them; None: to be found, and in the end stored."""


class Line:
    """Questions to the process that downloads."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        """`requests` is where answers to questions come from, too.

        All methods raise EOFError or OSError where nobody is there any more.
        """
        self._requests = requests
        self._answers = answers

    def tell(self, word: str, values: Any) -> None:
        """Something that has no answer."""
        marshal.dump((word, values), self._answers)
        self._answers.flush()

    def ask(self, word: str, values: Any) -> Any:
        """The answer to a question."""
        self.tell(word, values)
        return marshal.load(self._requests)  # noqa: S302  from the process that began this one


class Arrival:
    """What `source.Arriving` describes, on the other end of a line."""

    def __init__(self, path: Path, size: int, line: Line) -> None:
        self.path = path
        self.size = size
        self.there = 0
        self._line = line

    def wait(self, place: int) -> bool:
        """As `Arriving` says."""
        if self.there < place:
            self.there = self._line.ask("there", place)
        return self.there >= place

    def read_early(self, start: int, length: int) -> bytes | None:
        """As `Arriving` says."""
        content: bytes | None = self._line.ask("early", (start, length))
        return content


def follow(task: Task, line: Line, store: Store) -> None:
    """Unpack what nobody else has taken; tell how it went.

    Raises EOFError or OSError where the other process does not listen any more.
    """
    try:
        _follow(task, line, store)
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001  if it is a bug, the whole file meets it again
        line.tell("failed", reason_of(error))


def _follow(task: Task, line: Line, store: Store) -> None:
    arrival = Arrival(Path(task.path), task.size, line)
    file = ArrivingFile(arrival)
    files = Path(task.folder, "files")
    try:
        if task.members is not None:
            found = [[Member._make(one) for one in batch] for batch in marshal.loads(task.members)]  # noqa: S302
            _unpack(file, task.filename, found, str(files), line)
            return
        early = EarlyFile(arrival)
        checked = check_wheel(
            arrival.path,
            filename=task.filename,
            insensitive=store.folds_case(),
            content=io.BufferedReader(early),
        )
        early.forget()
        make_folders(checked, str(files))
        found = shared_out(checked.members)
        spans = [(batch[0].offset, batch[0].compressed) for batch in found]
        line.ask("members", (spans, marshal.dumps([list(map(tuple, batch)) for batch in found])))
        _unpack(file, task.filename, found, str(files), line)
        path, sha256, rows = line.ask("ready", None)
        if not early.agrees(Path(path)):
            raise InvalidWheel(task.filename, "its end is not what was read of it first")
        written = [Written._make(row) for batch in rows for row in marshal.loads(batch)]  # noqa: S302
        store.add(Path(task.folder), describe(checked, sha256, files, written))
        line.tell("stored", checked.remarks)
    finally:
        file.close()


def _unpack(
    file: ArrivingFile, filename: str, found: Sequence[Sequence[Member]], root: str, line: Line
) -> None:
    """Whatever this process is given of the batches."""
    codec = best_codec()
    done: tuple[int | None, bytes] = None, b""
    while (at := line.ask("next", done)) is not None:
        done = (
            at,
            marshal.dumps(list(map(tuple, unpack_from(file, filename, found[at], root, codec)))),
        )


def shared_out(members: Sequence[Member]) -> list[list[Member]]:
    """The members in archive order, cut into batches; a large one is a batch by itself.

    Each is read at once, and has to be there as a whole: so they are small.
    """
    shares: list[list[Member]] = []
    for batch in batches(members):
        packed = _MOST_PACKED
        for member in batch:
            if packed >= _MOST_PACKED or member.compressed >= LARGE:
                shares.append([])
                packed = 0
            shares[-1].append(member)
            packed += member.compressed
    return shares


def reason_of(error: Exception) -> str:
    """What is wrong, in few words."""
    reasons = error.context if isinstance(error, VinstallError) else ()
    return ", ".join(reasons) or str(getattr(error, "strerror", None) or error)
