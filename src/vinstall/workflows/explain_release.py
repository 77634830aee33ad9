"""Explain: every label of one release, its rank here, or the exact reason against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog.source_catalog import SourceCatalog
from vinstall.errors import FormatError, ResolutionError, UsageError
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.support import NamespaceAnswer
from vinstall.formats.variant_json import Property, VariantTable
from vinstall.observer import Observer
from vinstall.selection.choose import LabelRank, rank_labels
from vinstall.selection.ordering import rank_properties
from vinstall.selection.policy import SelectionPolicy
from vinstall.target.environment import Target
from vinstall.values import frozen
from vinstall.workflows.assemble import (
    RecordedAnswers,
    assemble,
    build_answers,
    describe,
    find_machine,
    find_target,
    open_catalog,
)
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.plugins import plugin_runner
from vinstall.workflows.policies import selection_policies
from vinstall.workflows.settings import Settings


@frozen
class ExplainedLabel:
    """One label."""

    label: str
    rank: int | None
    """Counted from 0 among the labels whose properties fit; None: they do not."""
    properties: tuple[str, ...]
    """All the metadata lists, in the order of namespaces, features and values."""
    deciding: tuple[str, ...]
    """The best supported one of each feature, most important first; empty where it does not fit."""
    wheel: str | None
    """The file that would be taken here if it came to this label."""
    reason: str | None
    """Why there is none; None where there is one."""


@frozen
class Explanation:
    """One release, label by label: those that fit by rank, then the others by name."""

    project: str
    version: str
    index: str
    labels: tuple[ExplainedLabel, ...]
    chosen: str | None
    """The file that would be installed; None where nothing of the release can be."""
    plain: tuple[tuple[str, str], ...] = ()
    """Files without a label that are refused, with the reason, while nothing can be chosen."""
    instead: str | None = None
    """The version that would be installed where nothing of this one can be."""


def explain(
    text: str, settings: Settings, invocation: Invocation, observer: Observer
) -> Explanation:
    """The release that `text` (`PROJECT` or `PROJECT==VERSION`) names, the newest that fits it.

    Raises UsageError for anything else, ResolutionError where no source has such a release.
    """
    name, specifier = _parse(text)
    with assemble(settings, invocation, observer) as rooms:
        target = find_target(rooms)
        observer.target(describe(target))
        runner = plugin_runner(rooms, find_machine(rooms, target))
        answers = build_answers(rooms, target, runner, require_hashes=settings.require_hashes)
        with open_catalog(rooms, target, answers) as catalog:
            policy = selection_policies(settings, {})(name)
            version, older = _versions(catalog, name, specifier, settings.pre)
            return _Explainer(catalog, answers, target, policy).explain(name, version, older)


def _parse(text: str) -> tuple[NormalizedName, SpecifierSet]:
    try:
        requirement = parse_requirement(text)
    except FormatError as error:
        raise UsageError(
            f"`{text}` names no project",
            context=(error.message,),
            hint="write `PROJECT` or `PROJECT==VERSION`",
        ) from error
    if requirement.url is not None or requirement.marker is not None or requirement.extras:
        raise UsageError(f"`{text}` is more than a project and its versions")
    return requirement.name, requirement.specifier


def _versions(
    catalog: SourceCatalog, name: NormalizedName, specifier: SpecifierSet, pre: bool
) -> tuple[Version, tuple[Version, ...]]:
    """The newest version that fits, final ones first, and the others that fit, newest first."""
    listed = list(catalog.versions(name))
    if not listed:
        raise ResolutionError(
            f"no source knows `{name}`",
            context=tuple(f"asked {source}" for source in catalog.asked(name)),
        )
    fitting = list(specifier.filter(listed, prereleases=True if pre else None))
    if not fitting:
        shown = ", ".join(str(version) for version in listed[:5])
        raise ResolutionError(
            f"there is no release of `{name}` that fits `{specifier}`",
            context=(f"the newest are {shown}",),
        )
    first, *others = sorted(fitting, reverse=True)
    return first, tuple(others)


class _Explainer:
    """Explains releases of one catalog."""

    def __init__(
        self,
        catalog: SourceCatalog,
        answers: RecordedAnswers,
        target: Target,
        policy: SelectionPolicy,
    ) -> None:
        self._catalog = catalog
        self._answers = answers
        self._target = target
        self._policy = policy

    def explain(
        self, name: NormalizedName, version: Version, older: tuple[Version, ...]
    ) -> Explanation:
        """What is to be said of one release; `older` are those that fit as well."""
        evaluation = self._catalog.evaluations(name, version)[0]
        release = evaluation.release
        table, fault = self._catalog.described(release)
        answers = self._all_answers(table)
        ranks = rank_labels(
            release,
            table=table,
            fault=fault,
            answers=answers,
            policy=self._policy,
            tags=self._target.tags,
            python=self._target.python_version,
        )
        choice = next(iter(self._catalog.choices(name, version)), None)
        refused = [] if choice is not None else evaluation.rejections
        return Explanation(
            project=name,
            version=str(version),
            index=release.source,
            labels=tuple(self._label(one, table, answers) for one in ranks),
            chosen=choice.artifact.file.filename if choice is not None else None,
            plain=tuple(
                (one.filename, one.reason.sentence()) for one in refused if one.label is None
            ),
            instead=None if choice is not None else self._first_usable(name, older),
        )

    def _all_answers(self, table: VariantTable | None) -> Mapping[str, NamespaceAnswer]:
        """An answer for every namespace that any label uses, usable or not."""
        if table is None:
            return {}
        using: dict[str, int] = {}
        for properties in table.variants.values():
            for namespace in {prop.namespace for prop in properties}:
                using[namespace] = using.get(namespace, 0) + 1
        return {
            namespace: self._answers.answer(namespace, table.providers.get(namespace), labels=count)
            for namespace, count in using.items()
        }

    def _label(
        self, one: LabelRank, table: VariantTable | None, answers: Mapping[str, NamespaceAnswer]
    ) -> ExplainedLabel:
        namespaces = {name: at for at, name in enumerate(table.namespaces)} if table else {}
        ordered = sorted(
            one.properties, key=lambda prop: (namespaces.get(prop.namespace, len(namespaces)), prop)
        )
        return ExplainedLabel(
            label=one.label,
            rank=one.rank,
            properties=tuple(str(prop) for prop in ordered),
            deciding=tuple(str(prop) for prop in self._deciding(one, table, answers)),
            wheel=one.wheel.file.filename if one.wheel is not None else None,
            reason=one.reason.sentence() if one.reason is not None else None,
        )

    def _deciding(
        self, one: LabelRank, table: VariantTable | None, answers: Mapping[str, NamespaceAnswer]
    ) -> Iterator[Property]:
        if table is None:
            return
        support = {namespace: answer.features for namespace, answer in answers.items()}
        ranks = rank_properties(
            one.matched, table=table, support=support, prefer=self._policy.prefer
        )
        seen: set[tuple[str, str]] = set()
        for prop in sorted(ranks, key=lambda prop: ranks[prop]):
            if prop[:2] not in seen:
                seen.add(prop[:2])
                yield prop

    def _first_usable(self, name: NormalizedName, versions: tuple[Version, ...]) -> str | None:
        """The newest of `versions` of which something can be installed."""
        return next((str(v) for v in versions if self._catalog.choices(name, v)), None)
