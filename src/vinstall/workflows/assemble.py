"""Settings → the rooms of one run: the only place that builds sources, target, providers, catalog.

A run that finds everything in its cache needs few rooms, and each takes time to load: what a
function alone needs is imported there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from vinstall.cache.files import Cache
from vinstall.errors import FormatError, UsageError
from vinstall.observer import Observer
from vinstall.values import frozen

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from vinstall.cache.store import Store
    from vinstall.catalog import MetadataBuilder
    from vinstall.catalog.source_catalog import Pages, SourceCatalog
    from vinstall.formats.host_file import HostFile
    from vinstall.formats.metadata import Metadata
    from vinstall.formats.simple_api import RemoteFile
    from vinstall.formats.support import NamespaceAnswer
    from vinstall.formats.variant_json import ProviderInfo
    from vinstall.net.client import HttpClient
    from vinstall.providers.machine import Machine
    from vinstall.providers.provider import PluginRunner
    from vinstall.providers.registry import Registry
    from vinstall.selection.release import Choice
    from vinstall.sources.chain import Chain
    from vinstall.sources.file_reader import CachedFileReader
    from vinstall.sources.source import FetchedFile, Follow
    from vinstall.target.discover import Place
    from vinstall.target.environment import Target
    from vinstall.workflows.invocation import Invocation
    from vinstall.workflows.policies import Hashes
    from vinstall.workflows.settings import Settings, TargetSettings

_ANSWERS = "answers"
"""The bucket of the cache for what interpreters and plugins said."""


class RememberedAnswers:
    """Small answers kept in the cache: what an interpreter or a plugin said."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get(self, key: str) -> bytes | None:
        """The bytes stored under `key`, or None."""
        return self._cache.read(_ANSWERS, (key,))

    def put(self, key: str, data: bytes) -> None:
        """Store `data` under `key`."""
        self._cache.write(_ANSWERS, (key,), data)


class RecordedAnswers:
    """A registry whose answers are remembered by namespace, for the report."""

    def __init__(self, make: Callable[[], Registry], observer: Observer) -> None:
        self._make = make
        self._observer = observer
        self.given: dict[str, NamespaceAnswer] = {}
        """What was said last about each namespace."""
        self.asked: dict[tuple[str, ProviderInfo | None], tuple[int, NamespaceAnswer]] = {}
        """What was asked, with the number of labels, and what was said."""

    @cached_property
    def registry(self) -> Registry:
        """Made when the first namespace is asked about."""
        return self._make()

    def answer(self, namespace: str, info: ProviderInfo | None, *, labels: int) -> NamespaceAnswer:
        """What the registry says."""
        with self._observer.during("host"):
            answer = self.registry.answer(namespace, info, labels=labels)
        self.given[namespace] = answer
        self.asked[namespace, info] = labels, answer
        return answer


class Outside:
    """What reaches out of this machine; made when it is asked for, and `close`d at the end."""

    def __init__(
        self, settings: Settings, invocation: Invocation, observer: Observer, cache: Cache
    ) -> None:
        self._settings = settings
        self._invocation = invocation
        self._observer = observer
        self._cache = cache
        self._lock = Lock()

    @cached_property
    def client(self) -> HttpClient:
        """The one HTTP client."""
        from vinstall.workflows.outside import open_client

        return open_client(self._settings.sources, self._invocation, self._observer)

    @property
    def reader(self) -> CachedFileReader:
        """Who reads files and their metadata.  Threads may be the first to ask."""
        with self._lock:
            return self._reader

    @cached_property
    def _reader(self) -> CachedFileReader:
        from vinstall.sources.file_reader import CachedFileReader

        return CachedFileReader(
            self.client, self._cache, observer=self._observer, refresh=self._settings.refresh
        )

    @cached_property
    def chain(self) -> Chain:
        """The sources in their order.  Raises UsageError for what is no address."""
        from vinstall.workflows.outside import open_chain

        return open_chain(
            self._settings, self._invocation, self._observer, cache=self._cache, client=self.client
        )

    def close(self) -> None:
        """End what is under way, as after Ctrl-C, and close every connection."""
        for made in self.__dict__.keys() & {"client", "_reader"}:
            getattr(self, made).close()


class LateReader:
    """The reader of files, loaded when the first file is read; a warm run reads none."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def core_metadata(self, file: RemoteFile) -> bytes:
        """As the reader's."""
        return self._outside.reader.core_metadata(file)

    def variant_metadata(self, file: RemoteFile) -> bytes | None:
        """As the reader's."""
        return self._outside.reader.variant_metadata(file)

    def read(self, file: RemoteFile) -> bytes:
        """As the reader's."""
        return self._outside.reader.read(file)

    def download(self, file: RemoteFile, *, follow: Follow | None = None) -> FetchedFile:
        """As the reader's."""
        return self._outside.reader.download(file, follow=follow)


@frozen
class Rooms:
    """What one run works with."""

    settings: Settings
    invocation: Invocation
    observer: Observer
    cache: Cache
    outside: Outside

    @property
    def client(self) -> HttpClient:
        """The HTTP client, which loads httpx at its first request."""
        return self.outside.client

    @property
    def store(self) -> Store:
        """Where wheels are unpacked."""
        from vinstall.cache.store import Store, bucket

        return Store(self.cache.folder(bucket()))

    @property
    def reader(self) -> CachedFileReader:
        """Who reads files and their metadata."""
        return self.outside.reader

    @property
    def late_reader(self) -> LateReader:
        """The same, for those who may have nothing to read."""
        return LateReader(self.outside)

    def remembered(self) -> RememberedAnswers:
        """Where answers of interpreters and plugins are kept."""
        return RememberedAnswers(self.cache)


@contextmanager
def assemble(settings: Settings, invocation: Invocation, observer: Observer) -> Iterator[Rooms]:
    """The rooms for `settings`; nothing is asked or read yet.  Closes every connection at the end."""
    from vinstall.workflows.folders import user_cache_folder

    root = None
    if not settings.no_cache:
        # Symbolic links into it must lead there from everywhere.
        root = invocation.folder / (settings.cache_dir or user_cache_folder(invocation.environ))
    cache = Cache(root, observer=observer)
    outside = Outside(settings, invocation, observer, cache)
    try:
        yield Rooms(
            settings=settings,
            invocation=invocation,
            observer=observer,
            cache=cache,
            outside=outside,
        )
    finally:
        outside.close()


def load_text(rooms: Rooms, location: str) -> bytes:
    """The bytes of a requirements file or its like, by path or URL.

    Raises UsageError where there is no such file, NetworkError where a server does not give it.
    """
    if location.lower().startswith(("http:", "https:")):
        return rooms.client.get(rooms.client.credentials.add(location)).content
    if location.lower().startswith("file:"):
        from vinstall.sources.location import url_path

        path = url_path(location)
    else:
        path = rooms.invocation.folder / Path(location).expanduser()
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"`{location}` does not exist") from error
    except OSError as error:
        raise UsageError(f"`{location}` cannot be read: {error.strerror}") from error


# --- sources ------------------------------------------------------------------------------------


def build_chain(rooms: Rooms) -> Chain:
    """The sources in their order, the same each time.  Raises UsageError for what is no address."""
    return rooms.outside.chain


# --- target -------------------------------------------------------------------------------------


def find_target(rooms: Rooms, *, meanwhile: Callable[[], None] | None = None) -> Target:
    """The environment of this run, as it is or as `--python-platform` and its like describe it.

    A host file of another kind of machine describes it too.  `meanwhile` is called while an
    interpreter starts, where one has to be asked.

    Raises TargetError where there is none.
    """
    from vinstall.target.discover import Surroundings, discover_target

    invocation, wanted = rooms.invocation, rooms.settings.target
    target = discover_target(
        _place(wanted),
        Surroundings(
            environ=invocation.environ,
            cwd=invocation.folder,
            own=invocation.python if invocation.is_virtual else None,
            cache=rooms.cache,
            meanwhile=meanwhile,
        ),
    )
    if wanted.platforms or wanted.abis or wanted.implementation is not None:
        return _by_tags(target, wanted)
    platform, host = wanted.python_platform, rooms.settings.variants.host
    if platform is None and host is not None:
        from vinstall.workflows.host_platform import foreign_platform

        platform = foreign_platform(read_host_file(rooms, host).facts, target.markers)
    if platform is None and wanted.python_version is None:
        return target
    from vinstall.target.describe import describe_target

    return describe_target(target, platform=platform, python_version=wanted.python_version)


def _by_tags(target: Target, wanted: TargetSettings) -> Target:
    from vinstall.target.describe import WheelTags, describe_by_tags

    if wanted.python_platform is not None:
        raise UsageError(
            "`--python-platform` goes with none of `--platform`, `--abi` and `--implementation`",
            hint="`--python-platform` says all of it in one word",
        )
    tags = WheelTags(
        platforms=wanted.platforms, abis=wanted.abis, implementation=wanted.implementation
    )
    return describe_by_tags(target, tags, python_version=wanted.python_version)


def describe(target: Target) -> str:
    """One line about the target: where, which Python, how it was found."""
    python = (
        f"{target.markers.get('platform_python_implementation', 'Python')} {target.python_version}"
    )
    return f"`{target.prefix}` ({python}, {target.origin})"


def _place(wanted: TargetSettings) -> Place:
    from vinstall.target.discover import Place

    return Place(
        python=wanted.python,
        target=wanted.target,
        prefix=wanted.prefix,
        root=wanted.root,
        user=wanted.user,
        system=wanted.system,
        break_system_packages=wanted.break_system_packages,
    )


# --- providers ----------------------------------------------------------------------------------


def find_machine(rooms: Rooms, target: Target) -> Machine:
    """The machine that is chosen for: this one, or what `target` tells of another."""
    from vinstall.providers.machine import described_machine, this_machine

    if not target.described:
        return this_machine(rooms.invocation.environ)
    return described_machine(
        system=target.markers.get("platform_system", ""),
        processor=target.markers.get("platform_machine", ""),
        environ=rooms.invocation.environ,
    )


def read_host_file(rooms: Rooms, path: Path) -> HostFile:
    """The host file at `path`.  Raises UsageError."""
    from vinstall.formats.host_file import parse_host_file

    try:
        return parse_host_file(load_text(rooms, str(path)))
    except FormatError as error:
        raise UsageError(
            f"`{path}` is no host file", context=(error.message, *error.context)
        ) from error


def build_answers(
    rooms: Rooms, target: Target, runner: PluginRunner | None, *, require_hashes: bool
) -> RecordedAnswers:
    """Who knows what the target supports.  Nothing is looked at yet.  Raises UsageError."""

    def make() -> Registry:
        return _registry(rooms, target, runner, require_hashes=require_hashes)

    answers = RecordedAnswers(make, rooms.observer)
    variants = rooms.settings.variants
    if variants.host is not None or variants.trust_providers:
        _ = answers.registry  # what the user wrote is checked even if nobody asks
    return answers


def _registry(
    rooms: Rooms, target: Target, runner: PluginRunner | None, *, require_hashes: bool
) -> Registry:
    from vinstall.providers.provider import ProviderOptions
    from vinstall.providers.registry import Registry
    from vinstall.providers.trust import parse_trust

    settings = rooms.settings
    host = settings.variants.host
    providers = read_host_file(rooms, host).providers if host is not None else None
    return Registry(
        machine=find_machine(rooms, target),
        markers=target.markers,
        options=ProviderOptions(
            enabled=settings.variants.enable_providers,
            disabled=settings.variants.disable_providers,
            trusted=tuple(parse_trust(text) for text in settings.variants.trust_providers),
            run_plugins=":all:" not in settings.only_binary,
            require_hashes=require_hashes,
        ),
        observer=rooms.observer,
        host=(
            {namespace: provider.features for namespace, provider in providers.items()}
            if providers is not None
            else None
        ),
        runner=runner,
    )


# --- catalog ------------------------------------------------------------------------------------


@contextmanager
def open_catalog(
    rooms: Rooms,
    target: Target,
    answers: RecordedAnswers,
    *,
    hashes: Mapping[NormalizedName, Hashes] | None = None,
    builder: MetadataBuilder | None = None,
    editable: frozenset[str] = frozenset(),
    installed: frozenset[NormalizedName] = frozenset(),
    pages: Pages | None = None,
    guessed: Callable[[Choice, Metadata], None] | None = None,
    asleep_until: Callable[[Callable[[], None]], None] | None = None,
) -> Iterator[SourceCatalog]:
    """The window of resolution on the sources; its threads end with the `with` block."""
    from vinstall.catalog.source_catalog import SourceCatalog
    from vinstall.workflows.policies import selection_policies, upload_cutoff

    catalog = SourceCatalog(
        pages=pages or build_chain(rooms),
        guessed=guessed,
        reader=rooms.late_reader,
        target=target,
        answers=answers,
        policy=selection_policies(rooms.settings, hashes or {}),
        builder=builder,
        cutoff=upload_cutoff(rooms.settings, rooms.invocation),
        editable=editable,
        installed=installed,
        observer=rooms.observer,
        by_source=rooms.settings.sources.index_strategy == "unsafe-first-match",
        asleep_until=asleep_until or rooms.client.before_request,
    )
    if rooms.settings.no_deps:
        catalog.settle()  # what is asked for is read ahead, and not what that depends on
    with closing(catalog):
        yield catalog
