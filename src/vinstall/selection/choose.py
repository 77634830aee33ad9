"""Which file of a release, and why not the others.  Spec: PEP 825 "Variant ordering".  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.version import Version

from vinstall.formats.support import NamespaceAnswer, NamespaceSupport
from vinstall.formats.variant_json import Property, VariantTable
from vinstall.selection.labels import (
    Demands,
    Judgement,
    Verdict,
    demands_on,
    judge_labels,
    namespaces_to_ask,
)
from vinstall.selection.ordering import Preference
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import (
    NoSuchLabel,
    NoWheelHere,
    Reason,
    Rejection,
    TagMismatch,
    most_telling_first,
)
from vinstall.selection.release import Choice, Release, SourceDistribution, Wheel
from vinstall.selection.usable import Usable, usable_sdist, usable_wheels
from vinstall.values import Row

__all__ = [
    "LabelRank",
    "Usable",
    "choose",
    "namespaces_to_ask",
    "rank_labels",
    "usable_wheels",
]


class _Candidate(Row):
    """The best wheel of one label, acceptable in every respect."""

    best: Usable
    verdict: Verdict
    preference: Preference

    def order(self) -> tuple[bool, bool, Preference]:
        """Sort key: listed hashes where required, plain wheels last (PEP 825), then the labels."""
        return self.best.unhashed, self.best.wheel.name.label is None, self.preference


_PLAIN = Verdict(label="", preference=((), ""))


def choose(
    release: Release,
    usable: Sequence[Usable],
    *,
    table: VariantTable | None,
    fault: str | None,
    answers: Mapping[str, NamespaceAnswer],
    policy: SelectionPolicy,
    tags: Mapping[str, int],
    python: Version,
    refused: Sequence[Rejection] | None = None,
) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
    """The choices, best first, and every refused file of the release, most telling first.

    `usable` and `refused` are what `usable_wheels` returned; without `refused` it is worked out
    again.  `table` is the variant metadata, None where there is none or it cannot be read; `fault`
    says what is wrong with it.  `answers` covers at least `namespaces_to_ask`.

    There is one choice or none, unless labels bind other distributions (`abi_dependency`): then
    each way to bind is a choice with its constraints, down to the best one that binds nothing.
    """
    best = _best_of_labels(usable)
    labels = [label for label in best if label is not None]
    judged = judge_labels(labels, table=table, fault=fault, answers=answers, prefer=policy.prefer)
    demands = demands_on(release, table, policy)
    candidates, reasons = _candidates(best, judged, demands)
    if refused is None:
        _, refused = usable_wheels(release, tags=tags, python=python, policy=policy)
    sdist, sdist_refused = _sdist(release, demands, python=python, policy=policy)
    rejected = most_telling_first(
        (
            *_missing_label(release, demands),
            *_refused_labels(usable, reasons),
            *refused,
            *sdist_refused,
            *release.rejected,
        ),
        demanded=demands.label,
    )
    choices = _wheel_choices(candidates, table, judged.support, rejected)
    if sdist is not None and (not choices or choices[-1].constraints):
        choices.append(Choice(artifact=sdist, table=table, rejected=rejected))
    return tuple(choices), rejected


def _best_of_labels(usable: Iterable[Usable]) -> dict[str | None, Usable]:
    """The best wheel of each label; `usable` is sorted already."""
    best: dict[str | None, Usable] = {}
    for one in usable:
        best.setdefault(one.wheel.name.label, one)
    return best


def _candidates(
    best: Mapping[str | None, Usable], judged: Judgement, demands: Demands
) -> tuple[list[_Candidate], dict[str | None, Reason]]:
    """The labels that may be chosen, most preferred first, and why the others may not."""
    candidates = []
    reasons: dict[str | None, Reason] = {}
    for label, one in best.items():
        verdict = _PLAIN if label is None else judged.verdicts[label]
        reason = verdict.reason or demands.refusal(label, verdict.matched)
        if reason is not None:
            reasons[label] = reason
        elif verdict.preference is not None:
            candidates.append(_Candidate(one, verdict, verdict.preference))
    return sorted(candidates, key=_Candidate.order), reasons


def _wheel_choices(
    candidates: Sequence[_Candidate],
    table: VariantTable | None,
    support: Mapping[str, NamespaceSupport],
    rejected: tuple[Rejection, ...],
) -> list[Choice]:
    """The candidates down to the first that binds no other distribution.

    A label whose dependencies cannot be met is not swapped for a worse one: only what a label
    binds makes the next label a choice.
    """
    wheels = [candidate.best.wheel for candidate in candidates]
    choices = []
    for wheel, (_, verdict, _) in zip(wheels, candidates, strict=True):
        choices += [
            Choice(
                artifact=wheel,
                matched=matched,
                table=table,
                runners_up=tuple(other for other in wheels if other is not wheel),
                rejected=rejected,
                constraints=constraints,
                support=support,
            )
            for constraints, matched in verdict.bindings or (((), verdict.matched),)
        ]
        if not verdict.bindings:
            break
    return choices


def _sdist(
    release: Release, demands: Demands, *, python: Version, policy: SelectionPolicy
) -> tuple[SourceDistribution | None, tuple[Rejection, ...]]:
    """The source distribution that may be built, and why others may not: it builds a plain wheel."""
    reason = demands.refusal(None, ())
    if reason is None:
        return usable_sdist(release, python=python, policy=policy)
    return None, tuple(
        Rejection(filename=sdist.file.filename, label=None, reason=reason)
        for sdist in release.sdists
    )


def _refused_labels(
    usable: Iterable[Usable], reasons: Mapping[str | None, Reason]
) -> Iterator[Rejection]:
    for one in usable:
        label = one.wheel.name.label
        if label in reasons:
            yield Rejection(filename=one.wheel.file.filename, label=label, reason=reasons[label])


def _missing_label(release: Release, demands: Demands) -> Iterator[Rejection]:
    """What to say where no wheel has the label the user demands."""
    there = {wheel.name.label for wheel in release.wheels}
    if demands.label is not None and demands.label not in there:
        available = tuple(sorted(label for label in there if label is not None))
        yield Rejection(
            filename=f"{release.name}-{release.version}",
            label=demands.label,
            reason=NoSuchLabel(label=demands.label, available=available),
        )


class LabelRank(Row):
    """What `explain` says about one label."""

    label: str
    rank: int | None
    """Counted from 0 among the labels whose properties the target supports; None: they are not."""
    properties: frozenset[Property] = frozenset()
    """All the metadata lists."""
    matched: frozenset[Property] = frozenset()
    """Those the target supports; empty where the label does not fit."""
    wheel: Wheel | None = None
    """The wheel that would be taken here if it came to this label; None: none."""
    reason: Reason | None = None
    """Why none of its wheels can be taken; None where `wheel` is one."""


def rank_labels(
    release: Release,
    *,
    table: VariantTable | None,
    fault: str | None,
    answers: Mapping[str, NamespaceAnswer],
    policy: SelectionPolicy,
    tags: Mapping[str, int],
    python: Version,
) -> tuple[LabelRank, ...]:
    """Every label that the metadata or a wheel has: those that fit by rank, then the others by name.

    Unlike `choose` it judges labels without a usable wheel, too, so `answers` should cover all
    namespaces of the table.  A label may rank first and have no wheel for this target.
    """
    usable, refused = usable_wheels(release, tags=tags, python=python, policy=policy)
    best = _best_of_labels(usable)
    labels = {wheel.name.label for wheel in release.wheels if wheel.name.label is not None}
    if table is not None:
        labels |= table.variants.keys() | table.spoiled.keys()
    judged = judge_labels(
        sorted(labels), table=table, fault=fault, answers=answers, prefer=policy.prefer
    )
    demands = demands_on(release, table, policy)

    def described(verdict: Verdict, rank: int | None) -> LabelRank:
        reason = verdict.reason or demands.refusal(verdict.label, verdict.matched)
        if reason is None and verdict.label not in best:
            reason = _without_wheel(verdict.label, release, refused, tags)
        return LabelRank(
            label=verdict.label,
            rank=rank,
            properties=verdict.properties,
            matched=verdict.matched,
            wheel=best[verdict.label].wheel if reason is None else None,
            reason=reason,
        )

    fitting = sorted(
        (verdict.preference, label)
        for label, verdict in judged.verdicts.items()
        if verdict.preference is not None
    )
    others = [verdict for verdict in judged.verdicts.values() if verdict.preference is None]
    return (
        *(described(judged.verdicts[label], rank) for rank, (_, label) in enumerate(fitting)),
        *(described(verdict, None) for verdict in others),
    )


def _without_wheel(
    label: str, release: Release, refused: Iterable[Rejection], tags: Mapping[str, int]
) -> Reason:
    """Why no wheel of the label is usable."""
    reasons = [
        rejection.reason
        for rejection in most_telling_first(one for one in refused if one.label == label)
    ]
    if not reasons:
        return NoWheelHere(only=())
    if not isinstance(reasons[0], TagMismatch):
        return reasons[0]
    offered = [
        tag.rsplit("-", 1)
        for wheel in release.wheels
        if wheel.name.label == label
        for tag in wheel.name.tags
    ]
    here = {tag.rpartition("-")[2] for tag in tags}
    platforms = {platform for _, platform in offered}
    fitting = {python for python, platform in offered if platform in here}
    return NoWheelHere(only=tuple(sorted(fitting or platforms)))
