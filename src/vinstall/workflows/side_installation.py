"""Installs that serve the main one: what a build needs, what a plugin consists of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from packaging.utils import NormalizedName

from vinstall.cache.store import StoredWheel
from vinstall.errors import BuildError
from vinstall.formats.metadata import Metadata
from vinstall.installation.apply import apply
from vinstall.installation.fetch import fetch_wheels
from vinstall.installation.plan import Plan, make_plan
from vinstall.resolution.model import Pin, Request
from vinstall.resolution.resolve import resolve
from vinstall.selection.release import SourceDistribution
from vinstall.sources.source import FetchedFile
from vinstall.target.environment import Target
from vinstall.target.installed import scan_installed
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import Rooms, build_answers, open_catalog
from vinstall.workflows.policies import Hashes
from vinstall.workflows.settings import VariantSettings


class WheelBuilder(Protocol):
    """Builds source distributions."""

    def metadata(self, source: SourceDistribution) -> Metadata:
        """Metadata of what `source` builds into."""
        ...

    def wheel(self, source: SourceDistribution) -> FetchedFile:
        """The wheel of `source`."""
        ...


@frozen
class Side:
    """What such an install may do."""

    builder: WheelBuilder | None
    """None: wheels alone."""
    variants: bool = True
    hashes: Mapping[NormalizedName, Hashes] | None = None


def install_beside(
    rooms: Rooms,
    requests: Sequence[Request],
    target: Target,
    side: Side,
    *,
    constraints: Sequence[Request] = (),
) -> Mapping[NormalizedName, StoredWheel]:
    """Put `requests` and what they need into `target`; the wheels of what was put there.

    Of the user's options only those on sources and files count, and no plugin is ever run.
    """
    quiet = replace(
        rooms,
        settings=replace(
            rooms.settings,
            variants=VariantSettings(
                variants=side.variants,
                disable_providers=rooms.settings.variants.disable_providers,
            ),
            require_hashes=False,
        ),
    )
    answers = build_answers(quiet, target, None, require_hashes=False)
    with open_catalog(quiet, target, answers, hashes=side.hashes, builder=side.builder) as catalog:
        resolution = resolve(
            requests,
            catalog=catalog,
            target=target,
            constraints=constraints,
            observer=rooms.observer,
        )
    plan = make_plan(resolution, scan_installed(target))
    built = build_wheels(plan, side.builder)
    stored = fetch_wheels(plan, rooms.reader, rooms.store, rooms.observer, local=built)
    apply(plan, stored, target, observer=rooms.observer)
    return stored


def build_wheels(plan: Plan, builder: WheelBuilder | None) -> dict[NormalizedName, FetchedFile]:
    """The wheel of each source distribution in the plan.  Raises BuildError."""
    return {pin.name: _built(pin, builder) for pin in plan.pins if _is_source(pin)}


def _is_source(pin: Pin) -> bool:
    return isinstance(pin.choice.artifact, SourceDistribution)


def _built(pin: Pin, builder: WheelBuilder | None) -> FetchedFile:
    artifact = pin.choice.artifact
    if builder is None or not isinstance(artifact, SourceDistribution):
        raise BuildError(f"`{pin.name}` {pin.version} is a source distribution")
    return builder.wheel(artifact)
