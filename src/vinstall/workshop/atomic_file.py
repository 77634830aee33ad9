"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from vinstall.errors import SourceError


@contextmanager
def new_file(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file below `folder` under a name of its own; removed unless the caller moves it away.

    A folder made for it is removed again too.  Raises SourceError where it cannot be written to.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".vinstall-", suffix=".part", dir=folder)
    except OSError as error:
        raise SourceError(f"`{folder}` cannot be written to", context=(str(error),)) from error
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)
        if made:
            with suppress(OSError):  # it is in use now
                folder.rmdir()


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a closed file of `new_file` its name, with the permissions an ordinary new file has."""
    mask = os.umask(0)
    os.umask(mask)
    temporary.chmod(0o666 & ~mask)
    temporary.replace(path)


def write_file(path: Path, data: bytes) -> bool:
    """Make `path` hold `data`; False where it did already, and was not touched."""
    if path.is_file() and path.read_bytes() == data:
        return False
    with new_file(path.parent) as (temporary, file):
        file.write(data)
        file.close()
        put_in_place(temporary, path)
    return True
