"""Machine: the few ways in which a provider may look at the machine, so that tests can stand in for it.

Everything a built-in provider learns passes through one of these: an environment variable, a small
file, the entries of a folder, a shared library, the output of a vendor's tool.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vinstall.values import frozen

_READ_LIMIT = 64 * 1024
_SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}
_MASKS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


@frozen
class Machine:
    """What is looked at.  None of the functions raises: what cannot be had is None or empty."""

    system: str
    """`Linux`, `Darwin`, `Windows`, or what `sys.platform` says elsewhere."""
    processor: str
    """As `platform.machine()` says: `x86_64`, `AMD64`, `aarch64`, `arm64`, ..."""
    environ: Mapping[str, str]
    read: Callable[[str, int], str | None]
    """Up to so many bytes from the start of a file."""
    entries: Callable[[str], Sequence[str]]
    """Names inside a folder, sorted."""
    load: Callable[[str], Any]
    """A shared library by soname or path, or None."""
    run: Callable[[Sequence[str], float], str | None]
    """Standard output of a command that ends well within so many seconds."""
    identity: Callable[[str], tuple[int, ...] | None]
    """Device, inode, size and time of modification of a file, the first two of a folder."""
    described: bool = False
    """True where the target is another machine that was only described: nothing can be asked."""

    def text(self, path: str, limit: int = _READ_LIMIT) -> str | None:
        """The start of a file, white space at its ends removed; None where it cannot be read."""
        content = self.read(path, limit)
        return None if content is None else content.strip()


def this_machine(environ: Mapping[str, str] | None = None) -> Machine:
    """The machine this runs on; looking at it costs nothing until a function is called."""
    variables = os.environ if environ is None else environ
    return Machine(
        system=_SYSTEMS.get(sys.platform, sys.platform),
        processor=_processor(variables),
        environ=variables,
        read=_read,
        entries=_entries,
        load=_load,
        run=lambda command, seconds: _run(command, seconds, variables),
        identity=_identity,
    )


def described_machine(*, system: str, processor: str, environ: Mapping[str, str]) -> Machine:
    """A machine of which only the platform is known; the override variables still speak for it.

    `system` and `processor` are the target's `platform_system` and `platform_machine` markers.
    """
    return Machine(
        system=system,
        processor=processor,
        environ=environ,
        read=lambda _path, _limit: None,
        entries=lambda _path: (),
        load=lambda _name: None,
        run=lambda _command, _seconds: None,
        identity=lambda _path: None,
        described=True,
    )


def _processor(environ: Mapping[str, str]) -> str:
    if sys.platform == "win32":
        # A 32-bit process is told of the processor it runs on by the first of the two.
        native = environ.get("PROCESSOR_ARCHITEW6432") or environ.get("PROCESSOR_ARCHITECTURE")
        return native or ""
    return os.uname().machine


def _read(path: str, limit: int) -> str | None:
    # One system call: the kernel writes /proc/cpuinfo while it is read, core after core.
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(descriptor, limit).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _entries(path: str) -> Sequence[str]:
    try:
        return sorted(entry.name for entry in Path(path).iterdir())
    except OSError:
        return ()


def _load(name: str) -> Any:
    try:
        if sys.platform == "linux":
            # Most machines lack the library, and what looks for it is a fourth of ctypes.
            from _ctypes import dlopen

            dlopen(name, 0)
        import ctypes

        return ctypes.CDLL(name)
    except OSError:
        return None


def _run(command: Sequence[str], seconds: float, environ: Mapping[str, str]) -> str | None:
    import shutil
    import subprocess

    program = shutil.which(command[0], path=environ.get("PATH"))
    if program is None:
        return None
    # What a shell hides from programs is still in the machine: the providers answer for the latter.
    variables = {name: value for name, value in environ.items() if name not in _MASKS}
    try:
        done = subprocess.run(
            [program, *command[1:]],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=True,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _identity(path: str) -> tuple[int, ...] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return status.st_dev, status.st_ino
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
