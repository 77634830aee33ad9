"""FakeCatalog: a catalog made of tables; make_target(): a target without an environment behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.metadata import Metadata
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import Property, parse_property
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.resolution.model import InstalledProject
from vinstall.selection.reason import Reason, Rejection
from vinstall.selection.release import Choice, SourceDistribution, Wheel
from vinstall.target.environment import Scheme, Target

SOURCE = "https://index.example/simple/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One usable wheel of a release."""

    label: str | None = None
    properties: Sequence[str] = ()
    constraints: Sequence[str] = ()
    runners_up: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fake:
    """One release."""

    requires: Sequence[str] = ()
    extras: Mapping[str, Sequence[str]] = field(default_factory=dict)
    requires_python: str | None = None
    yanked: str | None = None
    builds: Sequence[Build] = (Build(),)
    """Empty: nothing of the release can be used."""
    is_source: bool = False
    rejected: Sequence[tuple[str | None, Reason]] = ()
    """(label, reason)"""
    bad_metadata: str | None = None


class FakeCatalog:
    """A catalog of tables: project to version to release.  Counts what it is asked."""

    def __init__(
        self,
        projects: Mapping[str, Mapping[str, Fake | Sequence[str]]],
        *,
        direct: Mapping[str, tuple[str, Fake]] | None = None,
    ) -> None:
        """A list of requirements stands for a release that has them; `direct` maps URL to (version, release)."""
        self._projects = {
            canonicalize_name(name): {
                Version(version): release if isinstance(release, Fake) else Fake(requires=release)
                for version, release in versions.items()
            }
            for name, versions in projects.items()
        }
        self._versions = {
            name: sorted(versions, reverse=True) for name, versions in self._projects.items()
        }
        self._direct = direct or {}
        self._choices: dict[tuple[str, Version], tuple[Choice, ...]] = {}
        self._metadata: dict[int, Metadata] = {}
        self._releases: dict[int, tuple[NormalizedName, Version, Fake]] = {}
        self._by_url: dict[str, Choice] = {}
        self.pages: list[str] = []
        """Projects whose versions were asked for."""
        self.read: list[str] = []
        """`name version` of the metadata read."""
        self.prefetched: list[str] = []
        self.ahead: list[tuple[str, list[str]]] = []
        """Releases whose metadata was announced."""
        self.settled = 0

    def versions(self, name: NormalizedName) -> Sequence[Version]:
        if name not in self.pages:
            self.pages.append(name)
        return self._versions.get(name, ())

    def too_new(self, name: NormalizedName) -> Sequence[Version]:
        return ()

    def choices(self, name: NormalizedName, version: Version) -> Sequence[Choice]:
        found = self._choices.get((name, version))
        if found is None:
            release = self._projects.get(name, {}).get(version)
            found = (
                ()
                if release is None
                else tuple(self._choice(name, version, release, build) for build in release.builds)
            )
            self._choices[name, version] = found
        return found

    def direct(self, requirement: Requirement) -> Choice:
        assert requirement.url is not None
        url = requirement.url.partition("#")[0]
        if url not in self._by_url:
            version, release = self._direct[url]
            self._by_url[url] = self._choice(
                requirement.name, Version(version), release, release.builds[0], url=url
            )
        return self._by_url[url]

    def has_labels(self, name: NormalizedName) -> bool:
        return any(
            label is not None
            for release in self._projects.get(name, {}).values()
            for label in (
                *(build.label for build in release.builds),
                *(label for label, _ in release.rejected),
            )
        )

    def rejections(self, name: NormalizedName, version: Version) -> Sequence[Rejection]:
        return [
            Rejection(filename=_filename(name, version, label), label=label, reason=reason)
            for label, reason in self._projects[name][version].rejected
        ]

    def metadata(self, choice: Choice) -> Metadata:
        name, version, release = self._releases[id(choice)]
        if id(choice) not in self._metadata:
            self.read.append(f"{name} {version}")
            if release.bad_metadata is not None:
                raise FormatError(release.bad_metadata)
            self._metadata[id(choice)] = make_metadata(name, version, release)
        return self._metadata[id(choice)]

    def asked(self, name: NormalizedName) -> tuple[str, ...]:
        return (SOURCE,)

    def prefetch(self, requirements: Sequence[Requirement]) -> None:
        self.prefetched += [requirement.name for requirement in requirements]

    def read_ahead(self, name: NormalizedName, versions: Sequence[Version]) -> None:
        self.ahead.append((name, [str(version) for version in versions]))

    def settle(self) -> None:
        self.settled += 1

    def _choice(
        self,
        name: NormalizedName,
        version: Version,
        release: Fake,
        build: Build,
        *,
        url: str | None = None,
    ) -> Choice:
        artifact: Wheel | SourceDistribution
        if release.is_source:
            file = _file(f"{name}-{version}.tar.gz", release, url)
            artifact = SourceDistribution(name=name, version=version, file=file, source=SOURCE)
        else:
            artifact = _wheel(name, version, build.label, release, url)
        choice = Choice(
            artifact=artifact,
            matched=frozenset(_property(text) for text in build.properties),
            constraints=tuple(parse_requirement(text) for text in build.constraints),
            runners_up=tuple(
                _wheel(name, version, label, release, None) for label in build.runners_up
            ),
            rejected=tuple(
                Rejection(filename=_filename(name, version, label), label=label, reason=reason)
                for label, reason in release.rejected
            ),
        )
        self._releases[id(choice)] = name, version, release
        return choice


def make_metadata(name: str, version: Version, release: Fake) -> Metadata:
    """The metadata of a release."""
    required = list(release.requires)
    for extra, requirements in release.extras.items():
        for requirement in requirements:
            text, separator, marker = requirement.partition(";")
            condition = f"extra == '{extra}'"
            required.append(
                f"{text} ; ({marker}) and {condition}" if separator else f"{text} ; {condition}"
            )
    return Metadata(
        name=canonicalize_name(name),
        version=version,
        requires_python=None
        if release.requires_python is None
        else SpecifierSet(release.requires_python),
        requires_dist=tuple(parse_requirement(text) for text in required),
        extras=frozenset(canonicalize_name(extra) for extra in release.extras),
    )


def make_installed(name: str, version: str, *requires: str) -> InstalledProject:
    """An installed distribution."""
    metadata = make_metadata(name, Version(version), Fake(requires=requires))
    return InstalledProject(name=metadata.name, version=metadata.version, metadata=lambda: metadata)


def make_target(
    python: str = "3.12.0", *, platform: str = "linux", machine: str = "x86_64"
) -> Target:
    """A target with a marker environment and a few tags; nothing of it exists on disk."""
    version = Version(python)
    minor = f"{version.major}.{version.minor}"
    flat = minor.replace(".", "")
    tags = {
        "linux": f"manylinux_2_17_{machine}",
        "win32": "win_amd64",
        "darwin": "macosx_11_0_arm64",
    }
    here = tags[platform]
    nowhere = Path("/nonexistent")
    system = {"linux": "Linux", "win32": "Windows", "darwin": "Darwin"}[platform]
    return Target(
        python=nowhere / "bin" / "python",
        python_version=version,
        markers={
            "implementation_name": "cpython",
            "implementation_version": python,
            "os_name": "nt" if platform == "win32" else "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": python,
            "python_version": minor,
            "sys_platform": platform,
        },
        tags={
            tag: rank
            for rank, tag in enumerate(
                (
                    f"cp{flat}-cp{flat}-{here}",
                    f"cp{flat}-abi3-{here}",
                    f"py3-none-{here}",
                    f"py{flat}-none-any",
                    "py3-none-any",
                )
            )
        },
        scheme=Scheme(
            purelib=nowhere, platlib=nowhere, scripts=nowhere, data=nowhere, headers=nowhere
        ),
        site_paths=(nowhere,),
        prefix=nowhere,
        origin="made up",
    )


def _wheel(
    name: NormalizedName, version: Version, label: str | None, release: Fake, url: str | None
) -> Wheel:
    filename = _filename(name, version, label)
    return Wheel(name=parse_wheel_name(filename), file=_file(filename, release, url), source=SOURCE)


def _filename(name: str, version: Version, label: str | None) -> str:
    end = f"-{label}" if label is not None else ""
    return f"{name.replace('-', '_')}-{version}-py3-none-any{end}.whl"


def _file(filename: str, release: Fake, url: str | None) -> RemoteFile:
    return RemoteFile(
        filename=filename, url=url or f"https://files.example/{filename}", yanked=release.yanked
    )


def _property(text: str) -> Property:
    return parse_property(text)
