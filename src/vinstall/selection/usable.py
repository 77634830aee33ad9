"""The files of a release that fit target and options, before any question about variants.

Tags come first (PEP 825, "Suggested implementation logic", step 3): a label whose wheels all fail
here is no choice, and nobody is asked what it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier
from packaging.version import Version

from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.version_set import parse_version_set
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import (
    Excluded,
    HashNotAllowed,
    PythonMismatch,
    Reason,
    Rejection,
    TagMismatch,
    Yanked,
)
from vinstall.selection.release import Release, SourceDistribution, Wheel
from vinstall.selection.tags import best_rank
from vinstall.values import Row


class Usable(Row):
    """A wheel that fits, its variant aside."""

    wheel: Wheel
    rank: int
    """Of its best tag; 0 the most preferred."""
    unhashed: bool
    """Hashes are required and the index lists none to compare; it comes after those it does."""


def usable_wheels(
    release: Release, *, tags: Mapping[str, int], python: Version, policy: SelectionPolicy
) -> tuple[tuple[Usable, ...], tuple[Rejection, ...]]:
    """The wheels that fit, best first their variants aside; the others with the reason, in page order.

    Best: with a listed hash where hashes are required, then tags, then the highest build number,
    then page order.  Yanked wheels are only left where nothing else of the release is to be had.
    """
    usable: list[Usable] = []
    rejected: list[Rejection] = []
    for wheel in release.wheels:
        rank = best_rank(wheel.name.tags, tags)
        reason: Reason | None
        if not policy.wheels:
            reason = Excluded(option="--no-binary")
        elif rank is None:
            reason = TagMismatch(tags=wheel.name.tags)
        elif not policy.variants and wheel.name.label is not None:
            reason = Excluded(option="--no-variants")
        else:
            reason = refusal(wheel.file, python, policy)
            if reason is None:
                usable.append(Usable(wheel, rank, _is_unhashed(wheel.file, policy)))
        if reason is not None:
            rejected.append(_rejection(wheel, reason))
    usable.sort(key=lambda one: one.wheel.name.build, reverse=True)
    usable.sort(key=lambda one: (one.unhashed, one.rank))
    return _yanked_last(usable, rejected, release, python, policy)


def _yanked_last(
    usable: list[Usable],
    rejected: list[Rejection],
    release: Release,
    python: Version,
    policy: SelectionPolicy,
) -> tuple[tuple[Usable, ...], tuple[Rejection, ...]]:
    yanked = [one for one in usable if one.wheel.file.yanked is not None]
    if yanked:
        kept = [one for one in usable if one.wheel.file.yanked is None]
        sdist, _ = usable_sdist(release, python=python, policy=policy)
        if kept or (sdist is not None and sdist.file.yanked is None):
            usable = kept
            rejected += [
                _rejection(one.wheel, Yanked(why=one.wheel.file.yanked or "")) for one in yanked
            ]
    return tuple(usable), tuple(rejected)


def usable_sdist(
    release: Release, *, python: Version, policy: SelectionPolicy
) -> tuple[SourceDistribution | None, tuple[Rejection, ...]]:
    """The source distribution to build, or None, and why the others are not.

    Preferred: not yanked, with a listed hash where hashes are required, `.tar.gz` (PEP 625), the
    last listed.
    """
    fitting: list[SourceDistribution] = []
    rejected: list[Rejection] = []
    for sdist in release.sdists:
        reason = (
            refusal(sdist.file, python, policy)
            if policy.sdists
            else Excluded(option="--only-binary")
        )
        if reason is None:
            fitting.append(sdist)
        else:
            rejected.append(Rejection(filename=sdist.file.filename, label=None, reason=reason))
    best = min(
        reversed(fitting),
        key=lambda sdist: (
            sdist.file.yanked is not None,
            _is_unhashed(sdist.file, policy),
            not sdist.file.filename.endswith(".tar.gz"),
        ),
        default=None,
    )
    return best, tuple(rejected)


def refusal(file: RemoteFile, python: Version, policy: SelectionPolicy) -> Reason | None:
    """Why the attributes of a file rule it out, or None."""
    required = file.requires_python
    if required is not None and not _admits(required, python):
        return PythonMismatch(required=required, python=str(python))
    if policy.hashes:
        allowed = {algorithm for algorithm, _ in policy.hashes}
        listed = tuple(pair for pair in file.hashes if pair[0] in allowed)
        if listed and policy.hashes.isdisjoint(listed):
            return HashNotAllowed(listed=listed)
    return None


def _is_unhashed(file: RemoteFile, policy: SelectionPolicy) -> bool:
    """Whether hashes are required and only the download can tell whether the file's is right."""
    if policy.hashes:
        return policy.hashes.isdisjoint(file.hashes)
    return policy.require_hashes and not file.hashes


@lru_cache(maxsize=1024)
def _admits(required: str, python: Version) -> bool:
    """Whether Requires-Python admits `python`; a value that does not parse rules nothing out."""
    try:
        return parse_version_set(required).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def _rejection(wheel: Wheel, reason: Reason) -> Rejection:
    return Rejection(filename=wheel.file.filename, label=wheel.name.label, reason=reason)
