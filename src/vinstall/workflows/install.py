"""Install: settings in, a report of what was or would be done out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import ResolutionError, SourceError, UsageError
from vinstall.installation.plan import Plan, make_plan
from vinstall.observer import Observer
from vinstall.resolution.model import Pin, Resolution
from vinstall.selection.release import SourceDistribution, Wheel
from vinstall.target.environment import Target
from vinstall.target.installed import InstalledDistribution, InstalledSet, scan_installed
from vinstall.target.layout import refuse_managed
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import Rooms, describe, find_target
from vinstall.workflows.installed_variants import (
    Standing,
    as_requested_before,
    judge_installed,
    mention_better,
    replacements,
    reselected,
    unbound,
    versions_after,
)
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.policies import selection_policies
from vinstall.workflows.report import (
    Action,
    InstallReport,
    Item,
    deciding_properties,
    new_item,
    with_label,
)
from vinstall.workflows.requirements import Asked
from vinstall.workflows.resolving import Question, open_question, opened
from vinstall.workflows.settings import Settings
from vinstall.workflows.wanted_lock import WantedLock, wanted_lock

if TYPE_CHECKING:
    from vinstall.cache.store import StoredWheel
    from vinstall.formats.simple_api import RemoteFile
    from vinstall.installation.environment_lock import EnvironmentLock
    from vinstall.installation.fetch import Fetcher
    from vinstall.sources.source import FetchedFile
    from vinstall.workflows.metadata_json import JsonMetadata

_SEEDS = frozenset(canonicalize_name(name) for name in ("pip", "setuptools", "wheel"))
"""What environments are made with; `exact` leaves it there unless it is asked for."""


def install(settings: Settings, invocation: Invocation, observer: Observer) -> InstallReport:
    """Make the target satisfy what `settings` ask for; with `dry_run` only say how.

    After an error the environment is as it was.  A lock among the requirements files stands in
    the place of a resolution.
    """
    locked = wanted_lock(settings)
    if locked is not None:
        settings = replace(settings, requirement_files=(), groups=())
    with opened(settings, invocation, observer) as (rooms, asked):
        target = find_target(rooms, meanwhile=None if locked else partial(_begin_early, rooms))
        observer.target(describe(target))
        if settings.dry_run:
            return _install(rooms, asked, target, None, locked)
        refuse_managed(target)
        if target.described and settings.target.target is None:
            raise UsageError(
                "wheels for another platform or Python would not run in this environment",
                hint="give a folder with `--target`, or look only with `--dry-run`",
            )
        if settings.exact and target.prefix == invocation.python.parent.parent:
            raise UsageError(
                f"`{target.prefix}` is where vinstall itself runs, and would be emptied",
                hint="name another environment with `--python`",
            )
        from vinstall.installation.apply import heal
        from vinstall.installation.environment_lock import lock_environment

        with lock_environment(target, observer) as lock:
            heal(target, observer, lock=lock)
            return _install(rooms, asked, target, lock, locked)


def _begin_early(rooms: Rooms) -> None:
    """Use the time in which an interpreter starts that was never asked."""
    from vinstall.workflows.head_start import begin_early

    begin_early(rooms)


def _install(
    rooms: Rooms,
    asked: Asked,
    target: Target,
    lock: EnvironmentLock | None,
    locked: WantedLock | None,
) -> InstallReport:
    installed = scan_installed(target)
    names = frozenset(installed.distributions)
    with (
        nullcontext() if lock is None else _fetcher(rooms) as fetcher,
        open_question(rooms, asked, target, installed=names) as question,
    ):
        run = _Run(rooms=rooms, question=question, target=target, installed=installed)
        if fetcher is not None:
            question.prepare = fetcher.prepare
            if locked is None and run.takes_dependencies():
                question.guessed = fetcher.guess
        standings = run.standings()
        if locked is None:
            resolution = run.resolve(standings)
            if any(one.label is not None for one in standings):
                versions = versions_after(installed, resolution)
                mention_better(resolution, standings, question.catalog, versions, rooms.observer)
        else:
            from vinstall.workflows.locked import resolve_lock

            resolution = resolve_lock(question, locked)
        standings = tuple(unbound(standings, versions_after(installed, resolution)))
        plan = run.plan(resolution, standings)
        required = rooms.settings.require_hashes
        if required or question.hashes:
            from vinstall.workflows.hash_checks import demand_hashes

            demand_hashes(plan, question.hashes, required=required)
        beginning = None
        stored: Mapping[NormalizedName, StoredWheel] = {}
        if lock is not None and question.remembered is not None and not plan.is_empty:
            from vinstall.workflows.recipe import begin

            beginning = begin(rooms, target)
        if lock is not None and fetcher is not None:
            stored = run.carry_out(plan, lock, fetcher)
        return replace(run.report(plan, standings, stored), beginning=beginning)


def _fetcher(rooms: Rooms) -> Fetcher:
    from vinstall.installation.fetch import Fetcher

    return Fetcher(rooms.late_reader, rooms.store, rooms.observer)


@frozen
class _Run:
    """One installation, step by step."""

    rooms: Rooms
    question: Question
    target: Target
    installed: InstalledSet

    def takes_dependencies(self) -> bool:
        """Whether everything that is asked for is installed with what it needs."""
        return not (self.rooms.settings.no_deps or self.rooms.settings.only_deps)

    def standings(self) -> tuple[Standing, ...]:
        """What is installed, judged."""
        policy = selection_policies(self.rooms.settings, self.question.hashes)
        judged = tuple(judge_installed(self.installed, self.question.answers, policy))
        if not self.rooms.settings.variants.reselect:
            return judged
        versions = versions_after(self.installed)
        return tuple(reselected(judged, self.question.catalog, versions))

    def resolve(self, standings: tuple[Standing, ...]) -> Resolution:
        """The resolution; installed variants that do not run here are replaced with it, if they can be."""
        question, settings = self.question, self.rooms.settings
        staying = [one for one in standings if one.against is None and self._holds(one)]
        exactly = settings.only_deps or settings.exact or settings.require_hashes or question.hashes
        if exactly or len(staying) == len(standings):
            return question.answer(staying)
        asked = {request.requirement.name for request in question.requests}
        more = tuple(replacements(standings, asked, question.catalog))
        if not more:
            return question.resolve(staying)
        try:
            found = question.resolve(staying, more=more)
        except (ResolutionError, SourceError) as error:
            found = question.resolve(staying)
            names = ", ".join(f"`{request.requirement.name}`" for request in more)
            self.rooms.observer.warning(
                f"{names} cannot be replaced by a build that runs here: {error.message}"
            )
            return found
        return as_requested_before(found, more, self.installed)

    def _holds(self, standing: Standing) -> bool:
        """Whether what its variant is bound to is there, and is not about to be upgraded."""
        if not standing.bound:
            return True
        settings = self.rooms.settings
        upgraded = map(canonicalize_name, settings.upgrade_packages)
        if settings.upgrade or not standing.bound.isdisjoint(upgraded):
            return False
        return standing.fits(versions_after(self.installed))

    def plan(self, resolution: Resolution, standings: tuple[Standing, ...]) -> Plan:
        """What has to change; says what must not be silent about it."""
        settings = self.rooms.settings
        leaving = {one.distribution.name for one in standings if one.against is not None}
        again = leaving.union(map(canonicalize_name, settings.reinstall_packages))

        def must_replace(old: InstalledDistribution, _pin: Pin) -> bool:
            return settings.reinstall or old.name in again

        plan = make_plan(
            resolution,
            self.installed,
            must_replace=must_replace,
            exact=settings.exact,
            protected=_SEEDS,
        )
        self._tell(plan, standings)
        return plan

    def _tell(self, plan: Plan, standings: tuple[Standing, ...]) -> None:
        """What must not be silent about the change: variants that give way, accelerators."""
        observer = self.rooms.observer
        against = {one.distribution.name: one.against for one in standings}
        for old, _ in plan.replace:
            if (why := against.get(old.name)) is not None:
                observer.notice(f"`{old.name}` {old.version} is replaced: what is installed {why}")
        if not all(pin.choice.is_plain for pin in plan.pins):
            from vinstall.workflows.fallbacks import tell_fallbacks

            tell_fallbacks(plan.pins, observer)
        if plan.replace:
            from vinstall.workflows.accelerators import accelerator_changes

            for sentence in accelerator_changes(plan, standings):
                observer.notice(sentence)
        if standings:
            from vinstall.workflows.broken_needs import broken_needs

            for sentence in broken_needs(plan, standings, self.target.markers):
                observer.warning(sentence)
        if self.rooms.settings.variants.host is None and (given := self.question.answers.given):
            from vinstall.workflows.accelerators import container_hints

            for hint in container_hints(plan.pins, given, self.rooms.invocation):
                observer.notice(hint)

    def carry_out(
        self, plan: Plan, lock: EnvironmentLock, fetcher: Fetcher
    ) -> Mapping[NormalizedName, StoredWheel]:
        """Fetch, check, and change the environment; the wheels that were put in place."""
        rooms, settings = self.rooms, self.rooms.settings
        if plan.is_empty:
            return {}
        from vinstall.installation.apply import ApplyOptions, apply
        from vinstall.installation.linking import LinkMode

        rooms.observer.phase("download")
        built = self._built(plan)
        self.question.rest()
        stored = fetcher.collect(plan.pins, local=built)
        if self.question.hashes:
            from vinstall.workflows.hash_checks import check_hashes

            check_hashes(plan, stored, self.question.hashes, rooms.late_reader)
        rooms.observer.phase("link")
        apply(
            plan,
            stored,
            self.target,
            observer=rooms.observer,
            options=ApplyOptions(
                link_mode=LinkMode(settings.link_mode) if settings.link_mode else None,
                compile_into=rooms.store if settings.compile else None,
            ),
            direct_urls=self._direct_urls(plan),
            lock=lock,
        )
        rooms.observer.phase("done")
        return stored

    def _built(self, plan: Plan) -> Mapping[NormalizedName, FetchedFile]:
        """The wheels of source distributions."""
        if all(isinstance(pin.choice.artifact, Wheel) for pin in plan.pins):
            return {}
        from vinstall.workflows.side_installation import build_wheels

        return build_wheels(plan, self.question.builder)

    def _direct_urls(self, plan: Plan) -> dict[NormalizedName, Mapping[str, object]]:
        """PEP 610: what only the builder knows of sources, their commits and hashes."""
        found: dict[NormalizedName, Mapping[str, object]] = {}
        for pin in plan.pins:
            artifact = pin.choice.artifact
            if pin.direct_url is None or not isinstance(artifact, SourceDistribution):
                continue
            from vinstall.installation.origin import direct_url_json

            sha256 = self.question.builder.sha256(artifact)
            found[pin.name] = direct_url_json(
                pin.direct_url,
                hashes={"sha256": sha256} if sha256 is not None else {},
                commit=self.question.builder.commit(artifact),
                editable=artifact.editable,
            )
        return found

    def report(
        self,
        plan: Plan,
        standings: tuple[Standing, ...],
        stored: Mapping[NormalizedName, StoredWheel],
    ) -> InstallReport:
        """What was or would be done."""
        labels = {one.distribution.name: one.label for one in standings}
        previous = {
            pin.name: with_label(str(old.version), labels.get(old.name))
            for old, pin in plan.replace
        }
        sizes = self._sizes(plan)
        items = [
            new_item(
                pin,
                previous=previous.get(pin.name),
                deciding=deciding_properties(pin.choice),
                size=sizes.get(pin.choice.artifact.file),
                metadata=self._metadata(pin),
                sha256=stored[pin.name].sha256 if pin.name in stored else None,
            )
            for pin in plan.pins
        ]
        items += [
            Item(
                name=old.name,
                version=str(old.version),
                action=Action.KEPT,
                label=labels.get(old.name),
            )
            for old in plan.keep
        ]
        items += [
            Item(name=old.name, version=str(old.version), action=Action.REMOVED)
            for old in plan.remove
        ]
        return InstallReport(
            target=self.target,
            items=tuple(sorted(items, key=lambda item: item.name)),
            answers=dict(self.question.answers.given),
            remembered=self.question.remembered,
        )

    def _sizes(self, plan: Plan) -> Mapping[RemoteFile, int | None]:
        """How large files are, for those who look before they install or want a report."""
        settings = self.rooms.settings
        if not settings.dry_run and settings.report is None:
            return {}
        files = [pin.choice.artifact.file for pin in plan.pins]
        known = {file: file.size for file in files}
        if all(size is not None for size in known.values()):
            return known
        from vinstall.workflows.file_size import file_sizes

        return file_sizes(files, self.rooms.client)

    def _metadata(self, pin: Pin) -> JsonMetadata:
        """For a report, all of METADATA; nothing is read where no report is asked for."""
        if self.rooms.settings.report is None:
            return {}
        from vinstall.workflows.metadata_json import metadata_json

        artifact = pin.choice.artifact
        if isinstance(artifact, SourceDistribution):
            return {"name": pin.name, "version": str(pin.version)}
        return metadata_json(self.rooms.reader.core_metadata(artifact.file))
