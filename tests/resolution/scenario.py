"""Scenarios: resolver cases as data, `tests/scenarios/*.toml`.

A file lists `packages` (name, version, what the release has) and `cases` on them: what is asked,
on what host, and what comes out.  What a release may have, all of it optional:

requires, extras, requires-python, yanked; tags (of its wheels; default `py3-none-any`);
wheel = false and sdist = true; variants (label to properties) and namespaces, embedded = true (no
index file), broken = "text" (an index file that says this), plain = true (a wheel without a label
beside those with one); hides-python = true (Requires-Python in the metadata alone); uploaded.

What a case may have: requires, constraints, overrides, installed (name to version, or to
{version, requires, limits}), preferences, python, platform, host (namespace to feature to values),
options (fields of ResolutionOptions), labels (`--variant`), variants = false, exclude-newer; and
either `expect` (name to version, followed by the label where there is one), `kept` and `notices`,
or `fails` (the message) with `because` (the context) and `hint`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.support.catalogs import Fake, FakeCatalog, make_installed, make_target
from tests.support.memory_index import MemoryIndex, variants_json
from vinstall.catalog import Catalog
from vinstall.catalog.cutoff import Cutoff, parse_cutoff
from vinstall.errors import ResolutionError
from vinstall.formats.requirement import parse_requirement
from vinstall.resolution.model import InstalledProject, Request, Resolution
from vinstall.resolution.options import (
    Dependencies,
    Preferred,
    Prereleases,
    ResolutionOptions,
)
from vinstall.resolution.resolve import resolve
from vinstall.selection.policy import SelectionPolicy
from vinstall.values import replace

FOLDER = Path(__file__).parents[1] / "scenarios"
_ENUMS: dict[str, type[Enum]] = {
    "prereleases": Prereleases,
    "preferred": Preferred,
    "dependencies": Dependencies,
}
_PLAIN_FIELDS = {"requires", "extras", "requires-python", "yanked", "hides-python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One case of one file."""

    name: str
    packages: Mapping[str, Mapping[str, dict[str, Any]]]
    case: Mapping[str, Any]

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing of files, so that a FakeCatalog can serve it."""
        releases = [release for versions in self.packages.values() for release in versions.values()]
        special = {"labels", "variants", "exclude-newer", "host"}
        return special.isdisjoint(self.case) and all(
            _PLAIN_FIELDS.issuperset(release) for release in releases
        )

    def run(self, catalog: Catalog) -> Resolution | ResolutionError:
        """What comes out of it over `catalog`."""
        case = self.case
        try:
            return resolve(
                _requests(case.get("requires", ())),
                constraints=_requests(case.get("constraints", ()), "`-c limits.txt`"),
                catalog=catalog,
                target=self.target(),
                installed=[
                    _installed(name, found) for name, found in case.get("installed", {}).items()
                ],
                preferences={
                    canonicalize_name(name): Version(version)
                    for name, version in case.get("preferences", {}).items()
                },
                options=_options(case),
            )
        except ResolutionError as error:
            return error

    def target(self) -> Any:
        return make_target(
            self.case.get("python", "3.12.0"), platform=self.case.get("platform", "linux")
        )

    def fake_catalog(self) -> FakeCatalog:
        """The releases as tables."""
        return FakeCatalog(
            {
                name: {
                    version: Fake(
                        requires=release.get("requires", ()),
                        extras=release.get("extras", {}),
                        requires_python=release.get("requires-python"),
                        yanked=release.get("yanked"),
                    )
                    for version, release in versions.items()
                }
                for name, versions in self.packages.items()
            }
        )

    def source_catalog(self) -> Catalog:
        """The releases as pages and files in memory."""
        index = MemoryIndex()
        index.host.update(self.case.get("host", {}))
        for name, versions in self.packages.items():
            for version, release in versions.items():
                _add_release(index, name, version, release)
        labels = self.case.get("labels", {})

        def policy(name: NormalizedName) -> SelectionPolicy:
            return SelectionPolicy(label=labels.get(name), variants=self.case.get("variants", True))

        return index.catalog(self.target(), policy=policy, cutoff=self._cutoff())

    def _cutoff(self) -> Cutoff | None:
        text = self.case.get("exclude-newer")
        if text is None:
            return None
        return Cutoff(time=parse_cutoff(text, now=datetime(2026, 11, 20, tzinfo=UTC)))


def load_scenarios() -> list[Scenario]:
    """Every case of every file."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        packages = document["packages"]
        for name, case in document["cases"].items():
            only = {**packages, **case.get("packages", {})}
            found.append(Scenario(name=f"{path.stem}: {name}", packages=only, case=case))
    return found


def _requests(texts: Any, place: str | None = None) -> list[Request]:
    return [
        Request(
            requirement=parse_requirement(text),
            origin=None if place is None else f"{place} line {line}",
        )
        for line, text in enumerate(texts, start=1)
    ]


def _installed(name: str, found: Any) -> InstalledProject:
    if isinstance(found, str):
        return make_installed(name, found)
    limits = tuple(
        tuple(parse_requirement(text) for text in texts) for texts in found.get("limits", ())
    )
    installed = make_installed(name, found["version"], *found.get("requires", ()))
    return replace(installed, limits=limits)


def _options(case: Mapping[str, Any]) -> ResolutionOptions:
    given: dict[str, Any] = {}
    for key, value in case.get("options", {}).items():
        kind = _ENUMS.get(key)
        given[key] = kind(value) if kind is not None else value
        if isinstance(value, list):
            given[key] = frozenset(canonicalize_name(name) for name in value)
    given["overrides"] = tuple(parse_requirement(text) for text in case.get("overrides", ()))
    return ResolutionOptions(**given)


def _add_release(index: MemoryIndex, name: str, version: str, release: dict[str, Any]) -> None:
    common: dict[str, Any] = {
        "requires": release.get("requires", ()),
        "extras": release.get("extras", {}),
        "requires_python": release.get("requires-python"),
        "yanked": release.get("yanked"),
    }
    if release.get("sdist", False):
        index.add_sdist(name, version, **common)
    if not release.get("wheel", True):
        return
    common["shows_python"] = not release.get("hides-python", False)
    common["upload_time"] = release.get("uploaded")
    variants = release.get("variants", {})
    embedded = release.get("embedded", False)
    for tag in release.get("tags", ["py3-none-any"]):
        if not variants or release.get("plain", False):
            index.add_wheel(name, version, tag=tag, **common)
        for label, properties in variants.items():
            inside = variants_json({label: properties}, release.get("namespaces"))
            index.add_wheel(
                name,
                version,
                tag=tag,
                label=label,
                variant_json=inside if embedded else None,
                **common,
            )
    if "broken" in release:
        index.add_variants_json(name, version, release["broken"].encode())
    elif variants and not embedded:
        document = variants_json(variants, release.get("namespaces"))
        index.add_variants_json(name, version, document)
