"""Real metadata on described hosts: every ranking that independent tools agreed on, reproduced.

The rankings come from the metadata of published indexes (schemas v0.0.2 and v0.0.3) and from hosts
whose provider answers were produced by the published providers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.selection.published import (
    Host,
    Index,
    choices_on,
    described_hosts,
    labels_on,
    read_rankings,
)
from tests.selection.random_releases import SCALE
from tests.selection.variantlib_oracle import rank_variants
from vinstall.formats.variant_json import Property, VariantTable
from vinstall.selection.labels import judge_labels
from vinstall.selection.release import Release


@pytest.fixture(scope="module")
def rankings(shared_data: Path) -> dict[str, Any]:
    return read_rankings(shared_data)


@pytest.fixture(scope="module")
def index(shared_data: Path) -> Index:
    return Index(shared_data / "real-index")


@pytest.fixture(scope="module")
def hosts(rankings: dict[str, Any]) -> dict[str, Host]:
    return described_hosts(rankings)


def differences(rankings: dict[str, Any], index: Index, hosts: Mapping[str, Host]) -> Iterator[str]:
    """One line for each entry that is not reproduced."""
    for entry in rankings["rankings"]:
        where = f"{entry['host']} {entry['json']}"
        host = hosts[entry["host"]]
        table = index.table(entry["json"])
        release = index.release(entry["package"], entry["version"], entry["json"])
        labels = ranked_labels(release, table, host)
        if labels != entry["labels"]:
            yield f"{where}: {labels} instead of {entry['labels']}"
        wheel = best_variant_wheel(release, table, host)
        if wheel != entry["best_wheel_cp312"]:
            yield f"{where}: {wheel} instead of {entry['best_wheel_cp312']}"


def ranked_labels(release: Release, table: VariantTable, host: Host) -> list[str]:
    """The labels that fit, as the data writes them: `null` for its old name, always there, last."""
    labels = [one.label for one in labels_on(release, table, host) if one.rank is not None]
    old = [label for label in labels if label not in ("null", "00000000")]
    assert labels[: len(old)] == old
    return [*old, "null"]


def best_variant_wheel(release: Release, table: VariantTable, host: Host) -> str | None:
    """The file chosen; None: not a variant wheel."""
    choices, _ = choices_on(release, table, host)
    assert len(choices) <= 1
    return next((choice.artifact.file.filename for choice in choices if choice.label), None)


def test_every_ranking_and_every_best_wheel_is_reproduced(
    rankings: dict[str, Any], index: Index, hosts: Mapping[str, Host]
) -> None:
    assert list(differences(rankings, index, hosts)) == []


def test_rankings_of_every_source_are_among_them(rankings: dict[str, Any]) -> None:
    sources = {entry["source"] for entry in rankings["rankings"]}
    assert sources == {"oracle", "oracle-on-adapted", "hand"}


def test_every_host_is_ranked(rankings: dict[str, Any]) -> None:
    assert {entry["host"] for entry in rankings["rankings"]} == rankings["hosts"].keys()


class TestVariantlib:
    """variantlib 0.2.2, given the same answers, ranks the labels of every published document alike."""

    def test_it_agrees_on_every_document_and_host(
        self, index: Index, hosts: Mapping[str, Host]
    ) -> None:
        pairs = [
            (document, host)
            for document in sorted(index.folder.glob("v0.0.*/*/*-variants.json"))
            for host in sorted(hosts)
        ]
        for document, name in pairs[:: max(1, 10 // SCALE)]:
            table = index.table(str(document.relative_to(index.folder)))
            answers = {
                namespace: hosts[name].answer(namespace, table) for namespace in table.namespaces
            }
            judged = judge_labels(table.variants, table=table, fault=None, answers=answers)
            fitting = sorted(
                (verdict.preference, label)
                for label, verdict in judged.verdicts.items()
                if verdict.preference is not None and verdict.properties
            )
            expected = rank_variants(
                table.variants,
                (
                    Property(namespace, feature.name, value)
                    for namespace, told in answers.items()
                    for feature in told.features
                    for value in feature.values
                ),
                namespaces=table.namespaces,
                feature_order=table.feature_order,
                value_order=table.value_order,
            )
            assert [*(label for _, label in fitting), "null"] == expected, (document, name)
