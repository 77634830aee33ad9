"""Settings → what resolution and selection are to obey, in their own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import UsageError
from vinstall.formats.requirement import Requirement
from vinstall.resolution.options import (
    Dependencies,
    Preferred,
    Prereleases,
    ResolutionOptions,
)
from vinstall.selection.policy import SelectionPolicy
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings, VariantSettings

if TYPE_CHECKING:
    from datetime import datetime

    from vinstall.catalog.cutoff import Cutoff

Hashes = frozenset[tuple[str, str]]


def selection_policies(
    settings: Settings, hashes: Mapping[NormalizedName, Hashes]
) -> Callable[[NormalizedName], SelectionPolicy]:
    """What may be chosen, by project.  `hashes` are those the requirements list.

    Raises UsageError for a preference that is no namespace, feature or property.
    """
    only, no = _names(settings.only_binary), _names(settings.no_binary)
    prefer = tuple(_preference(text) for text in settings.variants.prefer)
    require_hashes = settings.require_hashes or bool(hashes)

    def policy(name: NormalizedName) -> SelectionPolicy:
        return SelectionPolicy(
            variants=settings.variants.variants,
            label=_label(settings.variants, name),
            prefer=prefer,
            require=frozenset(settings.variants.require),
            wheels=not _covers(no, name, only),
            sdists=not _covers(only, name, no),
            prefer_wheels=settings.prefer_binary,
            require_hashes=require_hashes,
            hashes=hashes.get(name, frozenset()),
        )

    return policy


def _names(given: frozenset[str]) -> frozenset[str]:
    return frozenset(name if name == ":all:" else canonicalize_name(name) for name in given)


def _covers(names: frozenset[str], name: NormalizedName, other: frozenset[str]) -> bool:
    """Whether `names` covers the project; its own name in the `other` option outweighs `:all:`."""
    return name in names or (":all:" in names and name not in other)


def _preference(text: str) -> tuple[str, ...]:
    """`NS`, `NS::FEATURE` or `NS::FEATURE::VALUE` in parts; white space around `::` is ignored."""
    parts = tuple(part.strip() for part in text.split("::"))
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise UsageError(
            f"`--prefer {text}` is no namespace, feature or property",
            hint="write `nvidia`, `nvidia::sm_arch` or `x86_64::level::v3`",
        )
    return parts


def _label(variants: VariantSettings, name: NormalizedName) -> str | None:
    """The label demanded of a project: one said for it by name before one said for all."""
    for project, label in variants.labels:
        if project is not None and canonicalize_name(project) == name:
            return label
    return next((label for project, label in variants.labels if project is None), None)


def resolution_options(settings: Settings, overrides: tuple[Requirement, ...]) -> ResolutionOptions:
    """How versions are chosen.  Raises UsageError for `--no-deps` beside `--only-deps`."""
    if settings.no_deps and settings.only_deps:
        raise UsageError("`--no-deps` and `--only-deps` together leave nothing to install")
    dependencies = Dependencies.ALL
    if settings.no_deps:
        dependencies = Dependencies.NONE
    elif settings.only_deps:
        dependencies = Dependencies.ONLY
    return ResolutionOptions(
        prereleases=Prereleases.ALLOW if settings.pre else Prereleases.STANDARD,
        all_releases=_names(settings.all_releases),
        only_final=_names(settings.only_final),
        preferred=Preferred(settings.resolution),
        dependencies=dependencies,
        upgrade=settings.upgrade,
        eager=settings.upgrade_strategy == "eager",
        upgrade_projects=frozenset(map(canonicalize_name, settings.upgrade_packages)),
        reinstall=settings.reinstall,
        reinstall_projects=frozenset(map(canonicalize_name, settings.reinstall_packages)),
        overrides=overrides,
        prefer_wheels=settings.prefer_binary,
    )


def upload_cutoff(settings: Settings, invocation: Invocation) -> Cutoff | None:
    """Which files are too new, or None where the user does not say.

    Links tell no time of upload and are exempt (pip).
    """
    if settings.exclude_newer is None and not settings.exclude_newer_for:
        return None
    from vinstall.catalog.cutoff import Cutoff, parse_cutoff
    from vinstall.sources.location import parse_location

    now, folder = invocation.now, invocation.folder
    projects: dict[NormalizedName, datetime | None] = {}
    for text in settings.exclude_newer_for:
        project, separator, when = text.partition("=")
        if not separator:
            raise UsageError(
                f"`--exclude-newer-package {text}` names no time",
                hint="write `PROJECT=2026-08-01`, or `PROJECT=none` to exempt it",
            )
        projects[canonicalize_name(project)] = parse_cutoff(when, now=now)
    time = parse_cutoff(settings.exclude_newer, now=now) if settings.exclude_newer else None
    links = (parse_location(text, base=folder).shown for text in settings.sources.find_links)
    return Cutoff(time=time, projects=projects, exempt_sources=frozenset(links))
