"""Compile modules to bytecode: run by the target's interpreter, standard library only.

Standard input: JSON `[[root, out, [path, ...]], ...]`; each module `root/path` is compiled to
`out/.../__pycache__`.  Standard output: JSON, for each job the paths below `out` that were
written.  What does not compile is left out: a template is not an error.
"""

# Paths are text, and the target's Python may be old.
# ruff: noqa: PTH118, PTH123, PTH103, PTH116, PTH120

from __future__ import annotations

import importlib.util
import json
import os
import sys
from importlib.machinery import SourceFileLoader
from types import CodeType


def main() -> None:
    """Do every job in order."""
    jobs = json.loads(sys.stdin.buffer.read())
    done = []
    for root, out, paths in jobs:
        compiled = (_compile(root, out, path) for path in paths)
        done.append([path for path in compiled if path is not None])
    sys.stdout.write(json.dumps(done))


def _compile(root: str, out: str, path: str) -> str | None:
    source = os.path.join(root, path)
    cached = importlib.util.cache_from_source(path, optimization="")
    loader = SourceFileLoader("<vinstall>", source)
    try:
        # The import system puts in the real path when it loads the file.
        code = loader.source_to_code(loader.get_data(source), path)
        status = os.stat(source)
    except Exception:  # noqa: BLE001  a compiler meets every fault there is
        return None
    data = _pyc(code, int(status.st_mtime), status.st_size)
    target = os.path.join(out, cached)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(data)
    return cached


def _pyc(code: CodeType, time: int, size: int) -> bytes:
    """PEP 552: magic number, flags 0 (checked by time), source time and size, marshalled code."""
    import marshal

    header = importlib.util.MAGIC_NUMBER + b"\0\0\0\0"
    for number in (time, size):
        header += (number & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes(header + marshal.dumps(code))


if __name__ == "__main__":
    main()
