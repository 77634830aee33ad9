"""Download: resolve as an installation would, and keep the files instead of installing them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urldefrag

from vinstall.building.checkout import is_vcs_url
from vinstall.errors import HashMismatch, SourceError
from vinstall.installation.plan import Plan
from vinstall.observer import Observer
from vinstall.resolution.model import Pin
from vinstall.selection.release import SourceDistribution
from vinstall.sources.location import url_path
from vinstall.sources.source import FetchedFile
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import describe, find_target
from vinstall.workflows.hash_checks import demand_hashes
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.policies import Hashes
from vinstall.workflows.report import variant_json
from vinstall.workflows.resolving import Question, open_question, opened
from vinstall.workflows.settings import Settings
from vinstall.workshop.atomic_file import new_file, put_in_place

_DOWNLOADS = 8
"""Files fetched at once, as for an installation."""


@frozen
class Downloaded:
    """One file."""

    pin: Pin
    path: Path
    sha256: str
    size: int
    """Bytes."""
    was_there: bool = False
    """Whether it was in the folder already."""

    def as_json(self) -> dict[str, object]:
        """All there is to say, by name; `variant` as in the report of an installation."""
        return {
            "name": self.pin.name,
            "version": str(self.pin.version),
            "filename": self.path.name,
            "path": str(self.path),
            "sha256": self.sha256,
            "size": self.size,
            "variant": variant_json(self.pin.choice),
        }


def download(
    settings: Settings, folder: Path, invocation: Invocation, observer: Observer
) -> tuple[Downloaded, ...]:
    """Every file of the resolution in `folder`, sorted by project; nothing installed counts.

    Wheels and source archives are kept as they are; a folder or a checkout is built, and its wheel
    kept.  Any interpreter will do, for nothing is installed.  Raises what resolving and fetching
    raise; SourceError where `folder` cannot be written to.
    """
    place = replace(settings.target, target=folder, prefix=None, root=None, user=False)
    with opened(replace(settings, target=place), invocation, observer) as (rooms, asked):
        target = find_target(rooms)
        observer.detail(f"choosing for {describe(target)}")
        with open_question(rooms, asked, target) as question:
            pins = question.resolve().pins
            required = rooms.settings.require_hashes
            demand_hashes(Plan(install=pins), question.hashes, required=required)
            observer.phase("download")
            return _fetch(pins, question, invocation.folder / folder)


def _fetch(pins: Sequence[Pin], question: Question, folder: Path) -> tuple[Downloaded, ...]:
    from concurrent.futures import ThreadPoolExecutor

    def one(pin: Pin) -> tuple[str, FetchedFile]:
        return _file(pin, question)

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        files = list(pool.map(one, pins))
    for pin, (_, fetched) in zip(pins, files, strict=True):
        _check_hash(pin, fetched, question.hashes.get(pin.name))
    return tuple(
        _put(pin, fetched, folder / filename)
        for pin, (filename, fetched) in zip(pins, files, strict=True)
    )


def _file(pin: Pin, question: Question) -> tuple[str, FetchedFile]:
    """The file of `pin` and the name to keep it under."""
    artifact = pin.choice.artifact
    if isinstance(artifact, SourceDistribution) and _is_tree(artifact):
        built = question.builder.wheel(artifact)
        return built.path.name, built
    file = artifact.file._replace(url=urldefrag(artifact.file.url)[0])
    return file.filename, question.rooms.reader.download(file)


def _is_tree(source: SourceDistribution) -> bool:
    url = source.file.url
    return is_vcs_url(url) or (url.startswith("file:") and url_path(urldefrag(url)[0]).is_dir())


def _check_hash(pin: Pin, fetched: FetchedFile, allowed: Hashes | None) -> None:
    """One of the hashes the requirements list; those the index lists were compared already."""
    if allowed is None or ("sha256", fetched.sha256) in allowed:
        return
    for algorithm, expected in allowed:
        with fetched.path.open("rb") as file:
            if hashlib.file_digest(file, algorithm).hexdigest() == expected:
                return
    raise HashMismatch(
        file=pin.choice.artifact.file.filename,
        algorithm="sha256",
        expected=" or ".join(sorted(digest for _, digest in allowed)),
        received=fetched.sha256,
    )


def _put(pin: Pin, fetched: FetchedFile, path: Path) -> Downloaded:
    """Copy the file into its folder, whole or not at all; one that is there already stays."""
    was_there = _holds(path, fetched.sha256)
    if not was_there:
        if path.is_dir():
            raise SourceError(f"`{path}` is a folder, where a file was to go")
        with new_file(path.parent) as (temporary, out), fetched.path.open("rb") as content:
            shutil.copyfileobj(content, out, 1 << 20)
            out.close()
            put_in_place(temporary, path)
    return Downloaded(
        pin=pin,
        path=path,
        sha256=fetched.sha256,
        size=path.stat().st_size,
        was_there=was_there,
    )


def _holds(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
