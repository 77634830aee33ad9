"""RECORD ⇄ rows.  Spec: "Recording installed projects", PEP 427 (signatures, hash algorithms)."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vinstall.errors import FormatError, IntegrityError

UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")
"""Files of `.dist-info` that RECORD does not hash (PEP 427)."""
_STRONG = frozenset(
    {"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"}
)


class RecordMismatch(IntegrityError):
    """A file of a wheel is not what the wheel's own RECORD says."""


class RecordRow(NamedTuple):
    """One line of RECORD."""

    path: str
    hash: str
    """`sha256=...`, URL-safe base64 without padding; empty for RECORD itself."""
    size: int | None


def parse_record(text: bytes) -> tuple[RecordRow, ...]:
    """The rows in the order written.  Raises FormatError naming the line at fault."""
    try:
        lines = io.StringIO(text.decode(), newline="")
    except UnicodeDecodeError as error:
        raise FormatError("RECORD is not UTF-8") from error
    rows = []
    try:
        for number, fields in enumerate(csv.reader(lines, strict=True), 1):
            if fields:
                rows.append(_row(fields, number))
    except csv.Error as error:
        raise FormatError("RECORD is not CSV", context=(str(error),)) from error
    return tuple(rows)


def _row(fields: list[str], number: int) -> RecordRow:
    if len(fields) != 3:
        raise FormatError(f"line {number} of RECORD has {len(fields)} fields instead of 3")
    path, digest, size = fields
    if size and not (size.isascii() and size.isdigit() and len(size) < 16):
        raise FormatError(f"line {number} of RECORD has the size `{size[:40]}`")
    return RecordRow(path, digest, int(size) if size else None)


def render_record(rows: Iterable[RecordRow]) -> bytes:
    """The rows as written by PEP 427's tools: csv, line feeds, in the order given."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for path, digest, size in rows:
        writer.writerow((path, digest, "" if size is None else size))
    return out.getvalue().encode()


def record_hash(data: bytes) -> str:
    """The hash field of a file that holds `data`."""
    return render_digest("sha256", hashlib.sha256(data).digest())


def render_digest(algorithm: str, digest: bytes) -> str:
    """`algorithm=...` as RECORD writes it."""
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def record_faults(rows: Iterable[RecordRow], files: Mapping[str, int], info: str) -> list[str]:
    """What RECORD says that the archive's directory contradicts, one sentence each.

    `files` maps the archive's files to their sizes in bytes, `info` is the `.dist-info` folder.
    Hashes are compared elsewhere, where the content is read.
    """
    unlisted = {f"{info}/{name}" for name in UNLISTED}
    faults = []
    seen: set[str] = set()
    for path, digest, size in rows:
        if path in seen:
            faults.append(f"RECORD lists `{path}` more than once")
        seen.add(path)
        if path not in files:
            faults.append(f"RECORD lists `{path}`, which is not in the wheel")
        elif path not in unlisted:
            faults += _row_faults(path, digest, size, files[path])
    faults += [f"RECORD does not list `{path}`" for path in files if path not in seen | unlisted]
    return faults


def _row_faults(path: str, digest: str, size: int | None, actual: int) -> list[str]:
    algorithm, separator, value = digest.partition("=")
    if not separator or not value:
        return [f"RECORD has no hash of `{path}`"]
    if algorithm not in _STRONG:
        return [f"RECORD hashes `{path}` with {algorithm}, sha256 or better is asked for"]
    if size is not None and size != actual:
        return [f"RECORD says that `{path}` has {size} bytes, it has {actual}"]
    return []
