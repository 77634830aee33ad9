"""Bytecode of stored wheels: compiled once by the target's interpreter, linked ever after.

Spec: PEP 3147, 552.  A file that carries the time of its source stays valid where the source is
linked, which keeps its time.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vinstall.cache.store import Bytecode, FileGroup, Store, StoredWheel, file_groups
from vinstall.errors import InstallationError
from vinstall.installation.placement import joined
from vinstall.observer import Observer
from vinstall.target.environment import Target
from vinstall.values import Row


class _Job(Row):
    """One wheel to be compiled."""

    wheel: StoredWheel
    folder: Path
    """From `Store.begin`."""
    modules: dict[str, tuple[str, str]]
    """Path in the wheel to scheme and folder inside the scheme's."""


def compile_wheels(
    wheels: Sequence[StoredWheel], target: Target, store: Store, observer: Observer
) -> Mapping[str, Bytecode]:
    """The wheel's sha256 to its compiled modules, for the interpreter of `target`.

    What the store does not have yet is compiled, with as many processes as there are cores:
    about a millisecond a module.  Raises InstallationError where the interpreter fails.
    """
    kind = bytecode_kind(target)
    found: dict[str, Bytecode] = {}
    jobs: list[_Job] = []
    for wheel in wheels:
        known = store.bytecode(wheel, kind)
        if known is not None:
            found[wheel.sha256] = known
        else:
            jobs.append(_Job(wheel, store.begin(), _modules(wheel)))
    if not jobs:
        return found
    try:
        count = sum(len(job.modules) for job in jobs)
        observer.detail(f"compiling {count} modules with `{target.python}`")
        for job, written in zip(jobs, _compile(jobs, target.python), strict=True):
            groups = _groups(job, written)
            found[job.wheel.sha256] = store.add_bytecode(job.wheel, kind, job.folder, groups)
    finally:
        for job in jobs:
            store.discard(job.folder)
    return found


def bytecode_kind(target: Target) -> str:
    """Everything bytecode depends on, fit for a file name."""
    abi = next(iter(target.tags), "").split("-")[1:2]
    name = target.markers.get("implementation_name", "python")
    return "-".join((name, str(target.python_version), *abi))


def _modules(wheel: StoredWheel) -> dict[str, tuple[str, str]]:
    return {
        joined(group.source, name): (group.scheme, group.folder)
        for group in wheel.groups
        if group.scheme in ("purelib", "platlib")
        for name in group.names
        if name.endswith(".py")
    }


def _compile(jobs: Sequence[_Job], python: Path) -> list[list[str]]:
    """For each job, the paths of what was written, relative to its folder."""
    script = Path(__file__).with_name("compile_script.py")
    shares = _shares(jobs, os.cpu_count() or 1)
    processes = [
        subprocess.Popen(
            [python, "-I", "-S", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in shares
    ]
    written: list[list[str]] = [[] for _ in jobs]
    try:
        for process, share in zip(processes, shares, strict=True):
            if process.stdin is not None:
                process.stdin.write(json.dumps([part for _, part in share]).encode())
                process.stdin.close()
                process.stdin = None
        for process, share in zip(processes, shares, strict=True):
            out, errors = process.communicate()
            if process.returncode:
                raise InstallationError(
                    f"`{python}` could not compile modules",
                    context=tuple(errors.decode(errors="replace").strip().splitlines()[-1:]),
                    hint="leave out `--compile`",
                )
            for (index, _), paths in zip(share, json.loads(out), strict=True):
                written[index] += paths
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return written


def _shares(
    jobs: Sequence[_Job], processes: int
) -> list[list[tuple[int, tuple[str, str, list[str]]]]]:
    """The work of each process: job numbers with what `compile_script` is told of them."""
    shares: list[list[tuple[int, tuple[str, str, list[str]]]]] = [[] for _ in range(processes)]
    for index, job in enumerate(jobs):
        modules = list(job.modules)
        for number, share in enumerate(shares):
            part = modules[number::processes]
            if part:
                share.append((index, (job.wheel.path, str(job.folder / "files"), part)))
    return [share for share in shares if share]


def _groups(job: _Job, written: Iterable[str]) -> tuple[FileGroup, ...]:
    rows: dict[tuple[str, str, str], list[tuple[str, int, int, int]]] = {}
    homes = {path.rpartition("/")[0]: place for path, place in job.modules.items()}
    for path in sorted(written):
        source, _, name = path.rpartition("/")
        scheme, folder = homes[source.removesuffix("__pycache__").rstrip("/")]
        status = (job.folder / "files" / path).stat()
        row = (name, status.st_size, status.st_mtime_ns, status.st_mode)
        rows.setdefault((scheme, joined(folder, "__pycache__"), source), []).append(row)
    return file_groups(rows)
