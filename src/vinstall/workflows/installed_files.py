"""The files of an environment against the RECORDs: missing, owned twice, changed."""

# Thousands of paths are compared as text.
# ruff: noqa: PTH118

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.utils import NormalizedName

from vinstall.errors import FormatError
from vinstall.target.installed import InstalledDistribution, RecordRow
from vinstall.workflows.finding import Finding, Kind, named_files

_BLOCK = 1 << 20


class _Owned(NamedTuple):
    owner: InstalledDistribution
    row: RecordRow


def file_findings(
    distributions: Iterable[InstalledDistribution], *, contents: bool
) -> Iterator[Finding]:
    """What is wrong with the files that `distributions` list.

    Costs a look at each file (2 microseconds apiece), with `contents` its bytes.
    """
    owned: dict[str, list[_Owned]] = {}
    for distribution in distributions:
        try:
            rows = distribution.record() or ()
        except FormatError as error:
            yield _unreadable(distribution, error)
            continue
        site = os.path.realpath(distribution.site)
        missing = []
        for row in rows:
            if row.path.endswith(".pyc"):
                continue  # made anew whenever it is missing
            path = f"{site}/{row.path}"
            if row.path.startswith(("/", ".")) or "/." in row.path:
                path = os.path.normpath(os.path.join(site, row.path))
            if not os.path.lexists(path):
                missing.append(path)
                continue
            owned.setdefault(path, []).append(_Owned(distribution, row))
        if missing:
            yield _missing(distribution, tuple(sorted(missing)))
    yield from _shared(owned)
    if contents:
        yield from _changed(owned)


def _unreadable(distribution: InstalledDistribution, error: FormatError) -> Finding:
    return Finding(
        kind=Kind.UNREADABLE_METADATA,
        projects=(distribution.name,),
        sentence=f"{distribution.name} {distribution.version} has an unreadable RECORD: {error}.",
    )


def _missing(distribution: InstalledDistribution, files: tuple[str, ...]) -> Finding:
    return Finding(
        kind=Kind.MISSING_FILE,
        projects=(distribution.name,),
        sentence=f"{distribution.name} {distribution.version} lacks {named_files(files)}.",
        files=files,
    )


def _shared(owned: dict[str, list[_Owned]]) -> Iterator[Finding]:
    """One finding for each set of owners, apart by whether all agree on the content.

    Empty `__init__.py` files of a namespace are often in several wheels: nobody loses by that
    before one of them is uninstalled.
    """
    groups: dict[tuple[tuple[NormalizedName, ...], bool], list[str]] = {}
    for path, owners in owned.items():
        if len(owners) < 2:
            continue
        names = tuple(sorted({one.owner.name for one in owners}))
        if len(names) > 1:
            digests = {one.row.digest for one in owners}
            agree = len(digests) == 1 and "" not in digests
            groups.setdefault((names, agree), []).append(path)
    for (names, agree), paths in sorted(groups.items()):
        files = tuple(sorted(paths))
        content = "with the same content" if agree else "with different contents"
        yield Finding(
            kind=Kind.SHARED_FILE,
            projects=names,
            sentence=f"{' and '.join(names)} own the same file, {content}: {named_files(files)}.",
            files=files,
            is_fault=not agree,
        )


def _changed(owned: dict[str, list[_Owned]]) -> Iterator[Finding]:
    """One finding for each distribution with files that differ from what RECORD says of them."""
    changed: dict[InstalledDistribution, list[str]] = {}
    for path, owners in owned.items():
        seen: dict[str, str] = {}
        for owner, row in owners:
            algorithm, _, expected = row.digest.partition("=")
            if not expected or algorithm not in hashlib.algorithms_guaranteed:
                continue
            if algorithm not in seen:
                seen[algorithm] = _digest(path, algorithm)
            if seen[algorithm] != expected.rstrip("="):
                changed.setdefault(owner, []).append(path)
    for distribution, paths in changed.items():
        files = tuple(sorted(paths))
        yield Finding(
            kind=Kind.CHANGED_FILE,
            projects=(distribution.name,),
            sentence=f"{distribution.name} {distribution.version} was changed since it was "
            f"installed: {named_files(files)}.",
            files=files,
        )


def _digest(path: str, algorithm: str) -> str:
    """As RECORD writes it; empty for a file that cannot be read."""
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with Path(path).open("rb") as file:
            while block := file.read(_BLOCK):
                hasher.update(block)
    except OSError:
        return ""
    return base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode()
