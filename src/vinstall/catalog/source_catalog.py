"""SourceCatalog: releases, choices and metadata from project pages, read when they are asked for.

A release belongs to one source.  Where several sources list one version, the choice comes from
the first of them that has a wheel which can be used, else from the first that has anything:
neither wheels nor variant metadata of two sources are ever mixed (PEP 825 "Metadata consistency").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import MetadataBuilder
from vinstall.catalog.crawler import Crawler
from vinstall.catalog.metadata_shelf import MetadataShelf
from vinstall.errors import FormatError, ResolutionError
from vinstall.formats.metadata import Metadata, parse_metadata
from vinstall.formats.requirement import Requirement
from vinstall.formats.simple_api import ProjectPage
from vinstall.net.redaction import redact
from vinstall.observer import Observer
from vinstall.selection.plain import plain_choice
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice, Release, SourceDistribution, Wheel
from vinstall.selection.releases import ReleaseIndex, group_releases
from vinstall.selection.tags import TagFilter
from vinstall.sources.once import Once
from vinstall.sources.source import FileReader
from vinstall.target.environment import Target
from vinstall.values import Row, frozen, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vinstall.catalog.cutoff import Cutoff
    from vinstall.catalog.variant_data import Described, VariantData
    from vinstall.formats.support import NamespaceAnswer
    from vinstall.formats.variant_json import ProviderInfo, VariantTable
    from vinstall.selection.usable import Usable


class Pages(Protocol):
    """Where project pages come from."""

    def pages(self, name: NormalizedName) -> Sequence[ProjectPage]:
        """The pages on project `name`, most preferred source first; empty where nobody knows it."""
        ...

    def asked(self, name: NormalizedName) -> tuple[str, ...]:
        """The sources that are asked for `name`, as shown to the user."""
        ...


class Answers(Protocol):
    """Who knows what the target supports."""

    def answer(self, namespace: str, info: ProviderInfo | None, *, labels: int) -> NamespaceAnswer:
        """What the target supports in `namespace`, which `labels` labels of one release use."""
        ...


@frozen
class NotBuilt:
    """The file is a source distribution, and nothing here can build one."""

    def sentence(self) -> str:
        return "is a source distribution, and there is nothing here to build it with"


class Evaluation(Row):
    """One release of one source, judged."""

    release: Release
    usable: tuple[Usable, ...]
    described: Described
    answers: Mapping[str, NamespaceAnswer]
    choices: tuple[Choice, ...]
    rejections: tuple[Rejection, ...]


class SourceCatalog:
    """The Catalog over real sources.  Thread-safe; close() it after use."""

    def __init__(
        self,
        *,
        pages: Pages,
        reader: FileReader,
        target: Target,
        answers: Answers,
        policy: Callable[[NormalizedName], SelectionPolicy],
        builder: MetadataBuilder | None = None,
        cutoff: Cutoff | None = None,
        editable: frozenset[str] = frozenset(),
        installed: frozenset[NormalizedName] = frozenset(),
        observer: Observer | None = None,
        by_source: bool = False,
        threads: int = 24,
        guessed: Callable[[Choice, Metadata], None] | None = None,
        asleep_until: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        """`builder` None: source distributions cannot be used.  `editable` are URLs of source trees.

        `installed` are projects that nothing is fetched for on a guess.  `threads` 0: no guesses.
        `by_source`: all versions of one source before those of the next (`unsafe-first-match`).
        `guessed` is told, in any thread, of wheels that will probably be chosen.  `asleep_until`
        is given what wakes the catalog: all may be at hand, and nothing is read ahead until then.
        """
        self._asleep = asleep_until is not None
        self._wanted: list[Requirement] = []
        self._shelf: MetadataShelf | None = None
        self._pages = pages
        self._reader = reader
        self._target = target
        self._tag_filter = TagFilter(target.tags)
        self._answers = answers
        self._policy = policy
        self._builder = builder
        self._cutoff = cutoff
        self._editable = editable
        self._by_source = by_source
        self._observer = observer or Observer()
        self._crawler = Crawler(
            self,
            markers=target.markers,
            leave_out=installed,
            threads=threads,
            guessed=guessed,
        )
        self._indexes: Once[NormalizedName, tuple[_Page, ...]] = Once()
        self._versions: Once[NormalizedName, Sequence[Version]] = Once()
        self._policies: Once[tuple[NormalizedName, str], SelectionPolicy] = Once()
        self._evaluations: Once[tuple[NormalizedName, Version, str], Evaluation] = Once()
        self._choices: Once[tuple[NormalizedName, Version], tuple[Choice, ...]] = Once()
        self._direct: Once[str, Choice] = Once()
        self._metadata: Once[str, Metadata] = Once()
        if asleep_until is not None:
            asleep_until(self._wake)

    def close(self) -> None:
        """End the threads; nothing is read ahead any more."""
        self._crawler.stop()

    # --- releases -----------------------------------------------------------------------------

    def versions(self, name: NormalizedName) -> Sequence[Version]:
        return self._versions.get(name, lambda: self._find_versions(name))

    def _find_versions(self, name: NormalizedName) -> Sequence[Version]:
        """Each source's are sorted already; of several sources each version counts once."""
        pages = self._pages_of(name)
        if len(pages) == 1:
            return pages[0].releases.versions
        versions = dict.fromkeys(v for page in pages for v in page.releases.versions)
        return tuple(versions if self._by_source else sorted(versions, reverse=True))

    def too_new(self, name: NormalizedName) -> Sequence[Version]:
        listed = {version for page in self._pages_of(name) for version in page.too_new}
        return sorted(listed.difference(self.versions(name)), reverse=True)

    def choices(self, name: NormalizedName, version: Version) -> Sequence[Choice]:
        """A release that is made for elsewhere is not judged unless somebody asks why."""
        offering = [
            index for index, _ in self._pages_of(name) if index.may_offer(version, self._tag_filter)
        ]
        if not offering:
            return ()
        return self._choices.get((name, version), lambda: self._find_choices(offering, version))

    def _find_choices(
        self, offering: Iterable[ReleaseIndex], version: Version
    ) -> tuple[Choice, ...]:
        best: tuple[Choice, ...] = ()
        for index in offering:
            plain = self._plain_choice(index, version)
            if plain is not None:
                return (plain,)
            evaluation = self._evaluation(index, version)
            if any(isinstance(choice.artifact, Wheel) for choice in evaluation.choices):
                return evaluation.choices
            best = best or evaluation.choices
        return best

    def _plain_choice(self, index: ReleaseIndex, version: Version) -> Choice | None:
        return plain_choice(
            index,
            version,
            tags=self._tag_filter,
            python=self._target.python_version,
            policy=self._policy_for(index),
            rejected=lambda: self._evaluation(index, version).rejections,
        )

    def has_labels(self, name: NormalizedName) -> bool:
        return any(index.has_labels for index, _ in self._pages_of(name))

    def rejections(self, name: NormalizedName, version: Version) -> Sequence[Rejection]:
        evaluations = self._evaluations_of(name, version)
        return [rejection for evaluation in evaluations for rejection in evaluation.rejections]

    def evaluations(self, name: NormalizedName, version: Version) -> tuple[Evaluation, ...]:
        """The release of each source that lists `version`, judged; most preferred source first."""
        return tuple(self._evaluations_of(name, version))

    def described(self, release: Release) -> Described:
        """The metadata on all labels of a release, those that cannot be used here included."""
        from vinstall.selection.usable import Usable

        every = [Usable(wheel, 0, False) for wheel in release.wheels]
        return self._variant_data.describe(release, every)

    @cached_property
    def _variant_data(self) -> VariantData:
        from vinstall.catalog.variant_data import VariantData

        return VariantData(self._reader, self._observer, lambda: self._shelf)

    @property
    def is_listed(self) -> bool:
        """Whether variant metadata was read without fault, all of it from files whose hash a page lists."""
        return "_variant_data" not in vars(self) or self._variant_data.is_listed

    def asked(self, name: NormalizedName) -> tuple[str, ...]:
        return self._pages.asked(name)

    def _pages_of(self, name: NormalizedName) -> tuple[_Page, ...]:
        return self._indexes.get(name, lambda: tuple(self._read_pages(name)))

    def _read_pages(self, name: NormalizedName) -> Iterator[_Page]:
        for page in self._pages.pages(name):
            if self._cutoff is None:
                yield _Page(group_releases(page), ())
                continue
            old, new = self._cutoff.admitted(page)
            hidden = group_releases(replace(page, files=new)).versions if new else ()
            yield _Page(group_releases(replace(page, files=old)), hidden)

    def _evaluations_of(self, name: NormalizedName, version: Version) -> Iterator[Evaluation]:
        for index, _ in self._pages_of(name):
            if version in index.versions:
                yield self._evaluation(index, version)

    def _evaluation(self, index: ReleaseIndex, version: Version) -> Evaluation:
        key = (index.page.name, version, index.page.source)
        return self._evaluations.get(key, partial(self._evaluate_listed, index, version))

    def _evaluate_listed(self, index: ReleaseIndex, version: Version) -> Evaluation:
        return self._evaluate(index.release(version), self._policy_for(index))

    def _evaluate(self, release: Release, policy: SelectionPolicy) -> Evaluation:
        """Variant metadata is read, and providers are asked, only for labels of wheels that fit."""
        from vinstall.selection.choose import choose, usable_wheels

        tags, python = self._target.tags, self._target.python_version
        usable, refused = usable_wheels(release, tags=tags, python=python, policy=policy)
        described = self._variant_data.describe(release, usable)
        answers = self._answers_for(usable, described.table, policy)
        choices, rejections = choose(
            release,
            usable,
            table=described.table,
            fault=described.fault,
            answers=answers,
            policy=policy,
            tags=tags,
            python=python,
            refused=refused,
        )
        if self._builder is None:
            choices, not_built = _without_sources(choices)
            rejections += not_built
        return Evaluation(release, usable, described, answers, choices, rejections)

    def _answers_for(
        self, usable: Sequence[Usable], table: VariantTable | None, policy: SelectionPolicy
    ) -> dict[str, NamespaceAnswer]:
        if table is None:
            return {}
        labels = {one.wheel.name.label for one in usable}
        answers = {}
        from vinstall.selection.labels import namespaces_to_ask

        for namespace in namespaces_to_ask(usable, table, policy):
            using = sum(
                any(prop.namespace == namespace for prop in properties)
                for label, properties in table.variants.items()
                if label in labels
            )
            info = table.providers.get(namespace)
            answers[namespace] = self._answers.answer(namespace, info, labels=using)
        return answers

    def _policy_for(self, index: ReleaseIndex) -> SelectionPolicy:
        """The user's say, made to bind every release of a project some of whose releases have labels."""
        key = (index.page.name, index.page.source)
        return self._policies.get(key, lambda: self._find_policy(index))

    def _find_policy(self, index: ReleaseIndex) -> SelectionPolicy:
        policy = self._policy(index.page.name)
        if not index.has_labels or not (policy.label or policy.require):
            return policy
        return replace(
            policy,
            label_everywhere=policy.label is not None,
            require_everywhere=policy.require & self._namespaces_used(index, policy),
        )

    def _namespaces_used(self, index: ReleaseIndex, policy: SelectionPolicy) -> frozenset[str]:
        """The required namespaces that labels of any release use.  Reads tables until all are found.

        Labels that cannot be read may use any namespace.
        """
        used: set[str] = set()
        for version in index.versions:
            if policy.require <= used:
                break
            release = index.release(version)
            table, fault = self.described(release)
            if table is not None:
                used.update(p.namespace for props in table.variants.values() for p in props)
            elif fault is not None:
                used |= policy.require
        return frozenset(used)

    # --- files that a requirement names -------------------------------------------------------

    def direct(self, requirement: Requirement) -> Choice:
        return self._direct.get(requirement.url or "", lambda: self._find_direct(requirement))

    def _find_direct(self, requirement: Requirement) -> Choice:
        """What a URL names is named by the user: only its own variant and tags can rule it out."""
        from vinstall.catalog.direct_file import direct_artifact

        artifact = direct_artifact(requirement, editable=requirement.url in self._editable)
        if isinstance(artifact, SourceDistribution):
            if self._builder is None:
                raise _unusable(artifact, (NotBuilt().sentence(),))
            return Choice(artifact=artifact)
        named = self._policy(requirement.name)
        release = Release(
            name=requirement.name,
            version=artifact.name.version,
            source=artifact.source,
            wheels=(artifact,),
        )
        evaluation = self._evaluate(
            release,
            SelectionPolicy(
                prefer=named.prefer, require_hashes=named.require_hashes, hashes=named.hashes
            ),
        )
        if not evaluation.choices:
            reasons = [rejection.reason.sentence() for rejection in evaluation.rejections]
            raise _unusable(artifact, reasons)
        return evaluation.choices[0]

    # --- metadata -----------------------------------------------------------------------------

    def metadata(self, choice: Choice) -> Metadata:
        artifact = choice.artifact
        return self._metadata.get(artifact.file.url, lambda: self._read_metadata(artifact))

    def use(self, shelf: MetadataShelf) -> None:
        """Take metadata from there first, and leave there what has to be read."""
        self._shelf = shelf

    def _read_metadata(self, artifact: Wheel | SourceDistribution) -> Metadata:
        if isinstance(artifact, SourceDistribution):
            if self._builder is None:
                raise _unusable(artifact, (NotBuilt().sentence(),))
            return self._builder.metadata(artifact)
        known = self._shelf.find(artifact.file) if self._shelf is not None else None
        metadata = known or parse_metadata(self._reader.core_metadata(artifact.file))
        if (metadata.name, metadata.version) != (artifact.name.name, artifact.name.version):
            raise FormatError(
                f"`{artifact.file.filename}` says inside that it is"
                f" `{metadata.name}` {metadata.version}"
            )
        if known is None and self._shelf is not None:
            self._shelf.put(artifact.file, metadata)
        return metadata

    # --- reading ahead ------------------------------------------------------------------------

    def _wake(self) -> None:
        """Something is not at hand: begin to read ahead, also what was announced before."""
        self._asleep = False
        wanted, self._wanted = self._wanted, []
        self._crawler.follow(wanted)

    def prefetch(self, requirements: Sequence[Requirement]) -> None:
        if self._asleep:
            self._wanted += requirements
        else:
            self._crawler.follow(requirements)

    def read_ahead(self, name: NormalizedName, versions: Sequence[Version]) -> None:
        if not self._asleep:
            self._crawler.read_ahead(name, versions)

    def settle(self) -> None:
        self._crawler.settle()


class _Page(Row):
    """What one source lists of a project."""

    releases: ReleaseIndex
    too_new: Sequence[Version]
    """Versions with files that `--exclude-newer` hides."""


def _without_sources(
    choices: Sequence[Choice],
) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
    kept = []
    refused = []
    for choice in choices:
        if isinstance(choice.artifact, Wheel):
            kept.append(choice)
        else:
            filename = choice.artifact.file.filename
            refused.append(Rejection(filename=filename, label=None, reason=NotBuilt()))
    return tuple(kept), tuple(refused)


def _unusable(artifact: Wheel | SourceDistribution, reasons: Iterable[str]) -> ResolutionError:
    return ResolutionError(
        f"`{redact(artifact.file.url)}` cannot be used here", context=tuple(reasons)
    )
