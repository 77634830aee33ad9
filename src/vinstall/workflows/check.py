"""Check: what is broken in an environment.

As `pip check` and in its words, and beyond it: markers of the installed variant, extras that other
distributions ask for, files, variants that no longer run here, majors of CUDA.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.tags import parse_tag
from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.requirement import render_requirement
from vinstall.observer import Observer
from vinstall.target.environment import Target
from vinstall.target.installed import InstalledDistribution
from vinstall.values import frozen
from vinstall.workflows.assemble import describe
from vinstall.workflows.cuda_majors import cuda_findings
from vinstall.workflows.finding import Finding, Kind
from vinstall.workflows.installed_files import file_findings
from vinstall.workflows.installed_variants import Standing
from vinstall.workflows.inventory import Inventory, ShownVariant, open_inventory, shown_variant
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.needs_installed import Needs, find_needs
from vinstall.workflows.settings import Settings

_TAG = re.compile(rb"^Tag:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)


@frozen
class CheckedVariant:
    """One installed variant."""

    name: str
    version: str
    variant: ShownVariant
    against: str | None
    """Why this host does not support it, as the end of a sentence; None: it does."""


@frozen
class EnvironmentCheck:
    """Everything found."""

    checked: int
    """How many distributions there are."""
    findings: tuple[Finding, ...]
    """Broken requirements first, in pip's order."""
    variants: tuple[CheckedVariant, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that something is broken by."""
        return tuple(finding for finding in self.findings if finding.is_fault)


def check(
    settings: Settings, invocation: Invocation, observer: Observer, *, contents: bool = False
) -> EnvironmentCheck:
    """What is wrong with the environment that `settings` name; `contents`: read every file too.

    Costs reading each METADATA and RECORD, and a look at every file.
    """
    with open_inventory(settings, invocation, observer) as inventory:
        observer.target(describe(inventory.target))
        standings = inventory.standings()
        distributions = [standing.distribution for standing in standings]
        variants = {one.name: variant for one in distributions if (variant := shown_variant(one))}
        needs = find_needs(standings, inventory.target.markers)
        versions = {one.name: one.version for one in inventory.installed}
        own = [one for one in (*distributions, *inventory.installed.duplicates) if one.local]
        findings = (
            *_requirement_findings(needs, versions),
            *_platform_findings(distributions, inventory.target),
            *_variant_findings(standings, variants, versions),
            *cuda_findings(distributions, variants),
            *_leftovers(inventory),
            *file_findings(own, contents=contents),
        )
        return EnvironmentCheck(
            checked=len(distributions),
            findings=findings,
            variants=tuple(_checked(standings, variants)),
        )


def _checked(
    standings: Iterable[Standing], variants: Mapping[NormalizedName, ShownVariant]
) -> Iterator[CheckedVariant]:
    for standing in standings:
        one = standing.distribution
        variant = variants.get(one.name)
        if variant is not None:
            reason = standing.verdict.reason if standing.verdict is not None else None
            yield CheckedVariant(
                name=one.name,
                version=str(one.version),
                variant=variant,
                against=reason.sentence() if reason is not None else variant.fault,
            )


# --- requirements -------------------------------------------------------------------------------


def _requirement_findings(
    needs: Needs, versions: Mapping[NormalizedName, Version]
) -> Iterator[Finding]:
    """pip's sentences: what is missing first, then what has another version."""
    conflicts = []
    missing: dict[tuple[str, str], None] = {}
    for (name, version, _, *_), requirement in (
        ((need.dependent.name, need.dependent.version, need), need.requirement)
        for need in needs.found
    ):
        installed = versions.get(requirement.name)
        if installed is None:
            missing[f"{name} {version}", requirement.name] = None
        elif not requirement.specifier.contains(installed, prereleases=True):
            conflicts.append(
                Finding(
                    kind=Kind.CONFLICTING_REQUIREMENT,
                    projects=(name, requirement.name),
                    sentence=f"{name} {version} has requirement {render_requirement(requirement)}, "
                    f"but you have {requirement.name} {installed}.",
                )
            )
    for dependent, wanted in missing:
        yield Finding(
            kind=Kind.MISSING_REQUIREMENT,
            projects=(dependent.partition(" ")[0], wanted),
            sentence=f"{dependent} requires {wanted}, which is not installed.",
        )
    yield from conflicts
    for one, fault in needs.faults:
        yield Finding(
            kind=Kind.UNREADABLE_METADATA,
            projects=(one.name,),
            sentence=f"{one.name} {one.version} has metadata that cannot be used: {fault}.",
        )


def _platform_findings(
    distributions: Iterable[InstalledDistribution], target: Target
) -> Iterator[Finding]:
    """Wheels made for another Python or platform, by the tags of their WHEEL files."""
    for one in distributions:
        listed = _TAG.findall(one.read("WHEEL") or b"")
        tags = {str(tag) for text in listed for tag in parse_tag(text.decode("ascii", "replace"))}
        if tags and tags.isdisjoint(target.tags):
            yield Finding(
                kind=Kind.UNSUPPORTED_PLATFORM,
                projects=(one.name,),
                sentence=f"{one.name} {one.version} is not supported on this platform",
            )


# --- variants -----------------------------------------------------------------------------------


def _variant_findings(
    standings: Iterable[Standing],
    variants: Mapping[NormalizedName, ShownVariant],
    versions: Mapping[NormalizedName, Version],
) -> Iterator[Finding]:
    for standing in standings:
        one, verdict = standing.distribution, standing.verdict
        variant = variants.get(one.name)
        if variant is not None and variant.fault is not None:
            yield Finding(
                kind=Kind.UNREADABLE_METADATA,
                projects=(one.name,),
                sentence=f"{one.name} {one.version} has a `variant.json` that cannot be used: "
                f"{variant.fault}.",
            )
        elif verdict is not None and verdict.reason is not None:
            yield Finding(
                kind=Kind.UNSUPPORTED_VARIANT,
                projects=(one.name,),
                sentence=f"{one.name} {one.version} is the variant `{verdict.label}`, "
                f"which no longer runs here: it {verdict.reason.sentence()}.",
            )
        else:
            yield from _binding_findings(standing, versions)


def _binding_findings(
    standing: Standing, versions: Mapping[NormalizedName, Version]
) -> Iterator[Finding]:
    """`abi_dependency`: the label was built for certain versions of others (PEP 850)."""
    one = standing.distribution
    if standing.fits(versions):
        return
    bound = sorted(standing.bound & versions.keys())
    there = ", ".join(f"{name} {versions[name]}" for name in bound)
    yield Finding(
        kind=Kind.BROKEN_BINDING,
        projects=(one.name, *bound),
        sentence=f"{one.name} {one.version} is the variant `{standing.label}`, built for "
        f"{standing.built_for()}, but you have {there}.",
    )


# --- leftovers ----------------------------------------------------------------------------------


def _leftovers(inventory: Inventory) -> Iterator[Finding]:
    for one in inventory.installed.duplicates:
        yield Finding(
            kind=Kind.DUPLICATE,
            projects=(one.name,),
            sentence=f"{one.name} is installed twice: also {one.version} in `{one.location}`.",
            files=(str(one.location),),
        )
    for path in inventory.installed.unreadable:
        yield Finding(
            kind=Kind.UNREADABLE_METADATA,
            projects=(),
            sentence=f"`{path}` looks like an installed distribution and has no name or version.",
            files=(str(path),),
        )
