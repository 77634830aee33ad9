"""What is installed, judged against this host and the user's say.  Contract, "Installed variants stay right"."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.errors import FormatError, NetworkError, SourceError
from vinstall.formats.metadata import Metadata, parse_metadata
from vinstall.formats.requirement import Requirement, render_requirement
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.formats.wheel_name import NULL_LABEL
from vinstall.observer import Observer
from vinstall.resolution.model import InstalledProject, Pin, Request, Resolution
from vinstall.selection.reason import UnsupportedFeature
from vinstall.target.installed import InstalledDistribution, InstalledSet
from vinstall.values import frozen, replace

if TYPE_CHECKING:
    from vinstall.catalog import Catalog
    from vinstall.formats.variant_json import ProviderInfo, VariantTable
    from vinstall.selection.abi_dependency import Alternative
    from vinstall.selection.labels import Verdict
    from vinstall.selection.policy import SelectionPolicy

Versions: TypeAlias = Mapping[NormalizedName, Version]
"""Of what is or will be installed."""


class Answers(Protocol):
    """Who knows what the target supports."""

    def answer(self, namespace: str, info: ProviderInfo | None, *, labels: int) -> NamespaceAnswer:
        """What the target supports in `namespace`."""
        ...


@frozen
class Standing:
    """One installed distribution and whether it may stay."""

    distribution: InstalledDistribution
    verdict: Verdict | None = None
    """Of the variant it is; None for one that is no variant."""
    against: str | None = None
    """Why it has to go, as the end of a sentence; None: it may stay."""

    @property
    def label(self) -> str | None:
        """The label it was installed as."""
        return self.verdict.label if self.verdict is not None else None

    def as_project(self) -> InstalledProject:
        """For the resolver."""
        return InstalledProject(
            name=self.distribution.name,
            version=self.distribution.version,
            metadata=self._metadata,
            label=self.label,
            matched=self.verdict.matched if self.verdict is not None else frozenset(),
            limits=tuple(way.constraints for way in self._bindings),
        )

    @property
    def bound(self) -> frozenset[NormalizedName]:
        """The projects for whose versions its variant was built (PEP 850, `abi_dependency`)."""
        return frozenset(one.name for way in self._bindings for one in way.constraints)

    def fits(self, versions: Versions) -> bool:
        """Whether its variant was built for these `versions`; what is not among them is no matter."""
        return not self._bindings or any(
            _all_hold(way.constraints, versions) for way in self._bindings
        )

    def built_for(self) -> str:
        """The versions its variant was built for: `torch==2.9.* or torch==2.8.*`."""
        return " or ".join(
            ", ".join(render_requirement(one) for one in way.constraints) for way in self._bindings
        )

    @property
    def _bindings(self) -> tuple[Alternative, ...]:
        return self.verdict.bindings if self.verdict is not None else ()

    def _metadata(self) -> Metadata:
        return parse_metadata(self.distribution.metadata())


def judge_installed(
    installed: Iterable[InstalledDistribution],
    answers: Answers,
    policy: Callable[[NormalizedName], SelectionPolicy],
) -> Iterator[Standing]:
    """The standing of each of `installed`, in their order.

    Costs one look at the disk apiece; providers are asked only for variants.
    """
    for distribution in installed:
        verdict = _verdict(distribution, answers)
        against = None
        if verdict is not None:
            reason = verdict.reason
            against = reason.sentence() if reason is not None else None
        yield Standing(
            distribution=distribution,
            verdict=verdict,
            against=against or _unwanted(verdict, policy(distribution.name)),
        )


def _verdict(distribution: InstalledDistribution, answers: Answers) -> Verdict | None:
    text = distribution.read("variant.json")
    if text is None:
        return None
    from vinstall.formats.variant_json import parse_variant_table
    from vinstall.selection.labels import judge_labels

    try:
        table = parse_variant_table(text)
    except FormatError:
        # Nobody can tell what it needs: as if it were no variant, `check` names it.
        return None
    label = next(iter(table.variants), NULL_LABEL)
    given = {
        namespace: _answer(answers, table, label, namespace)
        for namespace in _namespaces(table, label)
    }
    return judge_labels([label], table=table, fault=None, answers=given).verdicts[label]


def _answer(answers: Answers, table: VariantTable, label: str, namespace: str) -> NamespaceAnswer:
    """What the target supports; where nobody can tell, what the installed variant needs.

    It was chosen when somebody could: a plugin that is out of reach today is no news of the host.
    """
    answer = answers.answer(namespace, table.providers.get(namespace), labels=1)
    if not answer.unanswered:
        return answer
    values: dict[str, list[str]] = {}
    for prop in sorted(table.variants[label]):
        if prop.namespace == namespace:
            values.setdefault(prop.feature, []).append(prop.value)
    features = tuple(FeatureSupport(name, tuple(found)) for name, found in values.items())
    return NamespaceAnswer(features=features, how="as installed")


def _namespaces(table: VariantTable, label: str) -> list[str]:
    return sorted({prop.namespace for prop in table.variants.get(label, ())})


def _unwanted(verdict: Verdict | None, policy: SelectionPolicy) -> str | None:
    """What the user says against it, or None."""
    label = verdict.label if verdict is not None else None
    if label is not None and not policy.variants:
        return "is a variant, which `--no-variants` excludes"
    if policy.label is not None and label is not None and label != policy.label:
        return f"is not the variant `{policy.label}` that is asked for"
    return None


def versions_after(installed: InstalledSet, resolution: Resolution | None = None) -> Versions:
    """What there is, and after a resolution what there will be."""
    versions = {one.name: one.version for one in installed}
    return versions | {pin.name: pin.version for pin in (resolution.pins if resolution else ())}


def unbound(standings: Iterable[Standing], versions: Versions) -> Iterator[Standing]:
    """`standings`, where a variant that was built for other `versions` has that against it."""
    for standing in standings:
        if standing.against is None and not standing.fits(versions):
            yield replace(standing, against=f"was built for {standing.built_for()}")
        else:
            yield standing


def _all_hold(limits: Iterable[Requirement], versions: Versions) -> bool:
    return all(
        one.name not in versions or one.specifier.contains(versions[one.name], prereleases=True)
        for one in limits
    )


def reselected(
    standings: Iterable[Standing], catalog: Catalog, versions: Versions
) -> Iterator[Standing]:
    """`standings` under `--reselect`: a variant that is no longer the best has that against it.

    Costs the project's page for each installed variant.
    """
    for standing in standings:
        better = _better(standing, catalog, versions) if standing.against is None else None
        if better is None:
            yield standing
        else:
            why = f"is the variant `{standing.label}`, and {better} would be chosen now"
            yield replace(standing, against=why)


def mention_better(
    resolution: Resolution,
    standings: Iterable[Standing],
    catalog: Catalog,
    versions: Versions,
    observer: Observer,
) -> None:
    """Say which installed variants stay although another label would be chosen now.

    Costs the project's page for each variant that is kept; a page out of reach is no matter.
    """
    kept = {one.name for one in resolution.kept}
    for standing in standings:
        found = standing.distribution
        if found.name not in kept:
            continue
        try:
            better = _better(standing, catalog, versions)
        except (NetworkError, SourceError) as error:
            observer.detail(f"whether `{found.name}` has a better variant is not known: {error}")
            continue
        if better is not None:
            observer.notice(
                f"`{found.name}` {found.version} stays the variant `{standing.label}`; "
                f"{better} would be chosen now, `--reselect` switches"
            )


def _better(standing: Standing, catalog: Catalog, versions: Versions) -> str | None:
    """What would be chosen instead of an installed variant; None where it is the best, or none.

    Builds for other `versions` than there are are no choice.
    """
    if standing.label is None:
        return None
    found = standing.distribution
    choices = catalog.choices(found.name, found.version)
    best = next((one for one in choices if _all_hold(one.constraints, versions)), None)
    if best is None or best.label == standing.label:
        return None
    return f"`{best.label}`" if best.label is not None else "a plain wheel"


def replacements(
    standings: Iterable[Standing], asked: Container[NormalizedName], catalog: Catalog
) -> Iterator[Request]:
    """What to ask for beside what the user `asked`, so that no variant stays that cannot run here.

    The same version where a build of it runs here, else any.  A namespace that nobody answers for
    says nothing about the host: its variants stay.
    """
    for standing in standings:
        one, verdict = standing.distribution, standing.verdict
        if verdict is None or not isinstance(verdict.reason, UnsupportedFeature):
            continue
        if one.local and one.name not in asked:
            same = f"=={one.version}" if catalog.choices(one.name, one.version) else ""
            yield Request(
                requirement=Requirement(name=one.name, specifier=SpecifierSet(same)),
                origin=f"the installed variant `{verdict.label}`, which does not run here",
            )


def as_requested_before(
    resolution: Resolution, more: Iterable[Request], installed: InstalledSet
) -> Resolution:
    """`resolution` with what was asked for by `more` as much the user's wish as it was before."""
    names = {request.requirement.name for request in more}

    def before(pin: Pin) -> Pin:
        old = installed.get(pin.name) if pin.name in names else None
        return pin if old is None else replace(pin, requested=old.requested())

    return replace(resolution, pins=tuple(before(pin) for pin in resolution.pins))
