"""lock: what would be installed, on one host or on many, written down.  Spec: PEP 751, PEP 825."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.errors import FormatError, ResolutionError, SourceError, TargetError, UsageError
from vinstall.formats.lock_name import is_lock_name
from vinstall.formats.pylock import Lock, Table, parse_lock
from vinstall.formats.pylock_writer import render_lock
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable
from vinstall.locking.place import LockPlace
from vinstall.locking.recording import DirectSource, Facts, HostAnswer, LockOptions, to_lock
from vinstall.locking.selections import Selection, conditions_of
from vinstall.observer import Observer
from vinstall.resolution.model import Pin, Request, Resolution
from vinstall.resolution.resolve import resolve
from vinstall.selection.release import Release, SourceDistribution
from vinstall.target.environment import Target
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import Rooms, find_target, load_text
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.locked import installs_alike
from vinstall.workflows.policies import resolution_options
from vinstall.workflows.requirements import Asked, read_requirements
from vinstall.workflows.resolving import Question, open_question, opened
from vinstall.workflows.settings import Settings

_Preferences = Mapping[NormalizedName, Version]


@frozen
class LockWishes:
    """What is said about a lock, beside the settings an installation has too."""

    output: Path = Path("pylock.toml")
    hosts: tuple[Path, ...] = ()
    """Host files; none: this machine."""
    python_versions: tuple[str, ...] = ()
    python_platforms: tuple[str, ...] = ()
    resolved: bool = False
    pip_compatible: bool = False
    attestations: bool = False
    """Record who the index says built the files (PEP 740)."""


@frozen
class LockReport:
    """What was written."""

    path: Path
    lock: Lock
    text: str
    changed: bool
    """Whether the file differs from what was there."""
    hosts: tuple[str, ...]


@frozen
class _HostQuestion:
    name: str
    question: Question


def lock(
    settings: Settings, wishes: LockWishes, invocation: Invocation, observer: Observer
) -> LockReport:
    """Resolve for every host and write the lock; its earlier versions are preferred unless upgraded.

    Nothing is installed.  Raises ResolutionError where one set of versions cannot serve two hosts
    that the lock could not tell apart, UsageError for wishes that contradict each other.
    """
    _check(wishes)
    path = invocation.folder / wishes.output
    previous = _previous(path)
    place = LockPlace(name=str(wishes.output), folder=path.parent)
    with opened(settings, invocation, observer) as (rooms, asked), ExitStack() as stack:
        questions = [
            stack.enter_context(_open(rooms, asked, wishes, *each)) for each in _hosts(wishes)
        ]
        selections = read_selections(rooms, settings)
        answers = _resolve_all(questions, _preferences(previous, settings), selections)
        options = LockOptions(
            place=place,
            resolved=wishes.resolved,
            pip_compatible=wishes.pip_compatible,
            extras=tuple(canonicalize_name(name) for name in sorted(settings.extras)),
            groups=tuple(sorted(_group_name(text) for text in settings.groups)),
        )
        facts = _Asked(questions[0].question, attestations=wishes.attestations)
        made = to_lock(answers, options=options, facts=facts, previous=previous, observer=observer)
        text = render_lock(made)
        _verify(parse_lock(text), questions, answers, place)
    changed = not settings.dry_run and _write(path, text)
    names = tuple(question.name for question in questions)
    return LockReport(path=path, lock=made, text=text, changed=changed, hosts=names)


def _check(wishes: LockWishes) -> None:
    if not is_lock_name(wishes.output.name):
        raise UsageError(
            f"`{wishes.output.name}` is no name for a lock",
            hint="PEP 751: `pylock.toml`, or `pylock.NAME.toml` with a name without dots",
        )
    count = len(list(_hosts(wishes)))
    if wishes.resolved and count > 1:
        raise UsageError(
            f"`--resolved` locks one wheel a package, for one host; {count} were given"
        )


def _previous(path: Path) -> Lock | None:
    try:
        return parse_lock(path.read_bytes())
    except FileNotFoundError:
        return None
    except FormatError as error:
        raise FormatError(
            f"`{path}` is there and is no lock: {error.message}",
            context=error.context,
            hint="remove it, or write to another file with `-o`",
        ) from error


def _preferences(previous: Lock | None, settings: Settings) -> _Preferences:
    """The versions of the lock that is there, but for what `--upgrade` frees."""
    if previous is None or settings.upgrade:
        return {}
    freed = {canonicalize_name(name) for name in settings.upgrade_packages}
    return {
        package.name: package.version
        for package in previous.packages
        if package.version is not None and package.name not in freed
    }


# --- hosts --------------------------------------------------------------------------------------


def _hosts(wishes: LockWishes) -> Iterator[tuple[Path | None, str | None, str | None]]:
    """(host file, Python version, platform) of each host, in the order given."""
    yield from product(
        wishes.hosts or (None,),
        wishes.python_versions or (None,),
        wishes.python_platforms or (None,),
    )


@contextmanager
def _open(
    rooms: Rooms,
    asked: Asked,
    wishes: LockWishes,
    host: Path | None,
    python: str | None,
    platform: str | None,
) -> Iterator[_HostQuestion]:
    settings = rooms.settings
    settings = replace(
        settings,
        variants=replace(settings.variants, host=host or settings.variants.host),
        target=replace(
            settings.target,
            python_version=python or settings.target.python_version,
            python_platform=platform or settings.target.python_platform,
        ),
    )
    rooms = replace(rooms, settings=settings)
    target = _target(rooms)
    told = [
        str(host) if host else "",
        python or "",
        (platform or "") if wishes.python_platforms else "",
    ]
    name = ", ".join(part for part in told if part) or "this machine"
    with open_question(rooms, asked, target) as question:
        yield _HostQuestion(name=name, question=question)


def _target(rooms: Rooms) -> Target:
    """An environment to lock for; without any, the interpreter vinstall runs in describes it."""
    try:
        return find_target(rooms)
    except TargetError:
        own = replace(rooms.settings.target, python=str(rooms.invocation.python))
        return find_target(replace(rooms, settings=replace(rooms.settings, target=own)))


# --- one set of versions for all hosts ----------------------------------------------------------


def _resolve_all(
    questions: Sequence[_HostQuestion],
    preferences: _Preferences,
    selections: Sequence[Selection],
) -> list[HostAnswer]:
    """An answer a host; one version of a project for all of them wherever there is one."""
    shared: dict[NormalizedName, Version] = {}
    resolutions = [_resolve(each.question, preferences, shared) for each in questions]
    given_up: set[NormalizedName] = set()
    while True:
        name, version = _first_difference(resolutions, given_up)
        if name is None or version is None:
            break
        attempt = {**shared, name: version}
        try:
            resolutions = [_resolve(each.question, preferences, attempt) for each in questions]
            shared = attempt
        except ResolutionError:
            given_up.add(name)
    return [
        HostAnswer(
            name=each.name,
            markers=each.question.target.markers,
            resolution=resolution,
            release=_releases(each.question),
            conditions=_conditions(each.question, resolution, selections),
            table=_tables(each.question),
        )
        for each, resolution in zip(questions, resolutions, strict=True)
    ]


def _resolve(
    question: Question, preferences: _Preferences, shared: Mapping[NormalizedName, Version]
) -> Resolution:
    limits = [
        Request(
            requirement=parse_requirement(f"{name}=={version}"),
            origin="one version for every host of the lock",
        )
        for name, version in shared.items()
    ]
    return resolve(
        question.requests,
        catalog=question.catalog,
        target=question.target,
        constraints=(*question.constraints, *limits),
        preferences=preferences,
        options=resolution_options(question.rooms.settings, question.asked.overrides),
        observer=question.rooms.observer,
    )


def _first_difference(
    resolutions: Sequence[Resolution], given_up: set[NormalizedName]
) -> tuple[NormalizedName | None, Version | None]:
    """A project with several versions, and the lowest of them: the one the most limited host needs."""
    versions: dict[NormalizedName, set[Version]] = {}
    for resolution in resolutions:
        for pin in resolution.pins:
            versions.setdefault(pin.name, set()).add(pin.version)
    for name in sorted(versions):
        if len(versions[name]) > 1 and name not in given_up:
            return name, min(versions[name])
    return None, None


def read_selections(rooms: Rooms, settings: Settings) -> tuple[Selection, ...]:
    """What each extra and each group alone adds to what is asked for."""
    alone = replace(settings, requirements=(), editables=(), requirement_files=(), extras=())
    groups = [
        (_group_name(text), "dependency_groups", replace(alone, groups=(text,)))
        for text in settings.groups
    ]
    plain = replace(settings, extras=(), groups=())
    extras = [
        (canonicalize_name(name), "extras", replace(plain, extras=(name,)))
        for name in settings.extras
    ]
    if not groups and not extras:
        return ()
    always = _requirements_of(rooms, plain)
    return tuple(
        Selection(
            name=name,
            field=field,
            requirements=tuple(
                one for one in _requirements_of(rooms, narrowed) if one not in always
            ),
        )
        for name, field, narrowed in (*groups, *extras)
    )


def _requirements_of(rooms: Rooms, settings: Settings) -> tuple[Requirement, ...]:
    asked = read_requirements(
        settings,
        load=lambda location: load_text(rooms, location),
        environ=rooms.invocation.environ,
        folder=rooms.invocation.folder,
        read_input=rooms.invocation.read_input,
    )
    return tuple(line.requirement for line in asked.requirements if line.requirement is not None)


def _group_name(text: str) -> str:
    """`[PATH:]NAME` without the path."""
    return text.rpartition(":")[2]


def _conditions(
    question: Question, resolution: Resolution, selections: Sequence[Selection]
) -> Mapping[NormalizedName, tuple[str, ...]]:
    optional = {one for selection in selections for one in selection.requirements}
    requests = [request.requirement for request in question.requests]
    return conditions_of(
        resolution,
        always=[one for one in requests if one not in optional],
        selections=selections,
        environment=question.target.markers,
    )


def _releases(question: Question) -> Callable[[Pin], Release | None]:
    def release(pin: Pin) -> Release | None:
        if pin.direct_url is not None:
            return None
        found = question.catalog.evaluations(pin.name, pin.version)
        return next((one.release for one in found if pin.choice in one.choices), None)

    return release


def _tables(question: Question) -> Callable[[Release], VariantTable | None]:
    def table(release: Release) -> VariantTable | None:
        wanted = question.rooms.settings.variants.variants
        return question.catalog.described(release).table if wanted else None

    return table


def _verify(
    made: Lock,
    questions: Sequence[_HostQuestion],
    answers: Sequence[HostAnswer],
    place: LockPlace,
) -> None:
    """Read the lock for every host: it has to give back what was resolved there.

    Versions that differ between hosts which neither environments nor variants tell apart do not.
    """
    for each, answer in zip(questions, answers, strict=True):
        try:
            difference = installs_alike(made, each.question, answer.resolution, place)
        except ResolutionError as error:
            difference = error.message
        if difference is not None:
            versions = [
                f"`{other.name}`: {', '.join(f'{p.name} {p.version}' for p in _differing(other, answers))}"
                for other in answers
            ]
            raise ResolutionError(
                "one lock cannot serve all of these hosts",
                context=(f"`{each.name}`: {difference}", *versions),
                hint="lock for them separately with `-o pylock.NAME.toml`, or constrain versions with `-c`",
            )


def _differing(answer: HostAnswer, answers: Sequence[HostAnswer]) -> list[Pin]:
    pins = [{pin.name: pin.version for pin in other.resolution.pins} for other in answers]
    return [
        pin
        for pin in answer.resolution.pins
        if any(versions.get(pin.name, pin.version) != pin.version for versions in pins)
    ]


# --- facts and file -----------------------------------------------------------------------------


class _Asked(Facts):
    """What the recorder asks, answered by the rooms of the first host."""

    def __init__(self, question: Question, *, attestations: bool) -> None:
        self._question = question
        self._attestations = attestations

    def sha256(self, file: RemoteFile) -> str | None:
        """Of the file itself: a download, where the index gives no hash."""
        return self._question.rooms.reader.download(file).sha256

    def direct(self, pin: Pin) -> DirectSource:
        """The commit or the archive's hash."""
        artifact = pin.choice.artifact
        if not isinstance(artifact, SourceDistribution):
            return DirectSource(sha256=self.sha256(artifact.file))
        builder = self._question.builder
        return DirectSource(commit=builder.commit(artifact), sha256=builder.sha256(artifact))

    def identities(self, file: RemoteFile) -> tuple[Table, ...]:
        """The publishers in the file's provenance (PEP 740), as the index tells them."""
        if not self._attestations or file.provenance is None:
            return ()
        response = self._question.rooms.client.get(file.provenance)
        try:
            document = json.loads(response.content)
            bundles = document["attestation_bundles"]
            return tuple(
                {key: value for key, value in bundle["publisher"].items() if value is not None}
                for bundle in bundles
                if isinstance(bundle["publisher"].get("kind"), str)
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(
                f"the provenance of `{file.filename}` cannot be read", context=(str(error),)
            ) from error


def _write(path: Path, text: str) -> bool:
    """Write atomically; whether the file changed."""
    data = text.encode()
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        pass
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"`{path}` cannot be written: {error.strerror}") from error
    return True
