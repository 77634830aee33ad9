"""Builder: source distributions, folders and checkouts into metadata and wheels.

Spec: PEP 517, 518, 643 (metadata a source distribution promises), 660 (editable).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit
from urllib.request import url2pathname

from packaging.version import Version

from vinstall.building.backend import Backend, BuildEnvironment
from vinstall.building.build_system import read_build_system
from vinstall.building.checkout import check_out, is_vcs_url, parse_vcs_url, redacted
from vinstall.building.source_tree import unpack_source
from vinstall.errors import BuildError, FormatError
from vinstall.formats.metadata import Metadata, parse_metadata
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.observer import Observer
from vinstall.selection.release import SourceDistribution
from vinstall.sources.source import FetchedFile, FileReader
from vinstall.values import field, frozen

_REQUIREMENT_FIELDS = frozenset({"requires-dist", "requires-python", "provides-extra", "version"})


@frozen
class BuildOptions:
    """What the user said about building."""

    isolated: bool = True
    """False: `--no-build-isolation`; the target's own environment is used as it is."""
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Project name to config settings; the empty name holds those for every project."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that are set for the backends."""
    interpreter: str = ""
    """Everything about the target's interpreter a built wheel depends on; part of the cache key."""


@frozen
class BuildFolders:
    """Where building keeps things."""

    wheels: Path
    """Built wheels, by what they were built from."""
    mirrors: Path
    """Bare git repositories."""
    logs: Path
    """The output of builds."""


@frozen
class _Prepared:
    tree: Path
    identity: str | None
    """What the tree's content is known by; None for a folder that may change any time."""
    commit: str | None = None
    sha256: str | None = None


class Builder:
    """Builds, one source at a time; answers are remembered for the life of the object.

    `make_environment(project)` gives a fresh environment for one build (or the target's own
    without isolation).  Thread-safe; building costs seconds to minutes.
    """

    def __init__(
        self,
        *,
        reader: FileReader,
        folders: BuildFolders,
        options: BuildOptions,
        make_environment: Callable[[str], BuildEnvironment],
        observer: Observer,
    ) -> None:
        self._reader = reader
        self._folders = folders
        self._options = options
        self._make_environment = make_environment
        self._observer = observer
        self._lock = threading.RLock()
        self._work: Path | None = None
        self._prepared: dict[str, _Prepared] = {}
        self._backends: dict[tuple[str, bool], Backend] = {}
        self._metadata: dict[tuple[str, bool], Metadata] = {}
        self._wheels: dict[tuple[str, bool], FetchedFile] = {}

    def close(self) -> None:
        """Remove every temporary tree."""
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None

    def metadata(self, source: SourceDistribution) -> Metadata:
        """Metadata of what `source` builds into; without a build where the source promises it.

        Raises BuildError, or what fetching raises.
        """
        key = (source.file.url, source.editable)
        with self._lock:
            found = self._metadata.get(key)
            if found is None:
                found = self._metadata[key] = self._find_metadata(source)
                self._check_identity(source, found)
            return found

    def wheel(self, source: SourceDistribution) -> FetchedFile:
        """The wheel of `source`: built before from the same content, or built now."""
        key = (source.file.url, source.editable)
        with self._lock:
            found = self._wheels.get(key)
            if found is None:
                found = self._wheels[key] = self._find_wheel(source)
            return found

    def commit(self, source: SourceDistribution) -> str | None:
        """The commit a repository's revision stood for (PEP 610); None for what is no repository."""
        with self._lock:
            return self._prepare(source).commit

    def sha256(self, source: SourceDistribution) -> str | None:
        """The hash of the archive `source` was unpacked from; None for a folder or a checkout."""
        with self._lock:
            return self._prepare(source).sha256

    # --- metadata ---------------------------------------------------------------------------

    def _find_metadata(self, source: SourceDistribution) -> Metadata:
        prepared = self._prepare(source)
        promised = _promised_metadata(prepared.tree) if prepared.sha256 else None
        if promised is not None:
            return promised
        cached = self._cached_wheel(source, prepared)
        if cached is not None:
            return parse_metadata(self._reader.core_metadata(_local_file(cached)))
        backend = self._backend(source, prepared)
        into = Path(tempfile.mkdtemp(dir=self._folder()))
        text = backend.metadata(into, editable=source.editable, settings=self._settings(source))
        try:
            return parse_metadata(text)
        except FormatError as error:
            raise BuildError(
                f"`{backend.project}` was given unusable metadata by its backend",
                context=(error.message,),
            ) from error

    def _check_identity(self, source: SourceDistribution, found: Metadata) -> None:
        if source.name and found.name != source.name:
            raise BuildError(
                f"`{_shown(source)}` is `{found.name}` by its metadata",
                context=(f"expected `{source.name}`",),
            )
        if source.version is not None and found.version != source.version:
            raise BuildError(
                f"`{_shown(source)}` has version {found.version} by its metadata",
                context=(f"expected {source.version}",),
            )

    # --- wheels -----------------------------------------------------------------------------

    def _find_wheel(self, source: SourceDistribution) -> FetchedFile:
        prepared = self._prepare(source)
        cached = self._cached_wheel(source, prepared)
        if cached is not None:
            self._observer.detail(f"`{_shown(source)}` was built before: `{cached.name}`")
            return _fetched(cached, from_cache=True)
        self._observer.notice(f"building `{_shown(source)}`")
        backend = self._backend(source, prepared)
        into = Path(tempfile.mkdtemp(dir=self._folder()))
        wheel = backend.wheel(into, editable=source.editable, settings=self._settings(source))
        try:
            name = parse_wheel_name(wheel.name)
        except FormatError as error:
            raise BuildError(
                f"`{backend.project}` was built into a file that is no wheel",
                context=(error.message,),
            ) from error
        if source.name and name.name != source.name:
            raise BuildError(f"`{backend.project}` was built into a wheel of `{name.name}`")
        self._check_version(source, name.version, wheel)
        return _fetched(self._keep(source, prepared, wheel), from_cache=False)

    def _check_version(self, source: SourceDistribution, version: Version, wheel: Path) -> None:
        known = self._metadata.get((source.file.url, source.editable))
        if known is not None and known.version != version:
            raise BuildError(
                f"`{wheel.name}` is not the version its metadata promised",
                context=(f"expected {known.version}",),
            )

    def _keep(self, source: SourceDistribution, prepared: _Prepared, wheel: Path) -> Path:
        folder = self._cache_folder(source, prepared)
        if folder is None:
            return wheel
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
        os.close(handle)
        shutil.copyfile(wheel, temporary)
        kept = folder / wheel.name
        Path(temporary).replace(kept)
        return kept

    def _cached_wheel(self, source: SourceDistribution, prepared: _Prepared) -> Path | None:
        folder = self._cache_folder(source, prepared)
        wheels = sorted(folder.glob("*.whl")) if folder is not None else []
        return wheels[0] if wheels else None

    def _cache_folder(self, source: SourceDistribution, prepared: _Prepared) -> Path | None:
        """Named by everything the wheel depends on that we can know; None: do not keep it."""
        if prepared.identity is None or source.editable or not self._options.isolated:
            return None
        inputs = (
            prepared.identity,
            self._options.interpreter,
            json.dumps(self._settings(source), sort_keys=True, default=str),
            *(f"{name}={value}" for name, value in sorted(self._options.variables.items())),
        )
        return self._folders.wheels / hashlib.sha256("\0".join(inputs).encode()).hexdigest()

    # --- trees ------------------------------------------------------------------------------

    def _prepare(self, source: SourceDistribution) -> _Prepared:
        found = self._prepared.get(source.file.url)
        if found is None:
            if is_vcs_url(source.file.url):
                found = self._prepare_checkout(source)
            elif (folder := _local_folder(source.file.url)) is not None:
                found = _Prepared(tree=_below(folder, source), identity=None)
            else:
                found = self._prepare_archive(source)
            self._prepared[source.file.url] = found
        return found

    def _prepare_checkout(self, source: SourceDistribution) -> _Prepared:
        url = parse_vcs_url(source.file.url)
        mirror = self._folders.mirrors / hashlib.sha256(url.repository.encode()).hexdigest()
        into = Path(tempfile.mkdtemp(dir=self._folder())) / "checkout"
        done = check_out(url, mirror, into)
        place = f"{redacted(url.repository)}#{url.subdirectory or ''}"
        return _Prepared(
            tree=done.path / (url.subdirectory or ""),
            identity=f"git {place} {done.commit}",
            commit=done.commit,
        )

    def _prepare_archive(self, source: SourceDistribution) -> _Prepared:
        fetched = self._reader.download(source.file._replace(url=urldefrag(source.file.url).url))
        tree = unpack_source(fetched.path, Path(tempfile.mkdtemp(dir=self._folder())))
        subdirectory = _subdirectory(source.file.url)
        return _Prepared(
            tree=_below(tree, source),
            identity=f"sha256 {fetched.sha256} {subdirectory or ''}",
            sha256=fetched.sha256,
        )

    def _backend(self, source: SourceDistribution, prepared: _Prepared) -> Backend:
        key = (source.file.url, source.editable)
        if key not in self._backends:
            system = read_build_system(prepared.tree)
            environment = self._make_environment(source.name)
            self._folders.logs.mkdir(parents=True, exist_ok=True)
            stem = re.sub(r"[^A-Za-z0-9._-]+", "-", source.file.filename or source.name)[:80]
            handle, log = tempfile.mkstemp(dir=self._folders.logs, prefix=f"{stem}-", suffix=".log")
            os.close(handle)
            backend = Backend(
                project=_shown(source),
                tree=prepared.tree,
                system=system,
                environment=environment,
                log=Path(log),
                variables=self._options.variables,
            )
            if self._options.isolated:
                environment.install(system.requires)
                more = backend.requires(editable=source.editable, settings=self._settings(source))
                if more:
                    environment.install((*system.requires, *more))
            self._backends[key] = backend
        return self._backends[key]

    def _settings(self, source: SourceDistribution) -> dict[str, object]:
        settings = self._options.settings
        return {**settings.get("", {}), **settings.get(source.name, {})}

    def _folder(self) -> Path:
        if self._work is None:
            self._work = Path(tempfile.mkdtemp(prefix="vinstall-build-"))
        return self._work


def _promised_metadata(tree: Path) -> Metadata | None:
    """PKG-INFO where it promises all that resolution needs (PEP 643), else None."""
    path = tree / "PKG-INFO"
    if not path.is_file():
        return None
    try:
        found = parse_metadata(path.read_bytes())
        trusted = tuple(int(part) for part in found.metadata_version.split(".")) >= (2, 2)
    except (FormatError, ValueError):
        return None
    return found if trusted and not found.dynamic & _REQUIREMENT_FIELDS else None


def _local_folder(url: str) -> Path | None:
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = Path(url2pathname(unquote(parts.path)))
    return path if path.is_dir() else None


def _subdirectory(url: str) -> str | None:
    match = re.search(r"(?:^|&)subdirectory=([^&]+)", urlsplit(url).fragment)
    return unquote(match[1]) if match else None


def _below(tree: Path, source: SourceDistribution) -> Path:
    subdirectory = _subdirectory(source.file.url)
    if subdirectory is None:
        return tree
    root = tree.resolve()
    inner = (root / subdirectory).resolve()
    if not inner.is_relative_to(root) or not inner.is_dir():
        raise BuildError(f"`{_shown(source)}` has no folder `{subdirectory}`")
    return inner


def _shown(source: SourceDistribution) -> str:
    url = source.file.url
    if is_vcs_url(url):
        return redacted(url)
    return source.file.filename or url


def _local_file(path: Path) -> RemoteFile:
    return RemoteFile(filename=path.name, url=path.absolute().as_uri(), size=path.stat().st_size)


def _fetched(path: Path, *, from_cache: bool) -> FetchedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FetchedFile(path=path, sha256=digest, from_cache=from_cache)
