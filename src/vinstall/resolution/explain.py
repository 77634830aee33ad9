"""Why there is no answer, in sentences: who asked for what, what exists, and what is missing."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from packaging.utils import NormalizedName
from packaging.version import Version

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
from vinstall.resolution.options import Prereleases
from vinstall.resolution.problem import Problem
from vinstall.resolution.sentence import (
    is_for_variant_reasons,
    rejection_texts,
    shown,
    user_asked,
    versions_text,
    yanked_text,
)
from vinstall.selection.wording import either
from vinstall.values import Row

Cause: TypeAlias = "tuple[AnyRequirement, AnyCandidate | None]"
"""A requirement that took part in the last conflict, and what has it; None: the user."""

_UNKNOWN_HINT = (
    "check the name, or add the index or folder that has it"
    " with `--extra-index-url` or `--find-links`"
)
_MOST_LINES = 14
_MOST_STEPS = 6
_MOST_VERSIONS = 5


class ResolutionFailed(ResolutionError):
    """No set of releases satisfies the requirements."""


class _Finding(Row):
    """What is wrong about one project."""

    weight: int
    """The message of the finding with the least one becomes the message of the error."""
    message: str
    lines: tuple[str, ...]
    hint: str | None = None


class _Who(Row):
    """A project that wants something, as long as one sentence can speak of several versions of it."""

    name: str
    label: str | None
    binds: bool

    def sentence(self, versions: Sequence[Version], wanted: Sequence[str]) -> str:
        several = len(versions) > 1
        variant = f" (variant `{self.label}`)" if self.label is not None else ""
        if self.binds:
            verb, last = ("go with" if several else "goes with"), "or"
        else:
            verb, last = ("need" if several else "needs"), "and"
        return f"`{self.name}` {versions_text(versions)}{variant} {verb} {either(wanted, last)}"


class Explanation:
    """Turns the causes of a failure into an error."""

    def __init__(
        self, problem: Problem, requirers: Mapping[str, tuple[AnyRequirement, AnyCandidate | None]]
    ) -> None:
        """`requirers` is what asked for each project, None for the user."""
        self._catalog = problem.catalog
        self._constraints = problem.constraints
        self._options = problem.options
        self._requirers = requirers

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
            return self._unknown(name, who, _other_label(causes))
        for limit in limits:
            if not any(limit.admits(version) for version in versions):
                message = f"no version of `{name}` fits {shown(limit.requirement)}"
                lines = (*who, _there_are(name, versions, limit))
                return _Finding(1, message, lines, self._hidden(name) or _other_label(causes))
        bindings = [requirement for requirement, _ in causes if isinstance(requirement, Binding)]
        fitting = [
            version
            for version in versions
            if all(limit.admits(version) for limit in limits)
            and all(binding.admits(version) for binding in bindings)
        ]
        if fitting:
            found = self._not_to_be_had(name, fitting, who)
            return found._replace(hint=found.hint or _other_label(causes))
        message = f"the requirements on `{name}` cannot be met together"
        lines = (*who, _there_are(name, versions)) if len(versions) <= _MOST_VERSIONS else who
        return _Finding(4, message, lines, self._hidden(name) or _other_label(causes))

    def _impossible(self, name: NormalizedName, causes: Sequence[Cause]) -> _Finding | None:
        """Candidates that nothing can make usable, grouped by why."""
        reasons: defaultdict[str, list[Version]] = defaultdict(list)
        for requirement, parent in causes:
            if isinstance(requirement, Impossible) and isinstance(parent, Absent):
                return _absent(parent, requirement)
            if isinstance(requirement, Impossible) and isinstance(parent, Candidate):
                reasons[requirement.reason].append(parent.version)
        if not reasons:
            return None
        lines = [
            f"`{name}` {versions_text(list(dict.fromkeys(versions)))} {reason}"
            for reason, versions in reasons.items()
        ]
        message = f"no release of `{name}` can be used here"
        return _Finding(3, message, (*self._chain(name), *lines))

    def _unknown(
        self, name: NormalizedName, who: tuple[str, ...], other_label: str | None
    ) -> _Finding:
        sources = self._catalog.asked(name)
        asked = either([f"`{source}`" for source in sources], "and")
        lines = (*who, f"asked: {asked}") if sources else (*who, "no index or folder was asked")
        hint = self._hidden(name) or "; ".join(filter(None, (_UNKNOWN_HINT, other_label)))
        return _Finding(0, f"nothing is known of a project `{name}`", lines, hint)

    def _hidden(self, name: NormalizedName) -> str | None:
        """What `--exclude-newer` takes away."""
        versions = self._catalog.too_new(name)
        if not versions:
            return None
        verb = "is" if len(versions) == 1 else "are"
        return f"`{name}` {versions_text(versions)} {verb} hidden by `--exclude-newer`"

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
                lines.append(yanked_text(name, version, why))
                hint = hint or f"ask for it by its exact version: `{name}=={version}`"
            elif version.is_prerelease and (
                self._options.prereleases_of(name) in _WITHOUT_PRERELEASES
            ):
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
        """Who limits `name`; where nobody does, who asks for it.

        The same wish of several versions of one project is one sentence, and so are the different
        ones that the variants of one version have.
        """
        limits = [cause for cause in causes if _limits(cause[0])] or list(causes)
        for requirement, parent in limits:
            if isinstance(requirement, Ask) and parent is None:
                yield user_asked(requirement)
        texts: dict[tuple[_Who, Version], dict[str, None]] = {}
        for requirement, parent in limits:
            if isinstance(parent, Candidate) and not isinstance(requirement, Impossible):
                label = parent.choice.label if parent.choice is not None else None
                binds = isinstance(requirement, Binding)
                who = _Who(parent.name, None if binds else label, binds)
                texts.setdefault((who, parent.version), {})[shown(requirement.requirement)] = None
        same: defaultdict[tuple[_Who, tuple[str, ...]], list[Version]] = defaultdict(list)
        for (who, version), wanted in texts.items():
            same[who, tuple(wanted)].append(version)
        for (who, wanted_texts), versions in same.items():
            yield from self._chain(who.name)
            yield who.sentence(versions, wanted_texts)
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


def _limits(requirement: AnyRequirement) -> bool:
    """Whether a requirement excludes anything."""
    if isinstance(requirement, Impossible):
        return True
    wanted = requirement.requirement
    return wanted.url is not None or bool(wanted.specifier)


_WITHOUT_PRERELEASES = (Prereleases.DISALLOW, Prereleases.STRICT)


def _absent(absent: Absent, requirement: Impossible) -> _Finding:
    """A project that others go with, and that would have to be asked for."""
    limits = sorted(absent.bindings, key=lambda binding: (binding.by, shown(binding.requirement)))
    texts = [shown(limit.requirement) for limit in limits]
    lines = [f"{limit.by} goes with {text}" for limit, text in zip(limits, texts, strict=True)]
    hint = f"ask for {either(list(dict.fromkeys(texts)), 'and')} as well"
    return _Finding(3, f"`{absent.name}` {requirement.reason}", tuple(lines), hint)


def _there_are(name: str, versions: Sequence[Version], limit: Ask | None = None) -> str:
    """What exists: everything where that is little, else what is nearest to what is asked."""
    if len(versions) == 1:
        return f"there is this version of `{name}`: {versions[0]}"
    if len(versions) > _MOST_VERSIONS and limit is not None:
        near = versions_text(_nearest(limit, versions))
        return f"there are {len(versions)} versions of `{name}`, the nearest are {near}"
    return f"there are these versions of `{name}`: {versions_text(versions)}"


def _nearest(limit: Ask, versions: Sequence[Version]) -> list[Version]:
    """Two versions above and two below the highest the specifier names, newest first."""
    named = [
        Version(part.version.removesuffix(".*"))
        for part in limit.requirement.specifier
        if part.operator != "==="
    ]
    ordered = sorted(versions)
    at = bisect(ordered, max(named)) if named else len(ordered)
    return ordered[max(0, at - 2) : at + 2][::-1]


def _other_label(causes: Sequence[Cause]) -> str | None:
    """The way out where the dependencies of a chosen variant are what cannot be met.

    Contract, section 4: a chosen label is not quietly swapped for a worse one.
    """
    for requirement, parent in causes:
        if isinstance(requirement, Binding):
            continue
        if isinstance(parent, Candidate) and parent.choice and not parent.choice.constraints:
            others = dict.fromkeys(
                wheel.name.label for wheel in parent.choice.runners_up if wheel.name.label
            )
            if parent.choice.label is not None and others:
                ways = either([f"`--variant {parent.name}={label}`" for label in others])
                return f"another variant may need something else: {ways}"
    return None
