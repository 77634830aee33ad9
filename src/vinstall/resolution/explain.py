"""Why there is no answer, in sentences: who asked for what, what exists, and what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.errors import ResolutionError
from vinstall.resolution.candidate import (
    Absent,
    AnyCandidate,
    AnyRequirement,
    Ask,
    Binding,
    Candidate,
    Impossible,
)
from vinstall.resolution.options import Prereleases, ResolutionOptions
from vinstall.resolution.sentence import (
    is_for_variant_reasons,
    rejection_texts,
    shown,
    user_asked,
    versions_text,
)
from vinstall.selection.wording import either

Cause: TypeAlias = "tuple[AnyRequirement, AnyCandidate | None]"
"""A requirement that took part in the last conflict, and what has it; None: the user."""

_MOST_LINES = 14
_MOST_STEPS = 6


class ResolutionFailed(ResolutionError):
    """No set of releases satisfies the requirements."""


class _Finding(NamedTuple):
    """What is wrong about one project."""

    weight: int
    """The message of the finding with the least one becomes the message of the error."""
    message: str
    lines: tuple[str, ...]
    hint: str | None = None


class Explanation:
    """Turns the causes of a failure into an error."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        constraints: Mapping[NormalizedName, Sequence[Ask]],
        requirers: Mapping[str, tuple[AnyRequirement, AnyCandidate | None]],
        options: ResolutionOptions,
    ) -> None:
        self._catalog = catalog
        self._constraints = constraints
        self._requirers = requirers
        self._options = options

    def failure(self, causes: Iterable[Cause]) -> ResolutionFailed:
        """The error; its context names each fact once, those on the message's project first."""
        by_name: defaultdict[NormalizedName, list[Cause]] = defaultdict(list)
        for requirement, parent in causes:
            # An impossible requirement speaks of the candidate that has it.
            about = parent if isinstance(requirement, Impossible) and parent else requirement
            by_name[NormalizedName(about.name)].append((requirement, parent))
        findings = [self._finding(name, by_name[name]) for name in sorted(by_name)]
        findings.sort(key=lambda finding: finding.weight)
        lines = list(dict.fromkeys(line for finding in findings for line in finding.lines))
        if len(lines) > _MOST_LINES:
            lines = [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more such facts"]
        hint = next((finding.hint for finding in findings if finding.hint is not None), None)
        message = findings[0].message if findings else "the requirements cannot be met together"
        return ResolutionFailed(message, context=tuple(lines), hint=hint)

    # --- one project --------------------------------------------------------------------------

    def _finding(self, name: NormalizedName, causes: Sequence[Cause]) -> _Finding:
        who = tuple(self._who_asked(name, causes))
        asks = [requirement for requirement, _ in causes if isinstance(requirement, Ask)]
        limits = [*asks, *self._constraints.get(name, ())]
        unusable = self._impossible(name, causes)
        if unusable is not None:
            return unusable
        urls = {limit.url_key for limit in limits if limit.url_key is not None}
        if len(urls) > 1:
            return _Finding(2, f"`{name}` is asked for at more than one place", who)
        if urls:
            return _Finding(4, f"`{name}` is not what is asked for everywhere", who)
        versions = self._catalog.versions(name)
        if not versions:
            return self._unknown(name, who)
        for limit in limits:
            if not any(limit.admits(version) for version in versions):
                return self._no_such_version(limit, versions, who)
        bindings = [requirement for requirement, _ in causes if isinstance(requirement, Binding)]
        fitting = [
            version
            for version in versions
            if all(limit.admits(version) for limit in limits)
            and all(binding.admits(version) for binding in bindings)
        ]
        if fitting:
            return self._not_to_be_had(name, fitting, who)
        message = f"the requirements on `{name}` cannot be met together"
        there_is = (f"there are {versions_text(versions)} of `{name}`",)
        return _Finding(4, message, (*who, *there_is), _other_label(causes))

    def _impossible(self, name: NormalizedName, causes: Sequence[Cause]) -> _Finding | None:
        """Candidates that nothing can make usable, grouped by why."""
        reasons: defaultdict[str, list[Version]] = defaultdict(list)
        lines = []
        for requirement, parent in causes:
            if isinstance(requirement, Impossible) and isinstance(parent, Candidate):
                reasons[requirement.reason].append(parent.version)
            elif isinstance(requirement, Impossible) and isinstance(parent, Absent):
                limits = either([shown(b.requirement) for b in sorted_bindings(parent)], "and")
                lines.append(f"`{name}` {requirement.reason}: {limits}")
        for reason, versions in reasons.items():
            lines.append(f"`{name}` {versions_text(list(dict.fromkeys(versions)))} {reason}")
        if not lines:
            return None
        asked = self._chain(name)
        return _Finding(3, f"no release of `{name}` can be used here", (*asked, *lines))

    def _unknown(self, name: NormalizedName, who: tuple[str, ...]) -> _Finding:
        sources = self._catalog.asked(name)
        asked = either([f"`{source}`" for source in sources], "and")
        lines = (*who, f"asked: {asked}") if sources else (*who, "no index or folder was asked")
        hint = "check the name, or add the index or folder that has it with `--extra-index-url` or `--find-links`"
        return _Finding(0, f"nothing is known of a project `{name}`", lines, hint)

    def _no_such_version(
        self, limit: Ask, versions: Sequence[Version], who: tuple[str, ...]
    ) -> _Finding:
        newest = max(versions)
        near = _nearest(limit, versions)
        there = f"the nearest are {versions_text(near)}" if near else ""
        newest_text = "" if newest in near else f", the newest is {newest}"
        line = f"of `{limit.name}`, {there}{newest_text}"
        return _Finding(
            1, f"no version of `{limit.name}` fits {shown(limit.requirement)}", (*who, line)
        )

    def _not_to_be_had(
        self, name: NormalizedName, fitting: Sequence[Version], who: tuple[str, ...]
    ) -> _Finding:
        """Versions fit, and each is ruled out: yanked, a pre-release, or no file can be used."""
        message = f"no release of `{name}` that fits can be used here"
        lines: list[str] = []
        hint = None
        unusable: list[Version] = []
        for version in fitting:
            choices = self._catalog.choices(name, version)
            why = choices[0].artifact.file.yanked if choices else None
            if not choices:
                unusable.append(version)
            elif why is not None:
                lines.append(f"`{name}` {version} is yanked{f': {why}' if why else ''}")
                hint = hint or f"ask for it by its exact version: `{name}=={version}`"
            elif version.is_prerelease and self._options.prereleases in _WITHOUT_PRERELEASES:
                lines.append(f"`{name}` {version} is a pre-release")
                hint = "allow pre-releases with `--pre`"
        lines += self._unusable(name, unusable)
        if not lines:
            return _Finding(5, f"no release of `{name}` goes with the rest", who)
        return _Finding(2, message, (*who, *lines[:_MOST_LINES]), hint)

    def _unusable(self, name: NormalizedName, versions: Sequence[Version]) -> Iterator[str]:
        """The newest in full; of the others only that they are no better."""
        if not versions:
            return
        # One refused for its variant came closest, and says most.
        best = next(
            (v for v in versions if is_for_variant_reasons(self._catalog.rejections(name, v))),
            versions[0],
        )
        texts = rejection_texts(self._catalog.rejections(name, best))
        yield from (f"`{name}` {best}: {text}" for text in texts or ("it has no file",))
        others = [version for version in versions if version != best]
        if others:
            yield f"nor can `{name}` {versions_text(others)} be used"

    # --- who asked ----------------------------------------------------------------------------

    def _who_asked(self, name: NormalizedName, causes: Sequence[Cause]) -> Iterator[str]:
        """A sentence per requirement, those of several versions of one project together."""
        versions: dict[tuple[str, str, str], list[Version]] = {}
        labels: dict[tuple[str, str, str], str | None] = {}
        for requirement, parent in causes:
            if isinstance(requirement, Ask) and parent is None:
                yield user_asked(requirement)
            elif isinstance(parent, Candidate) and not isinstance(requirement, Impossible):
                verb = "goes with" if isinstance(requirement, Binding) else "needs"
                key = (parent.name, verb, shown(requirement.requirement))
                versions.setdefault(key, []).append(parent.version)
                label = parent.choice.label if parent.choice is not None else None
                labels[key] = label
        for (parent_name, verb, text), found in versions.items():
            yield from self._chain(parent_name)
            label = labels[parent_name, verb, text]
            variant = f" (variant `{label}`)" if label else ""
            yield f"`{parent_name}` {versions_text(list(dict.fromkeys(found)))}{variant} {verb} {text}"
        for constraint in self._constraints.get(name, ()):
            yield user_asked(constraint)

    def _chain(self, name: str) -> list[str]:
        """How `name` came to be asked for, the user's requirement first."""
        steps: list[str] = []
        seen: set[str] = set()
        while name not in seen and len(steps) < _MOST_STEPS:
            seen.add(name)
            requirement, parent = self._requirers.get(name, (None, None))
            if not isinstance(requirement, Ask):
                break
            if not isinstance(parent, Candidate):
                steps.append(user_asked(requirement))
                break
            steps.append(f"`{parent.name}` {parent.version} needs {shown(requirement.requirement)}")
            name = parent.name
        return steps[::-1]


_WITHOUT_PRERELEASES = (Prereleases.DISALLOW, Prereleases.STRICT)


def sorted_bindings(absent: Absent) -> list[Binding]:
    """The limits on an absent project, in the order of their texts."""
    return sorted(absent.bindings, key=lambda binding: shown(binding.requirement))


def _nearest(limit: Ask, versions: Sequence[Version]) -> list[Version]:
    """Up to two versions above and two below those the specifier names, ascending."""
    named = []
    for part in limit.requirement.specifier:
        text = part.version.removesuffix(".*")
        if part.operator != "===":
            named.append(Version(text))
    if not named:
        return sorted(versions)[-2:]
    ordered = sorted(versions)
    below = [version for version in ordered if version <= max(named)]
    above = [version for version in ordered if version > max(named)]
    return [*below[-2:], *above[:2]]


def _other_label(causes: Sequence[Cause]) -> str | None:
    """The way out where the dependencies of a chosen variant are what cannot be met.

    Contract, section 4: a chosen label is not quietly swapped for a worse one.
    """
    for _, parent in causes:
        if isinstance(parent, Candidate) and parent.choice is not None:
            others = dict.fromkeys(
                wheel.name.label for wheel in parent.choice.runners_up if wheel.name.label
            )
            if parent.choice.label is not None and others:
                ways = either([f"`--variant {parent.name}={label}`" for label in others])
                return f"another variant may need something else: {ways}"
    return None
