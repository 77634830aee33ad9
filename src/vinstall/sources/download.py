"""Downloader: whole files into the cache, hashed while they stream, gone on with where one broke off."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from vinstall.cache.files import Cache, Key
from vinstall.errors import HashMismatch, IntegrityError, NetworkError, SourceError
from vinstall.formats.simple_api import RemoteFile
from vinstall.net.client import HttpClient, Stream, backoff_seconds
from vinstall.net.response import TransferInterrupted
from vinstall.observer import Observer
from vinstall.sources.arrival import Arrival, can_be_followed
from vinstall.sources.convoy import Convoy, can_be_joined
from vinstall.sources.hashing import Checks, listed_sha256, may_be_whole
from vinstall.sources.once import Once
from vinstall.sources.source import FetchedFile, Follow

FILES = "files"
"""The bucket of whole files, by sha256."""
DOWNLOADS = "downloads"
"""The bucket of what is known of URLs whose files are listed without a hash."""

_REVISION = 1
_WORTH_RESUMING = 4 * 1024 * 1024
_BLOCK = 1024 * 1024
_FIRST_WAIT = 0.5
_TORN = False
"""In place of a validator: there are holes in what an earlier run left."""


class _Known(NamedTuple):
    """What an earlier download of a URL left behind."""

    sha256: str
    validator: str | None


class Downloader:
    """Downloads files over HTTP.  Thread-safe; each file is downloaded once."""

    def __init__(
        self,
        client: HttpClient,
        cache: Cache,
        *,
        observer: Observer | None = None,
        sleep: Callable[[float], None] = time.sleep,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Once `is_stopped`, a download ends with the next bytes; another run can go on with it."""
        self._client = client
        self._cache = cache
        self._observer = observer or Observer()
        self._sleep = sleep
        self._lock = threading.Lock()
        self._under_way = 0
        self._is_stopped = is_stopped
        self._fetched: Once[tuple[str, tuple[tuple[str, str], ...]], FetchedFile] = Once()

    def fetch(self, file: RemoteFile, follow: Follow | None = None) -> FetchedFile:
        """The whole file, from the cache if it is there; every listed hash is right.

        `follow` hears of a large one when it begins to arrive, if parts of it are to be had.
        Raises HashMismatch, IntegrityError for another size than listed, NetworkError (Refused
        where there is no such file), and SourceError for a disk that does not take it.
        """
        return self._fetched.get((file.url, file.hashes), lambda: self._fetch(file, follow))

    def _fetch(self, file: RemoteFile, follow: Follow | None) -> FetchedFile:
        digest = listed_sha256(file)
        known = _Known(digest, None) if digest is not None else self._recall(file)
        if known is not None:
            kept = self._kept(file, known.sha256)
            if kept is not None and (digest is not None or self._client.settings.offline):
                return kept
            if kept is not None and may_be_whole(kept.path) and self._is_unchanged(file, known):
                return kept
        self._observer.download_started(file.filename, file.size)
        with self._place(file) as path, self._counted():
            sha256 = self._download(file, path, follow)
            final = self._cache.adopt_file(FILES, sha256, file.filename, path)
        self._observer.download_finished(file.filename)
        return FetchedFile(path=final, sha256=sha256)

    # --- what is there --------------------------------------------------------------------------

    def _kept(self, file: RemoteFile, sha256: str) -> FetchedFile | None:
        """The file in the cache, read through once more; None where it is not there or damaged."""
        path = self._cache.find_file(FILES, sha256, file.filename)
        if path is None:
            return None
        checks = Checks(file)
        with path.open("rb") as content:
            _feed(checks, content)
        if checks.sha256 != sha256:
            self._observer.warning(f"`{path}` was damaged and is downloaded again")
            path.unlink(missing_ok=True)
            return None
        return FetchedFile(path=path, sha256=checks.finish(), from_cache=True)

    def _recall(self, file: RemoteFile) -> _Known | None:
        value = self._cache.read_value(DOWNLOADS, _key("known", file))
        return None if value is None else _Known(*cast("tuple[str, str | None]", value))

    def _is_unchanged(self, file: RemoteFile, known: _Known) -> bool:
        """Whether the server still has the file that was downloaded.  One small request."""
        if known.validator is None:
            return False
        part = self._client.read_range(file.url, start=0, length=1)
        return part is not None and part.validator == known.validator

    # --- downloading ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        """One more download is under way for the length of the `with` block."""
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _is_alone(self) -> bool:
        return self._under_way == 1

    @contextlib.contextmanager
    def _place(self, file: RemoteFile) -> Iterator[Path]:
        """Where the file is written to.  What a later run can go on with stays after a failure."""
        if _is_worth_resuming(file):
            name = hashlib.sha256(repr(_key("part", file)).encode()).hexdigest()
            with self._cache.unfinished(name) as path:
                yield path
            return
        path = self._cache.temporary()
        try:
            yield path
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _download(self, file: RemoteFile, path: Path, follow: Follow | None) -> str:
        """Fill `path`; the sha256.  What an earlier run left may be wrong; then all is read anew."""
        transfer = self._transfer(file, path, follow)
        has_begun = transfer.received > 0
        try:
            return self._complete(transfer)
        except HashMismatch:
            path.unlink(missing_ok=True)
            if not has_begun:
                raise
        finally:
            transfer.end()
        return self._complete(self._transfer(file, path, None))

    def _transfer(self, file: RemoteFile, path: Path, follow: Follow | None) -> _Transfer:
        return _Transfer(
            file,
            path,
            self._client,
            self._cache,
            self._observer,
            self._is_alone,
            self._is_stopped,
            follow,
        )

    def _complete(self, transfer: _Transfer) -> str:
        """Go on until everything is there; give up after some attempts that brought nothing."""
        failures, furthest = 0, transfer.received
        while True:
            try:
                return transfer.run()
            except TransferInterrupted as error:
                failures = 0 if transfer.received > furthest else failures + 1
                furthest = max(furthest, transfer.received)
                if failures > self._client.settings.retries:
                    raise
                self._observer.detail(f"{error.message}; going on at byte {transfer.received}")
                self._sleep(backoff_seconds(_FIRST_WAIT, failures))


class _Transfer:
    """One file on its way to one path."""

    def __init__(
        self,
        file: RemoteFile,
        path: Path,
        client: HttpClient,
        cache: Cache,
        observer: Observer,
        is_alone: Callable[[], bool],
        is_stopped: Callable[[], bool],
        follow: Follow | None,
    ) -> None:
        self._file = file
        self._path = path
        self._client = client
        self._cache = cache
        self._observer = observer
        self._is_alone = is_alone
        self._is_stopped = is_stopped
        self._follow = follow
        self._arrival: Arrival | None = None
        self._checks = Checks(file)
        self.received = 0
        """Bytes in the file and in the hashes."""
        self._validator: str | None = None
        self._begin()

    def run(self) -> str:
        """Receive what is missing; the sha256.  Raises TransferInterrupted where it breaks off."""
        if self._file.size is None or self.received < self._file.size:
            self._ask()
        digest = self._checks.finish()
        if listed_sha256(self._file) is None:
            key = _key("known", self._file)
            self._cache.write_value(DOWNLOADS, key, (digest, self._validator))
        return digest

    def _ask(self) -> None:
        if self._validator is None and not self._file.hashes:
            self._checks, self.received = Checks(self._file), 0  # nothing would show a change
        headers = {}
        if self.received:
            headers["Range"] = f"bytes={self.received}-"
            if self._validator is not None:
                headers["If-Range"] = self._validator
        accepting = (200, 206, 416) if self.received else (200,)
        with self._client.stream(self._file.url, headers=headers, accepting=accepting) as stream:
            if not _continues(stream, self.received):
                self._checks, self.received = Checks(self._file), 0
                self.end()
            if stream.status == 416:
                raise TransferInterrupted(f"`{self._file.filename}` has another length now")
            self._check_size(stream)
            self._note(stream)
            self._receive(stream)

    def _begin(self) -> None:
        """Take over what an earlier run left, if there is a way to tell that it is the same file."""
        if not self._path.exists():
            return
        value = self._cache.read_value(DOWNLOADS, _key("part", self._file))
        if value == _TORN:
            return
        self._validator = cast("str | None", value)
        if self._validator is None and not self._file.hashes:
            return
        with self._path.open("rb") as content:
            self.received = _feed(self._checks, content)
        if self._file.size is not None and self.received > self._file.size:
            self._checks, self.received = Checks(self._file), 0
        self._observer.bytes_received(self._file.filename, self.received)

    def _check_size(self, stream: Stream) -> None:
        """A size that differs from the listed one is found before anything is downloaded."""
        length = stream.headers.get("content-length", "")
        if "content-encoding" in stream.headers or not length.isdigit():
            return
        total = self.received + int(length)
        if self._file.size is not None and total != self._file.size:
            raise _wrong_size(self._file, total)

    def _note(self, stream: Stream) -> None:
        """Remember which version of the file the bytes belong to, for another run."""
        if stream.validator != self._validator or not self.received:
            self._validator = stream.validator
            if _is_worth_resuming(self._file):
                key = _key("part", self._file)
                self._cache.write_value(DOWNLOADS, key, stream.validator)

    def _receive(self, stream: Stream) -> None:
        convoy = self._convoy(stream)
        try:
            with self._path.open("r+b" if self.received else "wb", buffering=0) as target:
                target.seek(self.received)
                target.truncate()
                self._be_followed(stream)
                for chunk in stream.chunks():
                    if not self._write(target, chunk, convoy):
                        break
            if convoy is not None and convoy.has_begun:
                self._receive_rest(convoy)
        except OSError as error:
            self._fall_back(convoy)
            raise SourceError(
                f"`{self._file.filename}` cannot be written to the cache: "
                f"{error.strerror or error}",
                context=(str(self._path),),
                hint="choose another folder with `--cache-dir`",
            ) from error
        except BaseException:
            self._fall_back(convoy)
            raise
        if self._file.size is not None and self.received < self._file.size:
            raise TransferInterrupted(f"`{self._file.filename}` broke off")

    def _write(self, target: RawIOBase, chunk: bytes | memoryview, convoy: Convoy | None) -> bool:
        """Write the next bytes of the first connection; whether it shall read on."""
        limit = self._file.size
        if limit is not None and self.received + len(chunk) > limit:
            raise _wrong_size(self._file, self.received + len(chunk))
        while chunk:
            part = chunk if convoy is None else chunk[: convoy.room(self.received)]
            _write(target, part)
            self._go_on()
            if self._arrival is not None:
                self._arrival.advance(self.received + len(part))
            self._checks.update(part)
            self.received += len(part)
            self._observer.bytes_received(self._file.filename, len(part))
            if convoy is not None and not convoy.goes_on(self.received):
                return False
            chunk = chunk[len(part) :]
        return True

    def _go_on(self) -> None:
        """Raises NetworkError where nobody waits for the file any more."""
        if self._is_stopped():
            raise NetworkError(f"the download of `{self._file.filename}` was stopped")

    def _receive_rest(self, convoy: Convoy) -> None:
        """Hash what the other connections bring, in order."""
        memory = memoryview(bytearray(_BLOCK // 4))
        with self._path.open("rb", buffering=0) as content:
            content.seek(self.received)
            for place in convoy.rest(self.received):
                self._go_on()
                if self._arrival is not None:
                    self._arrival.advance(place)
                while self.received < place:
                    count = content.readinto(memory[: place - self.received])
                    if not count:
                        raise TransferInterrupted(f"`{self._file.filename}` was cut short here")
                    self._checks.update(memory[:count])
                    self.received += count

    def _be_followed(self, stream: Stream) -> None:
        """Let a large file be worked on while it arrives; told once."""
        follow, self._follow = self._follow, None
        total = self._total(stream)
        if follow is None or total is None or not can_be_followed(stream, total):
            return
        read = partial(self._client.read_range, stream.url, validator=stream.validator)
        self._arrival = Arrival(self._path, total, read)
        self._arrival.advance(self.received)
        follow(self._arrival)

    def _total(self, stream: Stream) -> int | None:
        """Bytes of the whole file, as far as the server says."""
        length = stream.headers.get("content-length", "")
        return self.received + int(length) if length.isdigit() else None

    def end(self) -> None:
        """Whoever follows waits for nothing any more."""
        if self._arrival is not None:
            self._arrival.end()
            self._arrival = None

    def _convoy(self, stream: Stream) -> Convoy | None:
        """More connections, where they could help and it could be seen if they did not."""
        length = stream.headers.get("content-length", "")
        left = int(length) if length.isdigit() else None
        if left is None or not can_be_joined(stream, left):
            return None
        if self._validator is None and not self._file.hashes:
            return None
        return Convoy(
            stream,
            self._path,
            place=self.received,
            total=self.received + left,
            client=self._client,
            cache=self._cache,
            is_alone=self._is_alone,
            begins=partial(self._cache.write_value, DOWNLOADS, _key("part", self._file), _TORN),
            received=partial(self._observer.bytes_received, self._file.filename),
        )

    def _fall_back(self, convoy: Convoy | None) -> None:
        """Leave a file that another run can go on with: the bytes of the first connection."""
        if convoy is None or not convoy.has_begun:
            return
        convoy.abandon()
        with contextlib.suppress(OSError):
            os.truncate(self._path, self.received)
            self._cache.write_value(DOWNLOADS, _key("part", self._file), self._validator)


def _key(kind: str, file: RemoteFile) -> Key:
    hashes: Key = tuple(part for pair in file.hashes for part in pair)
    return (kind, _REVISION, file.url, hashes)


def _is_worth_resuming(file: RemoteFile) -> bool:
    return file.size is None or file.size >= _WORTH_RESUMING


def _feed(checks: Checks, content: BinaryIO) -> int:
    """Hash what is left of an open file; how many bytes that was."""
    block = memoryview(bytearray(_BLOCK))
    total = 0
    while count := content.readinto(block):  # type: ignore[attr-defined]
        checks.update(block[:count])
        total += count
    return total


def _write(target: RawIOBase, data: bytes | memoryview) -> None:
    """Write all of it; a disk that fills up takes a part first, and tells at the next attempt."""
    view = memoryview(data)
    while view:
        view = view[target.write(view) :]


def _continues(stream: Stream, place: int) -> bool:
    """Whether the answer begins exactly where we are."""
    if place == 0 or stream.status != 206:
        return place == 0
    return stream.headers.get("content-range", "").startswith(f"bytes {place}-")


def _wrong_size(file: RemoteFile, size: int) -> IntegrityError:
    return IntegrityError(
        f"`{file.filename}` does not have the size it is listed with",
        context=(f"expected {file.size} bytes", f"received {size}"),
        hint="the file changed after it was listed, or a proxy altered it; try `--refresh`",
    )
