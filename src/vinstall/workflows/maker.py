"""The makers' verbs that need more than the workshop: a server to check, an index to mirror."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import Version

from vinstall.errors import FormatError, SourceError
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.net.client import HttpClient
from vinstall.observer import Observer
from vinstall.workflows.assemble import Rooms, assemble, build_chain
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings
from vinstall.workshop.atomic_file import new_file, put_in_place
from vinstall.workshop.index_access import PageForm, ServerAccess
from vinstall.workshop.index_check import CheckReport, check_folder, check_index


class CheckRequest(NamedTuple):
    """What is checked."""

    place: str
    """A folder or the URL of an index."""
    projects: tuple[str, ...] = ()
    """Empty: all of them."""
    deep: bool = False
    """Open one wheel of each label of an index at a URL."""


def check_place(
    request: CheckRequest, settings: Settings, invocation: Invocation, observer: Observer
) -> CheckReport:
    """Every breach of a rule in a folder or on a server."""
    if not request.place.startswith(("http://", "https://")):
        folder = invocation.folder / request.place
        return check_folder(folder, projects=request.projects, observer=observer)
    with assemble(settings, invocation, observer) as rooms:
        client = rooms.client
        url = client.credentials.add(request.place)
        return check_index(
            ServerAccess(url, lambda page, accept: _page(client, page, accept)),
            projects=request.projects,
            read_document=rooms.reader.variant_metadata if request.deep else None,
            observer=observer,
        )


def _page(client: HttpClient, url: str, accept: str) -> PageForm | None:
    answer = client.get(url, headers={"Accept": accept}, accepting=(200, 404))
    if answer.status == 404:
        return None
    kind = answer.headers.get("content-type", "").partition(";")[0]
    return PageForm(answer.url, kind.endswith("json"), answer.content)


class Mirrored(NamedTuple):
    """What a mirror run did."""

    fetched: int
    """Files that were not there, or had another hash."""
    present: int


def mirror_projects(
    folder: Path,
    requirements: Iterable[str],
    settings: Settings,
    invocation: Invocation,
    observer: Observer,
) -> Mirrored:
    """Wheels and source distributions of the releases that `requirements` allow, below `folder`.

    Yanked files and files without a readable name are left out.  Raises SourceError for a project
    the index does not have, HashMismatch for bytes it did not promise.
    """
    wanted = [parse_requirement(text) for text in requirements]
    fetched = present = 0
    with assemble(settings, invocation, observer) as rooms:
        chain = build_chain(rooms)
        for requirement in wanted:
            pages = chain.pages(requirement.name)
            if not pages:
                raise SourceError(f"the index has no project `{requirement.name}`")
            for file in pages[0].files:
                if not _is_wanted(file, requirement):
                    continue
                if _is_there(folder / file.filename, file):
                    present += 1
                else:
                    _fetch(rooms, file, folder)
                    fetched += 1
    return Mirrored(fetched, present)


def _is_wanted(file: RemoteFile, requirement: Requirement) -> bool:
    version = _version(file.filename)
    return (
        version is not None
        and file.yanked is None
        and requirement.specifier.contains(version, prereleases=True)
    )


def _version(filename: str) -> Version | None:
    try:
        if filename.endswith(".whl"):
            return parse_wheel_name(filename).version
        return parse_sdist_filename(filename)[1]
    except (FormatError, InvalidSdistFilename):
        return None


def _is_there(path: Path, file: RemoteFile) -> bool:
    sha256 = dict(file.hashes).get("sha256")
    if not path.is_file():
        return False
    if sha256 is None:
        return file.size is None or file.size == path.stat().st_size
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == sha256


def _fetch(rooms: Rooms, file: RemoteFile, folder: Path) -> None:
    """Put the file in its place, with the time of its upload where the index tells it."""
    got = rooms.reader.download(file)
    with new_file(folder) as (temporary, out), got.path.open("rb") as content:
        shutil.copyfileobj(content, out)
        out.close()
        when = _timestamp(file.upload_time)
        if when is not None:
            os.utime(temporary, (when, when))
        put_in_place(temporary, folder / file.filename)


def _timestamp(text: str | None) -> float | None:
    try:
        return None if text is None else datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
