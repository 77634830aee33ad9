"""Published indexes and described hosts, for tests that rank the ones on the others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name
from packaging.version import Version

from vinstall.formats.simple_api import parse_project_html
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.formats.variant_json import VariantTable, parse_variant_table
from vinstall.providers.machine import described_machine
from vinstall.providers.registry import Registry
from vinstall.selection.choose import (
    LabelRank,
    choose,
    namespaces_to_ask,
    rank_labels,
    usable_wheels,
)
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice, Release
from vinstall.selection.releases import ReleaseIndex, group_releases

PYTHON = Version("3.12.9")
POLICY = SelectionPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A target as the data describes it."""

    registry: Registry
    tags: Mapping[str, int]

    def answer(self, namespace: str, table: VariantTable) -> NamespaceAnswer:
        """What the host supports in one namespace."""
        return self.registry.answer(namespace, table.providers.get(namespace), labels=1)


def described_host(data: Mapping[str, Any]) -> Host:
    """A host of the rankings, with CPython 3.12; its properties stand for detection."""
    platforms = data["platform_tags"]
    interpreter = [
        *cpython_tags((3, 12), ["cp312"], platforms),
        *compatible_tags((3, 12), "cp312", platforms),
    ]
    markers = data["marker_environment"]
    machine = described_machine(
        system=markers["platform_system"], processor=markers["platform_machine"], environ={}
    )
    host = {
        namespace: tuple(FeatureSupport(name, tuple(values)) for name, values, *_ in features)
        for namespace, features in data["properties"].items()
    }
    return Host(
        registry=Registry(machine=machine, markers=markers, host=host),
        tags={str(tag): rank for rank, tag in reversed([*enumerate(interpreter)])},
    )


@dataclass(slots=True)
class Index:
    """The published files, each read once."""

    folder: Path
    pages: dict[Path, ReleaseIndex] = field(default_factory=dict)
    tables: dict[Path, VariantTable] = field(default_factory=dict)

    def table(self, document: str) -> VariantTable:
        """The metadata at this path below the folder."""
        path = self.folder / document
        if path not in self.tables:
            self.tables[path] = parse_variant_table(path.read_bytes())
        return self.tables[path]

    def release(self, project: str, version: str, document: str) -> Release:
        """The release the metadata belongs to, from the page beside it."""
        path = (self.folder / document).with_name("index.html")
        if path not in self.pages:
            self.pages[path] = group_releases(
                parse_project_html(
                    path.read_text("utf-8"),
                    url=f"https://index.example/{project}/",
                    name=canonicalize_name(project),
                    source="https://index.example/",
                )
            )
        return self.pages[path].release(Version(version))


def read_rankings(folder: Path) -> dict[str, Any]:
    """The published rankings and the hosts they are for."""
    found: dict[str, Any] = json.loads((folder / "rankings.json").read_bytes())
    return found


def described_hosts(rankings: Mapping[str, Any]) -> dict[str, Host]:
    """The hosts by name."""
    return {name: described_host(data) for name, data in rankings["hosts"].items()}


def labels_on(release: Release, table: VariantTable, host: Host) -> tuple[LabelRank, ...]:
    """Every label of the release, judged for the host."""
    return rank_labels(
        release,
        table=table,
        fault=None,
        answers={namespace: host.answer(namespace, table) for namespace in table.namespaces},
        policy=POLICY,
        tags=host.tags,
        python=PYTHON,
    )


def choices_on(
    release: Release, table: VariantTable | None, host: Host
) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
    """What is chosen on the host, asking only for the namespaces that matter."""
    usable, refused = usable_wheels(release, tags=host.tags, python=PYTHON, policy=POLICY)
    answers = {
        namespace: host.answer(namespace, table)
        for namespace in namespaces_to_ask(usable, table, POLICY)
        if table is not None
    }
    return choose(
        release,
        usable,
        table=table,
        fault=None,
        answers=answers,
        policy=POLICY,
        tags=host.tags,
        python=PYTHON,
        refused=refused,
    )
