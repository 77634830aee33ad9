"""MemoryIndex: sources, files and a host in memory, for a SourceCatalog without disk or network."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.catalog import MetadataBuilder
from vinstall.catalog.cutoff import Cutoff
from vinstall.catalog.source_catalog import SourceCatalog
from vinstall.errors import SourceError
from vinstall.formats.metadata import Metadata, parse_metadata
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.formats.variant_json import ABI_DEPENDENCY, ProviderInfo
from vinstall.observer import Observer
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.release import SourceDistribution
from vinstall.sources.source import FetchedFile, Follow
from vinstall.target.environment import Target

INDEX = "https://index.example/simple/"
FILES = "https://files.example/"


class MemoryIndex:
    """Project pages of one or more sources, and the files they list.  Counts what is read."""

    def __init__(self) -> None:
        self._pages: dict[NormalizedName, dict[str, list[RemoteFile]]] = {}
        self._contents: dict[str, bytes | Exception] = {}
        self._sources: list[str] = [INDEX]
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        """`page NAME`, `read FILENAME`, `metadata FILENAME`, `variant FILENAME`, `answer NAMESPACE`."""
        self.host: dict[str, Mapping[str, Sequence[str]]] = {}
        """Namespace to feature to supported values, best first."""

    # --- filling ------------------------------------------------------------------------------

    def add_wheel(
        self,
        name: str,
        version: str,
        *,
        requires: Sequence[str] = (),
        extras: Mapping[str, Sequence[str]] | None = None,
        requires_python: str | None = None,
        tag: str = "py3-none-any",
        label: str | None = None,
        variant_json: object = None,
        yanked: str | None = None,
        upload_time: str | None = None,
        hashes: tuple[tuple[str, str], ...] = (),
        metadata: bytes | Exception | None = None,
        shows_python: bool = True,
        source: str = INDEX,
        build: str | None = None,
    ) -> RemoteFile:
        """List one wheel; `variant_json` stands inside it."""
        parts = [name.replace("-", "_"), version, *([build] if build else []), tag]
        filename = "-".join([*parts, *([label] if label is not None else [])]) + ".whl"
        file = RemoteFile(
            filename=filename,
            url=FILES + _place(source) + filename,
            hashes=hashes,
            requires_python=requires_python if shows_python else None,
            yanked=yanked,
            upload_time=upload_time,
        )
        text = metadata or render_metadata(name, version, requires, extras or {}, requires_python)
        self._contents[f"{file.url}#METADATA"] = text
        if isinstance(variant_json, bytes | Exception):
            self._contents[f"{file.url}#variant.json"] = variant_json
        elif variant_json is not None:
            self._contents[f"{file.url}#variant.json"] = json.dumps(variant_json).encode()
        return self._list(name, file, source)

    def add_sdist(
        self,
        name: str,
        version: str,
        *,
        requires: Sequence[str] = (),
        extras: Mapping[str, Sequence[str]] | None = None,
        requires_python: str | None = None,
        yanked: str | None = None,
        source: str = INDEX,
    ) -> RemoteFile:
        """List one source distribution."""
        filename = f"{name.replace('-', '_')}-{version}.tar.gz"
        file = RemoteFile(
            filename=filename,
            url=FILES + _place(source) + filename,
            requires_python=requires_python,
            yanked=yanked,
        )
        text = render_metadata(name, version, requires, extras or {}, requires_python)
        self._contents[f"{file.url}#METADATA"] = text
        return self._list(name, file, source)

    def add_variants_json(
        self,
        name: str,
        version: str,
        content: object,
        *,
        hashes: tuple[tuple[str, str], ...] = (),
        source: str = INDEX,
    ) -> RemoteFile:
        """List the variants file of a release; `content` is JSON, bytes, or what reading raises."""
        filename = f"{name.replace('-', '_')}-{version}-variants.json"
        url = FILES + _place(source) + filename
        file = RemoteFile(filename=filename, url=url, hashes=hashes)
        if isinstance(content, bytes | Exception):
            self._contents[file.url] = content
        else:
            self._contents[file.url] = json.dumps(content).encode()
        return self._list(name, file, source)

    def _list(self, name: str, file: RemoteFile, source: str) -> RemoteFile:
        if source not in self._sources:
            self._sources.append(source)
        self._pages.setdefault(canonicalize_name(name), {}).setdefault(source, []).append(file)
        return file

    # --- Pages --------------------------------------------------------------------------------

    def pages(self, name: NormalizedName) -> Sequence[ProjectPage]:
        self._count(f"page {name}")
        listed = self._pages.get(name, {})
        return [
            ProjectPage(name=name, source=source, files=tuple(listed[source]))
            for source in self._sources
            if source in listed
        ]

    def asked(self, name: NormalizedName) -> tuple[str, ...]:
        return tuple(self._sources)

    # --- FileReader ---------------------------------------------------------------------------

    def read(self, file: RemoteFile) -> bytes:
        self._count(f"read {file.filename}")
        return self._content(file.url, file)

    def core_metadata(self, file: RemoteFile) -> bytes:
        self._count(f"metadata {file.filename}")
        return self._content(f"{file.url.partition('#')[0]}#METADATA", file)

    def variant_metadata(self, file: RemoteFile) -> bytes | None:
        self._count(f"variant {file.filename}")
        key = f"{file.url}#variant.json"
        return self._content(key, file) if key in self._contents else None

    def download(self, file: RemoteFile, *, follow: Follow | None = None) -> FetchedFile:
        raise SourceError(f"`{file.filename}` exists in memory only")

    # --- MetadataBuilder ----------------------------------------------------------------------

    def metadata(self, source: SourceDistribution) -> Metadata:
        self._count(f"build {source.file.filename}")
        return parse_metadata(
            self._content(f"{source.file.url.partition('#')[0]}#METADATA", source.file)
        )

    # --- Answers ------------------------------------------------------------------------------

    def answer(self, namespace: str, info: ProviderInfo | None, *, labels: int) -> NamespaceAnswer:
        self._count(f"answer {namespace}")
        if info is not None and info.static is not None:
            return NamespaceAnswer(features=info.static)
        if namespace == ABI_DEPENDENCY:
            return NamespaceAnswer(how="decided with the versions of the resolution")
        if namespace not in self.host:
            return NamespaceAnswer(unavailable="which no provider answers for")
        features = self.host[namespace]
        return NamespaceAnswer(
            features=tuple(FeatureSupport(name, tuple(values)) for name, values in features.items())
        )

    def catalog(
        self,
        target: Target,
        *,
        policy: Callable[[NormalizedName], SelectionPolicy] = lambda name: SelectionPolicy(),
        builds: bool = True,
        cutoff: Cutoff | None = None,
        editable: frozenset[str] = frozenset(),
        observer: Observer | None = None,
        threads: int = 0,
        asleep_until: Callable[[Callable[[], None]], None] | None = None,
    ) -> SourceCatalog:
        """A catalog over all of this."""
        builder: MetadataBuilder | None = self if builds else None
        return SourceCatalog(
            pages=self,
            reader=self,
            target=target,
            answers=self,
            policy=policy,
            builder=builder,
            cutoff=cutoff,
            editable=editable,
            observer=observer,
            threads=threads,
            asleep_until=asleep_until,
        )

    def _content(self, key: str, file: RemoteFile) -> bytes:
        content = self._contents.get(key, SourceError(f"`{file.filename}` is not there"))
        if isinstance(content, Exception):
            raise content
        return content

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1


def render_metadata(
    name: str,
    version: str,
    requires: Sequence[str],
    extras: Mapping[str, Sequence[str]],
    requires_python: str | None,
) -> bytes:
    """A METADATA file."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {Version(version)}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    for extra, requirements in extras.items():
        lines.append(f"Provides-Extra: {extra}")
        for requirement in requirements:
            text, separator, marker = requirement.partition(";")
            condition = f"extra == '{extra}'"
            lines.append(
                f"Requires-Dist: {text} ; "
                + (f"({marker}) and {condition}" if separator else condition)
            )
    return ("\n".join(lines) + "\n").encode()


def variants_json(
    variants: Mapping[str, Sequence[str]],
    namespaces: Sequence[str] | None = None,
    **more: object,
) -> dict[str, object]:
    """A variants document of schema 0.1.1: label to properties as `namespace :: feature :: value`."""
    described: dict[str, dict[str, dict[str, list[str]]]] = {}
    for label, properties in variants.items():
        features: dict[str, dict[str, list[str]]] = {}
        for text in properties:
            namespace, feature, value = (part.strip() for part in text.split("::"))
            features.setdefault(namespace, {}).setdefault(feature, []).append(value)
        described[label] = features
    used = sorted({namespace for features in described.values() for namespace in features})
    return {
        "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
        "default-priorities": {"namespace": list(namespaces or used or ["none"])},
        "variants": described,
        **more,
    }


def _place(source: str) -> str:
    """A folder of its own for the files of each further source."""
    return "" if source == INDEX else source.partition("//")[2].strip("/").replace("/", "-") + "/"
