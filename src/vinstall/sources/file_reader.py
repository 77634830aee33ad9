"""CachedFileReader: metadata and bytes of files, from the cache, this machine or the web.

What is read of a wheel is remembered for ever under its hash.  Where the source lists none, it
is remembered under URL, size and validator, and asked for again after ten minutes.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vinstall.cache.files import Cache, Key
from vinstall.errors import HashMismatch, NetworkError, SourceError
from vinstall.formats.simple_api import RemoteFile
from vinstall.net.client import HttpClient
from vinstall.net.response import Part, Refused
from vinstall.observer import Observer
from vinstall.sources.freshness import MINIMUM
from vinstall.sources.hashing import Checks, check_bytes, listed_sha256, strongest
from vinstall.sources.location import shown, url_path
from vinstall.sources.once import Once
from vinstall.sources.source import FetchedFile, Follow
from vinstall.sources.web_text import WebTexts
from vinstall.values import Row

if TYPE_CHECKING:
    from vinstall.sources.download import Downloader
    from vinstall.sources.wheel_tail import WheelFacts

METADATA = "metadata"
"""The bucket of what was read of wheels."""
_REVISION = 1
_SMALL_LIMIT = 64 * 1024 * 1024
_SIDECAR_LIMIT = 16 * 1024 * 1024
_MISSING = (403, 404, 410)
"""How servers say that a file is not there; 403 is the word of S3."""
_NO_SIDECAR = (400, 401, 405, *_MISSING)
_NAME = re.compile(rb"^name[ \t]*:", re.IGNORECASE | re.MULTILINE)


class _Record(Row):
    """What is remembered of a wheel."""

    metadata: bytes | None
    """None: not read yet."""
    variant: bytes | None
    knows_variant: bool
    """False: whether there is a `variant.json` was not looked at, for METADATA came by itself."""
    total: int | None = None
    validator: str | None = None
    until: float = 0.0
    """Seconds since the epoch up to which a record without hash is believed."""


def memory_keys(file: RemoteFile) -> tuple[Key, ...]:
    """Every key in the bucket METADATA under which something of a file on the web may be kept."""
    mark = strongest(file)
    if mark is None:
        return (("url", _REVISION, file.url),)
    kinds = (("file",), ("size", file.url), ("wheel", file.url))
    return tuple((kind, _REVISION, *place, *mark) for kind, *place in kinds)


class CachedFileReader:
    """The FileReader over everything there is.  Thread-safe; each wheel is read once."""

    def __init__(
        self,
        client: HttpClient,
        cache: Cache,
        *,
        observer: Observer | None = None,
        refresh: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._cache = cache
        self._observer = observer or Observer()
        self._refresh = refresh
        self._now = now
        self._texts = WebTexts(client, cache, refresh=refresh, now=now)
        self._downloader: Once[None, Downloader] = Once()
        self._is_stopped = False
        self._metadata: Once[RemoteFile, bytes] = Once()
        self._records: Once[RemoteFile, _Record] = Once()

    # --- whole files ----------------------------------------------------------------------------

    def read(self, file: RemoteFile) -> bytes:
        """All bytes of a small file.  Raises HashMismatch; SourceError where it is not there."""
        if file.url.startswith("file:"):
            local = _read_local(file)
            check_bytes(file, local)
            return local
        mark = strongest(file)
        key: Key = ("file", _REVISION, *(mark or ()))
        content = self._cache.read(METADATA, key) if mark is not None else None
        if content is None:
            content = self._read_web(file)
            check_bytes(file, content)
            if mark is not None:
                self._cache.write(METADATA, key, content)
        return content

    def download(self, file: RemoteFile, *, follow: Follow | None = None) -> FetchedFile:
        """The whole file on disk, every listed hash right."""
        if not file.url.startswith("file:"):
            with _absence(file):
                return self._downloader.get(None, self._new_downloader).fetch(file, follow)
        path = _existing(file)
        stat = path.stat()
        key: Key = ("sha256", _REVISION, str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
        known = self._cache.read_value(METADATA, key)
        if isinstance(known, str) and all(pair == ("sha256", known) for pair in file.hashes):
            return FetchedFile(path=path, sha256=known)
        checks = Checks(file)
        self._observer.download_started(file.filename, stat.st_size)
        try:
            with path.open("rb") as content:
                while block := content.read(1024 * 1024):
                    checks.update(block)
                    self._observer.bytes_received(file.filename, len(block))
        except OSError as error:
            raise _unreadable(path, error) from error
        sha256 = checks.finish()
        self._cache.write_value(METADATA, key, sha256)
        self._observer.download_finished(file.filename)
        return FetchedFile(path=path, sha256=sha256)

    def close(self) -> None:
        """End the downloads that are under way: nobody waits for them any more."""
        self._is_stopped = True

    def size(self, file: RemoteFile) -> int | None:
        """Bytes of a file, as listed or as remembered; else one small request, unless offline.

        None where it cannot be learned.
        """
        if file.size is not None:
            return file.size
        if file.url.startswith("file:"):
            path = url_path(file.url)
            return path.stat().st_size if path.is_file() else None
        mark = strongest(file)
        key: Key = ("size", _REVISION, file.url, *(mark or ()))
        if mark is not None:
            record = self._recall_only(file)
            if record is not None and record.total is not None:
                return record.total
            known = self._cache.read_value(METADATA, key)
            if isinstance(known, int):
                return known
        try:
            part = self._client.read_range(file.url, start=0, length=1)
        except NetworkError:
            return None
        if part is not None and mark is not None:
            self._cache.write_value(METADATA, key, part.total)
        return part.total if part is not None else None

    def _read_web(self, file: RemoteFile) -> bytes:
        with _absence(file):
            if strongest(file) is not None:
                return self._client.get(file.url, limit=_SMALL_LIMIT).content
            return self._texts.read(file.url, limit=_SMALL_LIMIT).content

    # --- parts of a wheel -----------------------------------------------------------------------

    def core_metadata(self, file: RemoteFile) -> bytes:
        """METADATA: from the cache, the sidecar, the tail of the wheel, or the whole wheel.

        One request where nothing is remembered, seldom up to four.  Raises FormatError for a
        wheel that is not sound.
        """
        return self._metadata.get(file, lambda: self._find_metadata(file))

    def variant_metadata(self, file: RemoteFile) -> bytes | None:
        """`variant.json` from the cache or the tail of the wheel; None where it has none."""
        return self._records.get(file, lambda: self._find_record(file)).variant

    def _find_metadata(self, file: RemoteFile) -> bytes:
        kept = self._recall(file)
        if kept is not None and kept.metadata is not None:
            return kept.metadata
        sidecar = self._sidecar(file) if file.metadata_hashes is not None else None
        if sidecar is not None:
            self._remember(file, _Record(sidecar, None, knows_variant=False))
            return sidecar
        metadata = self._records.get(file, lambda: self._find_record(file)).metadata
        return metadata if metadata is not None else b""

    def _find_record(self, file: RemoteFile) -> _Record:
        """A record that knows of `variant.json` as well."""
        kept = self._recall(file)
        if kept is not None and kept.knows_variant:
            return kept
        facts = self._facts(file)
        record = _Record(
            facts.metadata,
            facts.variant,
            knows_variant=True,
            total=facts.total,
            validator=facts.validator,
        )
        self._remember(file, record)
        return record

    def _new_downloader(self) -> Downloader:
        from vinstall.sources.download import Downloader

        return Downloader(
            self._client,
            self._cache,
            observer=self._observer,
            is_stopped=lambda: self._is_stopped,
        )

    def _facts(self, file: RemoteFile) -> WheelFacts:
        from vinstall.sources.wheel_tail import read_facts

        path = self._on_disk(file)
        if path is None:
            with _absence(file):
                read = _WebRanges(self._client, file.url)
                facts = read_facts(read, filename=file.filename, size=file.size)
            if facts is not None:
                return facts
            self._observer.detail(f"`{file.filename}` is read as a whole: no parts of it to be had")
            path = self.download(file).path
        try:
            return _local_facts(path, file.filename)
        except OSError as error:
            raise _unreadable(path, error) from error

    def _on_disk(self, file: RemoteFile) -> Path | None:
        """The whole file, if it is here already."""
        if file.url.startswith("file:"):
            return _existing(file)
        from vinstall.sources.download import FILES

        digest = listed_sha256(file)
        return None if digest is None else self._cache.find_file(FILES, digest, file.filename)

    def _sidecar(self, file: RemoteFile) -> bytes | None:
        """The file beside the wheel (PEP 658), or None: one that is missing or wrong is no error."""
        path, mark, query = file.url.partition("?")
        url = f"{path}.metadata{mark}{query}"
        if url.startswith("file:"):
            try:
                content = url_path(url).read_bytes()
            except OSError:
                return None
        else:
            accepting = (200, *_NO_SIDECAR)
            response = self._client.get(url, accepting=accepting, limit=_SIDECAR_LIMIT)
            if response.status != 200:
                return None
            content = response.content
        promised = RemoteFile(f"{file.filename}.metadata", url, hashes=file.metadata_hashes or ())
        try:
            check_bytes(promised, content)
        except HashMismatch as error:
            self._observer.detail(f"{error.message}; it is read from the wheel")
            return None
        return content if _NAME.search(content) else None

    # --- what is remembered ---------------------------------------------------------------------

    def _key(self, file: RemoteFile) -> Key:
        """Under what a wheel is remembered: its hash, or place and time; else its URL alone.

        The URL belongs to the hash, for what was read is not covered by it: one source must not
        speak for another one's wheel.
        """
        mark = strongest(file)
        if mark is not None:
            return ("wheel", _REVISION, file.url, *mark)
        if file.url.startswith("file:"):
            stat = _existing(file).stat()
            return ("path", _REVISION, file.url, stat.st_size, stat.st_mtime_ns, stat.st_ino)
        return ("url", _REVISION, file.url)

    def _recall_only(self, file: RemoteFile) -> _Record | None:
        """What is remembered, whether or not it still holds."""
        value = self._cache.read_value(METADATA, self._key(file))
        if value is None:
            return None
        return _Record(*cast("tuple[bytes, bytes | None, bool, int, str, float]", value))

    def _recall(self, file: RemoteFile) -> _Record | None:
        record = self._recall_only(file)
        if record is None or self._key(file)[0] != "url" or self._client.settings.offline:
            return record
        if not self._refresh and record.until > self._now():
            return record
        if record.validator is None or not self._is_unchanged(file, record):
            return None
        self._remember(file, record)
        return record

    def _remember(self, file: RemoteFile, record: _Record) -> None:
        record = record._replace(until=self._now() + MINIMUM)
        self._cache.write_value(METADATA, self._key(file), tuple(record))

    def _is_unchanged(self, file: RemoteFile, record: _Record) -> bool:
        part = self._client.read_range(file.url, start=0, length=1)
        return part is not None and (part.total, part.validator) == (record.total, record.validator)


class _WebRanges:
    """Reads parts of one file; all of them of the same version of it."""

    def __init__(self, client: HttpClient, url: str) -> None:
        self._read = partial(client.read_range, url)
        self._first: Part | None = None

    def __call__(self, start: int | None, length: int) -> Part | None:
        first = self._first
        validator = first.validator if first is not None else None
        part = self._read(start=start, length=length, validator=validator)
        if part is None or (first is not None and part.total != first.total):
            return None
        self._first = first or part
        return part


@contextlib.contextmanager
def _absence(file: RemoteFile) -> Iterator[None]:
    """A file that is listed and not to be had is a fault of the source, not of the network."""
    try:
        yield
    except Refused as error:
        if error.status not in _MISSING:
            raise
        raise SourceError(
            f"`{file.filename}` is listed, but not to be had: {error.message}",
            context=error.context,
            hint=error.hint,
        ) from error


def _local_facts(path: Path, filename: str) -> WheelFacts:
    from vinstall.sources.wheel_tail import read_facts

    total = path.stat().st_size
    with path.open("rb") as wheel:

        def read(start: int | None, length: int) -> Part:
            begin = max(0, total - length) if start is None else start
            wheel.seek(begin)
            return Part(start=begin, content=wheel.read(length), total=total, validator=None)

        facts = read_facts(read, filename=filename, size=total)
    if facts is None:  # pragma: no cover - a local file has all its parts
        raise SourceError(f"`{path}` cannot be read")
    return facts


def _existing(file: RemoteFile) -> Path:
    path = url_path(file.url)
    if not path.is_file():
        raise SourceError(f"`{shown(file.url)}` is not there")
    return path


def _read_local(file: RemoteFile) -> bytes:
    path = _existing(file)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"`{path}` cannot be read: {error.strerror or error}")
