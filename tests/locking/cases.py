"""Locking over an index in memory: hosts, locks made for them, and what each host gets back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from tests.support.catalogs import make_target
from tests.support.memory_index import MemoryIndex
from vinstall.catalog.source_catalog import SourceCatalog
from vinstall.formats.pylock import Lock, parse_lock
from vinstall.formats.pylock_writer import render_lock
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.formats.variant_json import ProviderInfo
from vinstall.locking.pages import LockPages, LockReader
from vinstall.locking.place import LockPlace
from vinstall.locking.reading import LockRequest, applicable, editable_urls, from_lock
from vinstall.locking.recording import Facts, HostAnswer, LockOptions, to_lock
from vinstall.observer import Observer
from vinstall.resolution.model import Pin, Request, Resolution
from vinstall.resolution.resolve import resolve
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.release import Release
from vinstall.target.environment import Target

PLACE = LockPlace(name="pylock.toml", folder=Path("/locks"))


@dataclass(frozen=True)
class Host:
    """A target and what it supports; answers as a registry would."""

    target: Target = field(default_factory=make_target)
    supports: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def answer(self, namespace: str, info: ProviderInfo | None, *, labels: int) -> NamespaceAnswer:
        features = self.supports.get(namespace, {})
        return NamespaceAnswer(
            features=tuple(FeatureSupport(name, tuple(values)) for name, values in features.items())
        )


def digest(filename: str) -> tuple[tuple[str, str], ...]:
    """The hash every file of these tests has: of its name."""
    return (("sha256", hashlib.sha256(filename.encode()).hexdigest()),)


def catalog(index: MemoryIndex, host: Host) -> SourceCatalog:
    """A catalog of `index` for `host`."""
    return SourceCatalog(
        pages=index, reader=index, target=host.target, answers=host, policy=_policy, builder=index, threads=0
    )  # fmt: skip


def _policy(name: NormalizedName) -> SelectionPolicy:
    return SelectionPolicy()


def resolved(index: MemoryIndex, host: Host, requests: Iterable[str]) -> HostAnswer:
    """A direct resolution for `host`."""
    world = catalog(index, host)
    answer = resolve(
        [Request(requirement=parse_requirement(text)) for text in requests],
        catalog=world,
        target=host.target,
    )

    def release(pin: Pin) -> Release | None:
        found = world.evaluations(pin.name, pin.version)
        return next((one.release for one in found if pin.choice in one.choices), None)

    return HostAnswer(name="host", markers=host.target.markers, resolution=answer, release=release)


def locked(
    index: MemoryIndex,
    hosts: Sequence[Host],
    requests: Sequence[str],
    *,
    previous: Lock | None = None,
    **options: bool,
) -> str:
    """The text of a lock for all of `hosts`."""
    answers = [resolved(index, host, requests) for host in hosts]
    lock = to_lock(
        answers,
        options=LockOptions(place=PLACE, **options),  # type: ignore[arg-type]
        facts=Facts(),
        previous=previous,
        observer=Observer(),
    )
    return render_lock(lock)


def installed(text: str, index: MemoryIndex, host: Host) -> Resolution:
    """What `host` installs from the lock in `text`."""
    lock = parse_lock(text)
    request = LockRequest(markers=host.target.markers, python=host.target.python_version)
    packages = applicable(lock, request, PLACE)
    world = SourceCatalog(
        pages=LockPages(packages, PLACE),
        reader=LockReader(packages, index),
        target=host.target,
        answers=host,
        policy=_policy,
        builder=index,
        editable=editable_urls(packages, PLACE),
        threads=0,
    )
    return from_lock(packages, catalog=world, markers=host.target.markers, place=PLACE)


def shown(resolution: Resolution) -> list[tuple[str, Version, str | None]]:
    """Project, version and label of each pin."""
    return [(pin.name, pin.version, pin.choice.label) for pin in resolution.pins]
