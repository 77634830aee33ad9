"""Fetcher: the wheels of a plan, downloaded, checked and unpacked into the store.

Downloads overlap with each other and with unpacking, and may begin while resolution still goes
on.  What the store has already costs a look at its files; nothing heavy is loaded for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from packaging.utils import NormalizedName

from vinstall.cache.store import Store, StoredWheel
from vinstall.errors import FormatError, HashMismatch, InstallationError, IntegrityError
from vinstall.formats.metadata import Metadata, parse_metadata
from vinstall.formats.requirement import render_requirement
from vinstall.formats.wheel_name import NULL_LABEL, parse_wheel_name
from vinstall.installation.plan import Plan
from vinstall.observer import Observer
from vinstall.resolution.model import Pin
from vinstall.selection.release import Choice, Wheel
from vinstall.sources.source import WORTH_FOLLOWING, FetchedFile, FileReader

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from vinstall.formats.simple_api import RemoteFile
    from vinstall.formats.variant_json import Property
    from vinstall.installation.unpacker import Unpacker

_MOST_GUESSED = 40_000_000
"""Bytes of a wheel that is fetched before it is sure that it is needed."""
_MOST_PROCESSES = 4
"""That unpack one wheel while it arrives; more would wait for the bytes."""
_DOWNLOADS = 8
"""Files fetched at once; wheels are few and large, servers fair."""

_Wheel = TypeVar("_Wheel", StoredWheel, StoredWheel | None)
_Coming = Callable[[], StoredWheel]
"""Waits for a wheel to be unpacked."""


def fetch_wheels(
    plan: Plan,
    reader: FileReader,
    store: Store,
    observer: Observer,
    *,
    local: Mapping[NormalizedName, FetchedFile] | None = None,
) -> Mapping[NormalizedName, StoredWheel]:
    """A stored wheel for each pin of `plan`, by name.  Shape and errors as `Fetcher.collect`."""
    with Fetcher(reader, store, observer, local=local) as fetcher:
        return fetcher.collect(plan.pins)


class Fetcher:
    """Fetches wheels in the background.  Used as a context; only `guess` is thread-safe."""

    def __init__(
        self,
        reader: FileReader,
        store: Store,
        observer: Observer,
        *,
        local: Mapping[NormalizedName, FetchedFile] | None = None,
    ) -> None:
        """`local`: wheels that are on this machine already, such as those that were built here."""
        self._reader = reader
        self._store = store
        self._observer = observer
        self._local = local or {}
        self._ready: dict[tuple[NormalizedName, str], StoredWheel] = {}  # not looked at yet
        self._running: dict[tuple[NormalizedName, str], Future[_Coming]] = {}
        self._machine: tuple[ThreadPoolExecutor, Unpacker] | None = None
        self._lock = Lock()
        self._guesses = True

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the threads; after an error what has not begun is dropped and nothing waited for."""
        if self._machine is not None:
            pool, unpacker = self._machine
            unpacker.close()
            pool.shutdown(wait=error is None, cancel_futures=True)

    def prepare(self) -> None:
        """Begin what is best begun while this process has one thread: wheels will probably come."""
        self._machines()

    def guess(self, choice: Choice, metadata: Metadata) -> None:
        """Begin with a wheel that a resolution will probably choose, unless it is large."""
        artifact = choice.artifact
        size = artifact.file.size
        if not isinstance(artifact, Wheel) or size is None or size > _MOST_GUESSED:
            return
        pin = Pin(name=metadata.name, version=metadata.version, choice=choice, metadata=metadata)
        with self._lock:
            if self._guesses:
                self.begin(pin)

    def begin(self, pin: Pin) -> None:
        """Make sure that the wheel of `pin` is being fetched; asked twice, it is fetched once."""
        key = _key(pin)
        if key in self._ready or key in self._running:
            return
        local = self._local.get(pin.name)
        known = local.sha256 if local is not None else _promised_sha256(pin)
        stored = self._store.load(known) if known is not None else None
        if stored is not None:
            self._ready[key] = stored
            return
        pool, unpacker = self._machines()
        unpacker.expect(pin.choice.artifact.file.size or 0)
        self._running[key] = pool.submit(self._fetch, pin, local, unpacker)

    def _machines(self) -> tuple[ThreadPoolExecutor, Unpacker]:
        """What downloads, and what unpacks."""
        if self._machine is None:
            from concurrent.futures import ThreadPoolExecutor

            from vinstall.installation.heaps import share_heaps
            from vinstall.installation.unpacker import Unpacker

            share_heaps()
            self._machine = ThreadPoolExecutor(_DOWNLOADS), Unpacker(self._store, self._observer)
            self._machine[1].prepare()
        return self._machine

    def collect(
        self,
        pins: Iterable[Pin],
        *,
        local: Mapping[NormalizedName, FetchedFile] | None = None,
    ) -> Mapping[NormalizedName, StoredWheel]:
        """The stored wheels of `pins` by name; waits for what is not there yet.

        `local` as above, for what was built since.

        Raises HashMismatch, InvalidWheel, IntegrityError (a wheel that is not the variant it was
        chosen as), NetworkError, SourceError or InstallationError, for the first pin that failed.
        """
        with self._lock:
            self._guesses = False
        self._local = {**self._local, **(local or {})}
        wanted = list(pins)
        for pin in wanted:
            self.begin(pin)
        self._begin_again(wanted)
        found = {}
        for pin in wanted:
            key = _key(pin)
            stored = self._ready.get(key) or self._running[key].result()()
            check_identity(pin, stored)
            check_variant(pin, stored)
            compare_metadata(pin, stored, self._observer)
            found[pin.name] = stored
        if self._machine is not None:
            pool, unpacker = self._machine
            unpacker.close()
            # Files are put in place by a copy of this process, if no thread is in the way.
            pool.shutdown(wait=False)
        return found

    def _begin_again(self, pins: Iterable[Pin]) -> None:
        """Fetch what the store has, but not as it was unpacked; one look at the files of all."""
        ready = {key: (pin, self._ready[key]) for pin in pins if (key := _key(pin)) in self._ready}
        damaged = self._store.drop_damaged([stored for _, stored in ready.values()])
        for key, (pin, stored) in ready.items():
            if stored.sha256 in damaged:
                del self._ready[key]
                self.begin(pin)

    def _fetch(self, pin: Pin, local: FetchedFile | None, unpacker: Unpacker) -> _Coming:
        """One wheel, in a thread of the pool, which does not wait for its unpacking."""
        file = pin.choice.artifact.file
        if local is not None:
            return unpacker.submit(local.path, filename=local.path.name, sha256=local.sha256)
        if not isinstance(pin.choice.artifact, Wheel):
            raise InstallationError(f"`{file.filename}` was not built into a wheel")
        if file.size is not None and file.size < WORTH_FOLLOWING:
            fetched = self._reader.download(file)
            stored = self._known(pin, fetched)
        else:
            from vinstall.installation.streaming import Following

            processes = min(os.cpu_count() or 1, _MOST_PROCESSES)
            with Following(
                self._store, file.filename, self._observer, begin=unpacker.lend, processes=processes
            ) as following:
                fetched = self._reader.download(file, follow=following.follow)
                finish = partial(following.finish, fetched)
                stored = self._known(pin, fetched) or _unless_bad(file, fetched, finish)
        if stored is not None:
            return partial(_itself, stored)
        coming = unpacker.submit(fetched.path, filename=file.filename, sha256=fetched.sha256)
        return partial(_unless_bad, file, fetched, coming)

    def _known(self, pin: Pin, fetched: FetchedFile) -> StoredWheel | None:
        """What the store has for a file whose hash was not known before it was there.

        Raises HashMismatch where another one was promised.
        """
        known = _promised_sha256(pin)
        if known is None:
            return self._store.find(fetched.sha256)
        if fetched.sha256 != known:
            raise HashMismatch(
                file=pin.choice.artifact.file.filename,
                algorithm="sha256",
                expected=known,
                received=fetched.sha256,
            )
        return None


def _unless_bad(file: RemoteFile, fetched: FetchedFile, unpack: Callable[[], _Wheel]) -> _Wheel:
    """What `unpack` gives; a download that it finds bad is not kept where no hash vouches for it.

    The server may say for long that it has the same file still.
    """
    try:
        return unpack()
    except IntegrityError:
        if not (file.hashes or file.url.startswith("file:")):
            fetched.path.unlink(missing_ok=True)
        raise


def _itself(wheel: StoredWheel) -> StoredWheel:
    return wheel


def _key(pin: Pin) -> tuple[NormalizedName, str]:
    return pin.name, pin.choice.artifact.file.url


def _promised_sha256(pin: Pin) -> str | None:
    return dict(pin.choice.artifact.file.hashes).get("sha256")


def check_identity(pin: Pin, stored: StoredWheel) -> None:
    """The wheel must be of the pinned project and version, whatever name its bytes came under."""
    if stored.filename == pin.choice.artifact.file.filename:
        return  # checked against the pin when it was chosen, and against the bytes when unpacked
    name = parse_wheel_name(stored.filename)
    if (name.name, name.version) != (pin.name, pin.version):
        raise IntegrityError(
            f"`{stored.filename}` is not `{pin.name}` {pin.version}",
            context=(f"offered as `{pin.choice.artifact.file.filename}`",),
        )


def compare_metadata(pin: Pin, stored: StoredWheel, observer: Observer) -> None:
    """Warn where the resolution rests on requirements that are not the wheel's own.

    What an index puts beside a wheel (PEP 658) is believed before the wheel is there.
    """
    file = pin.choice.artifact.file
    if file.metadata_hashes is None or not pin.metadata.metadata_version:
        return  # nothing beside it, or resolved by an earlier run
    content = stored.read(f"{stored.dist_info}/METADATA") or b""
    import hashlib

    if dict(file.metadata_hashes).get("sha256") == hashlib.sha256(content).hexdigest():
        return
    own = set(map(render_requirement, parse_metadata(content).requires_dist))
    listed = set(map(render_requirement, pin.metadata.requires_dist))
    differences = [f"`{one}` is not listed" for one in sorted(own - listed)]
    differences += [f"`{one}` is not its own" for one in sorted(listed - own)]
    if differences:
        observer.warning(
            f"`{file.filename}` has other requirements than its index lists: "
            + ", ".join(differences[:5]),
            hint="the listed ones were followed; `vinstall check` tells what is missing",
        )


def check_variant(pin: Pin, stored: StoredWheel) -> None:
    """A labelled wheel must itself say the properties it was chosen for.

    Spec: PEP 825 "Variant metadata"; the contract, end of section 2.  Raises IntegrityError.
    """
    artifact = pin.choice.artifact
    label = artifact.name.label if isinstance(artifact, Wheel) else None
    if label is None:
        return
    filename = artifact.file.filename
    text = stored.read(f"{stored.dist_info}/variant.json")
    if text is None:
        raise IntegrityError(f"`{filename}` is labelled `{label}` and has no `variant.json`")
    from vinstall.formats.variant_json import Property, parse_variant_table

    try:
        variants = parse_variant_table(text).variants
    except FormatError as error:
        raise IntegrityError(
            f"`variant.json` in `{filename}` cannot be read", context=(error.message,)
        ) from error
    null = frozenset[Property]() if label == NULL_LABEL else None
    own = variants.get(label, null)
    if own is None:
        raise IntegrityError(
            f"`variant.json` in `{filename}` does not describe the label `{label}`",
            context=(f"it describes {', '.join(f'`{other}`' for other in sorted(variants))}",),
        )
    table = pin.choice.table
    chosen = own if table is None else table.variants.get(label, null)
    if own != chosen:
        raise IntegrityError(
            f"`{filename}` is not the variant it was chosen as",
            context=(
                f"chosen for {_listed(chosen or frozenset())}",
                f"the wheel says {_listed(own)}",
            ),
            hint="the index describes another build; tell its maintainers",
        )


def _listed(properties: frozenset[Property]) -> str:
    return ", ".join(f"`{prop}`" for prop in sorted(properties)) or "no properties"
