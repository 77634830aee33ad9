"""Checks: the promised hashes of a file, computed while its bytes pass by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vinstall.errors import HashMismatch, IntegrityError
from vinstall.formats.simple_api import RemoteFile

if TYPE_CHECKING:
    from hashlib import _Hash
    from pathlib import Path

_VARIABLE = frozenset({"shake_128", "shake_256"})
STRONG = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"})
"""Algorithms whose digest stands for a file."""


class Checks:
    """The running hashes of one file: sha256, and every one it was listed with."""

    def __init__(self, file: RemoteFile) -> None:
        """Raises IntegrityError where hashes are given and none of them can be computed."""
        import hashlib

        self._filename = file.filename
        self._expected = [pair for pair in file.hashes if _is_computable(pair[0])]
        if file.hashes and not self._expected:
            raise IntegrityError(
                f"`{file.filename}` is listed with hashes of unknown kinds only",
                context=tuple(algorithm for algorithm, _ in file.hashes),
            )
        names = {"sha256", *(algorithm for algorithm, _ in self._expected)}
        self._running: dict[str, _Hash] = {
            name: hashlib.new(name, usedforsecurity=False) for name in names
        }

    def update(self, data: bytes | memoryview) -> None:
        """More bytes of the file."""
        for running in self._running.values():
            running.update(data)

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes so far."""
        return self._running["sha256"].hexdigest()

    def finish(self) -> str:
        """The sha256 of the whole file.  Raises HashMismatch for the first hash that differs."""
        for algorithm, expected in self._expected:
            received = self._running[algorithm].hexdigest()
            if received != expected:
                raise HashMismatch(
                    file=self._filename,
                    algorithm=algorithm,
                    expected=expected,
                    received=received,
                )
        return self.sha256


def check_bytes(file: RemoteFile, content: bytes) -> str:
    """The sha256 of `content`, once every hash of `file` was found right.  Raises HashMismatch."""
    checks = Checks(file)
    checks.update(content)
    return checks.finish()


def listed_sha256(file: RemoteFile) -> str | None:
    """The sha256 the file is listed with, or None."""
    return next((digest for name, digest in file.hashes if name == "sha256"), None)


def may_be_whole(path: Path) -> bool:
    """Whether a file, if it is a wheel, ends as archives do; one that a server cut short does not."""
    import zipfile

    return path.suffix != ".whl" or zipfile.is_zipfile(path)


def strongest(file: RemoteFile) -> tuple[str, str] | None:
    """The first listed hash that is good enough to stand for the file, or None."""
    return next((pair for pair in file.hashes if pair[0] in STRONG), None)


def _is_computable(algorithm: str) -> bool:
    import hashlib

    return algorithm in hashlib.algorithms_guaranteed and algorithm not in _VARIABLE
