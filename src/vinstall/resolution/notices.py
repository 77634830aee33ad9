"""What must not be silent about an answer that was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.formats.requirement import Requirement
from vinstall.observer import Observer
from vinstall.resolution.model import Edge, Pin
from vinstall.resolution.sentence import is_for_variant_reasons, rejection_texts, yanked_text
from vinstall.selection.wording import either

_DETAILS = 10
"""Of how many releases of a project it is told, to those who want to know, that they are for elsewhere."""


def notices(
    pins: Sequence[Pin],
    edges: Iterable[Edge],
    *,
    extras: Mapping[NormalizedName, frozenset[NormalizedName]],
    unusable: Mapping[NormalizedName, Iterable[Version]],
    catalog: Catalog,
    observer: Observer,
) -> tuple[str, ...]:
    """The notices on an answer, one line each, by project; what is of less weight goes to `observer`.

    `extras` are those asked of each project, also by its own extras; `unusable` are the versions
    that fitted what was asked when they were looked at and of which no file can be used.
    """
    asked: defaultdict[NormalizedName, list[Requirement]] = defaultdict(list)
    for edge in edges:
        asked[edge.requirement.name].append(edge.requirement)
    lines: list[str] = []
    for pin in pins:
        lines += _passed_over(pin, asked[pin.name], unusable.get(pin.name, ()), catalog, observer)
        lines += _yanked(pin)
        lines += _missing_extras(pin, extras[pin.name])
    return tuple(dict.fromkeys(lines))


def _passed_over(
    pin: Pin,
    asked: Sequence[Requirement],
    unusable: Iterable[Version],
    catalog: Catalog,
    observer: Observer,
) -> list[str]:
    """Contract, section 2: "an older release chosen only for variant reasons is never silent"."""
    newer: Iterable[Version] = (
        version
        for version in sorted(unusable, reverse=True)
        if version > pin.version
        and all(r.specifier.contains(version, prereleases=True) for r in asked)
    )
    if not catalog.has_labels(pin.name):
        newer = islice(newer, _DETAILS if observer.wants_details else 0)
    for version in newer:
        rejections = catalog.rejections(pin.name, version)
        why = "; ".join(rejection_texts(rejections)) or "it has no file"
        line = f"`{pin.name}` {pin.version} instead of {version}: {why}"
        if is_for_variant_reasons(rejections):
            return [line]
        observer.detail(line)
    return []


def _yanked(pin: Pin) -> list[str]:
    why = pin.choice.artifact.file.yanked
    if why is None:
        return []
    return [yanked_text(pin.name, pin.version, why)]


def _missing_extras(pin: Pin, extras: frozenset[NormalizedName]) -> list[str]:
    missing = sorted(extras - pin.metadata.extras)
    if not missing:
        return []
    return [
        f"`{pin.name}` {pin.version} has no extra {either([f'`{extra}`' for extra in missing])}"
    ]
