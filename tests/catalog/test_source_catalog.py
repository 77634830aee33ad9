"""SourceCatalog: what is read when, which source answers, and what bad data does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.support.catalogs import make_target
from tests.support.memory_index import INDEX, MemoryIndex, variants_json
from vinstall.catalog.cutoff import Cutoff
from vinstall.catalog.source_catalog import SourceCatalog
from vinstall.errors import (
    FormatError,
    HashMismatch,
    NetworkError,
    ResolutionError,
    SourceError,
)
from vinstall.formats.requirement import parse_requirement
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.release import Choice, SourceDistribution

LIB = canonicalize_name("lib")
V1, V2 = Version("1.0"), Version("2.0")
TARGET = make_target()
LINKS = "/srv/wheels"


def labels(choices: Sequence[Choice]) -> list[str | None]:
    return [choice.label for choice in choices]


def files(choices: Sequence[Choice]) -> list[str]:
    return [choice.artifact.file.filename for choice in choices]


def reasons(catalog: SourceCatalog, version: Version = V1) -> list[str]:
    return [
        f"{rejection.label or rejection.filename} {rejection.reason.sentence()}"
        for rejection in catalog.rejections(LIB, version)
    ]


def levels(*names: str) -> dict[str, list[str]]:
    return {name: [f"x86_64 :: level :: {name}"] for name in names}


def index_with_levels(*names: str, described: bool = True) -> MemoryIndex:
    index = MemoryIndex()
    index.host["x86_64"] = {"level": ["v3", "v2", "v1"]}
    for name in names:
        index.add_wheel("lib", "1.0", label=name)
    if described:
        index.add_variants_json("lib", "1.0", variants_json(levels(*names)))
    return index


class TestWhatIsRead:
    """Nothing is read before it is asked for, and nothing twice."""

    def test_versions_cost_the_page(self) -> None:
        index = index_with_levels("v3")
        index.add_wheel("lib", "2.0")
        catalog = index.catalog(TARGET)
        assert list(catalog.versions(LIB)) == [V2, V1]
        assert catalog.versions(LIB) is catalog.versions(LIB)
        assert dict(index.counts) == {"page lib": 1}

    def test_a_release_without_labels_costs_nothing_more(self) -> None:
        index = index_with_levels("v3")
        index.add_wheel("lib", "2.0")
        catalog = index.catalog(TARGET)
        assert labels(catalog.choices(LIB, V2)) == [None]
        assert dict(index.counts) == {"page lib": 1}

    def test_a_release_with_labels_costs_its_variants_file_and_the_providers(self) -> None:
        index = index_with_levels("v4", "v3", "v2")
        catalog = index.catalog(TARGET)
        assert labels(catalog.choices(LIB, V1)) == ["v3"]
        assert catalog.choices(LIB, V1) is catalog.choices(LIB, V1)
        assert dict(index.counts) == {
            "page lib": 1,
            "read lib-1.0-variants.json": 1,
            "answer x86_64": 1,
        }

    def test_labels_made_for_elsewhere_cost_nothing(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0", label="v3", tag="py3-none-win_amd64")
        index.add_wheel("lib", "1.0")
        index.add_variants_json("lib", "1.0", variants_json(levels("v3")))
        assert labels(index.catalog(TARGET).choices(LIB, V1)) == [None]
        assert dict(index.counts) == {"page lib": 1}

    def test_providers_are_asked_only_about_labels_that_are_left(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0", label="cu", tag="py3-none-win_amd64")
        index.add_wheel("lib", "1.0", label="v3")
        described = {"cu": ["nvidia :: cuda_version_lower_bound :: 13.0"], **levels("v3")}
        index.add_variants_json("lib", "1.0", variants_json(described))
        index.catalog(TARGET).choices(LIB, V1)
        assert index.counts["answer x86_64"] == 1
        assert index.counts["answer nvidia"] == 0

    def test_metadata_is_read_from_the_chosen_file_once(self) -> None:
        index = index_with_levels("v3", "v2")
        catalog = index.catalog(TARGET)
        (choice,) = catalog.choices(LIB, V1)
        assert catalog.metadata(choice) is catalog.metadata(choice)
        assert index.counts["metadata lib-1.0-py3-none-any-v3.whl"] == 1
        assert index.counts["metadata lib-1.0-py3-none-any-v2.whl"] == 0

    def test_an_unknown_project(self) -> None:
        catalog = MemoryIndex().catalog(TARGET)
        assert list(catalog.versions(LIB)) == []
        assert list(catalog.choices(LIB, V1)) == []
        assert list(catalog.rejections(LIB, V1)) == []
        assert catalog.asked(LIB) == (INDEX,)


class TestBadVariantData:
    """Contract, section 2: bad data makes the labelled wheels unusable, never the run."""

    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            (b"{", "`lib-1.0-variants.json`: the document is not valid JSON"),
            (
                SourceError("`lib-1.0-variants.json` is not there"),
                "`lib-1.0-variants.json`: `lib-1.0-variants.json` is not there",
            ),
            (
                HashMismatch(file="x", algorithm="sha256", expected="1", received="2"),
                "`lib-1.0-variants.json`: `x` does not match its sha256 hash",
            ),
        ],
    )
    def test_the_plain_wheel_is_left(self, content: bytes | Exception, fault: str) -> None:
        index = index_with_levels("v3", described=False)
        index.add_wheel("lib", "1.0")
        index.add_variants_json("lib", "1.0", content)
        catalog = index.catalog(TARGET)
        assert labels(catalog.choices(LIB, V1)) == [None]
        assert reasons(catalog) == [f"v3 has no usable variant metadata: {fault}"]

    def test_null_needs_no_metadata(self) -> None:
        index = index_with_levels("v3", described=False)
        index.add_wheel("lib", "1.0", label="null")
        index.add_variants_json("lib", "1.0", b"{")
        assert labels(index.catalog(TARGET).choices(LIB, V1)) == ["null"]

    def test_a_label_the_file_does_not_list(self) -> None:
        index = index_with_levels("v3")
        index.add_wheel("lib", "1.0", label="v9")
        catalog = index.catalog(TARGET)
        assert labels(catalog.choices(LIB, V1)) == ["v3"]
        assert reasons(catalog) == [
            "v9 has no usable variant metadata: it does not list the label `v9`"
        ]

    def test_an_index_that_cannot_be_reached_is_an_error(self) -> None:
        index = index_with_levels("v3", described=False)
        index.add_variants_json("lib", "1.0", NetworkError("no connection"))
        with pytest.raises(NetworkError):
            index.catalog(TARGET).choices(LIB, V1)

    def test_a_key_nobody_knows_is_ignored(self) -> None:
        index = index_with_levels("v3", described=False)
        index.add_variants_json("lib", "1.0", variants_json(levels("v3"), flavour="sweet"))
        assert labels(index.catalog(TARGET).choices(LIB, V1)) == ["v3"]


class TestMetadataInsideWheels:
    """Where the index offers no file: `variant.json` of one wheel for each label."""

    def make(self, **inside: object) -> MemoryIndex:
        index = MemoryIndex()
        index.host["x86_64"] = {"level": ["v3", "v2", "v1"]}
        for label, content in inside.items():
            index.add_wheel("lib", "1.0", label=label, variant_json=content)
        return index

    def test_one_wheel_for_each_label(self) -> None:
        index = self.make(v3=variants_json(levels("v3")), v2=variants_json(levels("v2")))
        for tag in ("py312-none-any", "py3-none-win_amd64"):
            index.add_wheel(
                "lib", "1.0", label="v3", tag=tag, variant_json=variants_json(levels("v3"))
            )
        catalog = index.catalog(TARGET)
        assert labels(catalog.choices(LIB, V1)) == ["v3"]
        assert {key: n for key, n in index.counts.items() if key.startswith("variant")} == {
            "variant lib-1.0-py312-none-any-v3.whl": 1,
            "variant lib-1.0-py3-none-any-v2.whl": 1,
        }

    def test_a_fault_spoils_that_label_alone(self) -> None:
        index = self.make(v3=b"{", v2=variants_json(levels("v2")))
        catalog = index.catalog(TARGET)
        assert labels(catalog.choices(LIB, V1)) == ["v2"]
        assert reasons(catalog) == [
            "v3 has no usable variant metadata: `variant.json` in"
            " `lib-1.0-py3-none-any-v3.whl`: the document is not valid JSON"
        ]

    def test_a_wheel_without_any(self) -> None:
        catalog = self.make(v3=None).catalog(TARGET)
        assert list(catalog.choices(LIB, V1)) == []
        assert reasons(catalog) == [
            "v3 has no usable variant metadata: the wheel has no `variant.json`"
        ]

    def test_wheels_that_contradict_one_another(self) -> None:
        both = variants_json({**levels("v3"), "v2": ["x86_64 :: level :: v1"]})
        catalog = self.make(v3=both, v2=variants_json(levels("v2"))).catalog(TARGET)
        assert list(catalog.choices(LIB, V1)) == []
        (first, second) = reasons(catalog)
        assert first.startswith(
            "v3 has no usable variant metadata: the wheels contradict one another: "
        )
        assert second.startswith(
            "v2 has no usable variant metadata: the wheels contradict one another: "
        )

    def test_null_is_not_opened(self) -> None:
        index = self.make(null=b"{")
        assert labels(index.catalog(TARGET).choices(LIB, V1)) == ["null"]
        assert "variant lib-1.0-py3-none-any-null.whl" not in index.counts


class TestSeveralSources:
    """A release belongs to one source; nothing of two sources is mixed."""

    def test_versions_of_all_newest_first(self) -> None:
        index = MemoryIndex()
        for version, source in (("1.0", INDEX), ("3.0", LINKS), ("2.0", INDEX), ("2.0", LINKS)):
            index.add_wheel("lib", version, source=source)
        catalog = index.catalog(TARGET)
        assert [str(version) for version in catalog.versions(LIB)] == ["3.0", "2.0", "1.0"]

    def test_all_of_one_source_before_those_of_the_next(self) -> None:
        index = MemoryIndex()
        for version, source in (("1.0", INDEX), ("3.0", LINKS), ("2.0", INDEX), ("2.0", LINKS)):
            index.add_wheel("lib", version, source=source)
        catalog = SourceCatalog(
            pages=index,
            reader=index,
            target=TARGET,
            answers=index,
            policy=lambda name: SelectionPolicy(),
            by_source=True,
            threads=0,
        )
        assert [str(version) for version in catalog.versions(LIB)] == ["2.0", "1.0", "3.0"]

    def test_the_first_source_answers_for_a_version(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0")
        index.add_wheel("lib", "1.0", tag="py312-none-any", source=LINKS)
        catalog = index.catalog(TARGET)
        assert files(catalog.choices(LIB, V1)) == ["lib-1.0-py3-none-any.whl"]
        assert [one.release.source for one in catalog.evaluations(LIB, V1)] == [INDEX, LINKS]

    def test_the_next_source_where_the_first_has_no_usable_wheel(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0", tag="py3-none-win_amd64")
        index.add_wheel("lib", "1.0", source=LINKS)
        (choice,) = index.catalog(TARGET).choices(LIB, V1)
        assert choice.artifact.source == LINKS

    def test_a_wheel_of_a_later_source_before_a_source_distribution(self) -> None:
        index = MemoryIndex()
        index.add_sdist("lib", "1.0")
        index.add_wheel("lib", "1.0", source=LINKS)
        (choice,) = index.catalog(TARGET).choices(LIB, V1)
        assert choice.artifact.source == LINKS

    def test_labels_of_one_source_are_not_explained_by_another(self) -> None:
        index = index_with_levels("v3", described=False)
        index.add_variants_json("lib", "1.0", variants_json(levels("v3")), source=LINKS)
        index.add_wheel("lib", "1.0", source=LINKS)
        (choice,) = index.catalog(TARGET).choices(LIB, V1)
        assert (choice.label, choice.artifact.source) == (None, LINKS)


class TestTheUsersSay:
    def policies(self, **options: Any) -> Callable[[NormalizedName], SelectionPolicy]:
        return lambda name: SelectionPolicy(**options)

    def test_a_demanded_label_binds_releases_without_labels(self) -> None:
        index = index_with_levels("v3")
        index.add_wheel("lib", "0.9")
        catalog = index.catalog(TARGET, policy=self.policies(label="v4"))
        assert list(catalog.choices(LIB, V1)) == []
        assert list(catalog.choices(LIB, Version("0.9"))) == []

    def test_a_project_without_any_labels_is_not_bound(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0")
        catalog = index.catalog(TARGET, policy=self.policies(label="v4"))
        assert labels(catalog.choices(LIB, V1)) == [None]

    def test_a_required_namespace_binds_older_releases(self) -> None:
        index = index_with_levels("v4")
        index.add_wheel("lib", "0.9")
        required = self.policies(require=frozenset({"x86_64"}))
        catalog = index.catalog(TARGET, policy=required)
        assert list(catalog.choices(LIB, Version("0.9"))) == []
        assert reasons(catalog, Version("0.9")) == [
            "lib-0.9-py3-none-any.whl uses nothing of `x86_64`, which `--require` asks for"
        ]

    def test_a_namespace_no_release_uses_is_not_required(self) -> None:
        index = index_with_levels("v3")
        index.add_wheel("lib", "0.9")
        required = self.policies(require=frozenset({"nvidia"}))
        catalog = index.catalog(TARGET, policy=required)
        assert labels(catalog.choices(LIB, Version("0.9"))) == [None]

    def test_source_distributions_only_where_they_can_be_built(self) -> None:
        index = MemoryIndex()
        index.add_sdist("lib", "1.0", requires=["dep"])
        (choice,) = index.catalog(TARGET).choices(LIB, V1)
        assert isinstance(choice.artifact, SourceDistribution)
        catalog = index.catalog(TARGET, builds=False)
        assert list(catalog.choices(LIB, V1)) == []
        assert reasons(catalog) == [
            "lib-1.0.tar.gz is a source distribution, and there is nothing here to build it with"
        ]

    def test_files_that_are_too_new_are_as_if_not_listed(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "2.0", upload_time="2026-09-01T00:00:00Z")
        index.add_wheel("lib", "1.0", upload_time="2026-07-01T00:00:00Z")
        cutoff = Cutoff(time=datetime(2026, 8, 1, tzinfo=UTC))
        catalog = index.catalog(TARGET, cutoff=cutoff)
        assert list(catalog.versions(LIB)) == [V1]
        assert list(catalog.too_new(LIB)) == [V2]

    def test_hashes_narrow_the_choice(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0", tag="py312-none-any", hashes=(("sha256", "aa"),))
        index.add_wheel("lib", "1.0", hashes=(("sha256", "bb"),))
        allowed = self.policies(hashes=frozenset({("sha256", "bb")}), require_hashes=True)
        catalog = index.catalog(TARGET, policy=allowed)
        assert files(catalog.choices(LIB, V1)) == ["lib-1.0-py3-none-any.whl"]


class TestMetadata:
    def test_a_wheel_that_says_it_is_something_else(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0", metadata=b"Metadata-Version: 2.1\nName: lib\nVersion: 1.1\n")
        catalog = index.catalog(TARGET)
        (choice,) = catalog.choices(LIB, V1)
        with pytest.raises(FormatError) as raised:
            catalog.metadata(choice)
        assert raised.value.message == (
            "`lib-1.0-py3-none-any.whl` says inside that it is `lib` 1.1"
        )

    def test_the_same_version_spelled_otherwise(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0", metadata=b"Metadata-Version: 2.1\nName: Lib\nVersion: 1\n")
        catalog = index.catalog(TARGET)
        (choice,) = catalog.choices(LIB, V1)
        assert catalog.metadata(choice).version == V1

    def test_of_a_source_distribution_the_builder_is_asked(self) -> None:
        index = MemoryIndex()
        index.add_sdist("lib", "1.0", requires=["dep"])
        catalog = index.catalog(TARGET)
        (choice,) = catalog.choices(LIB, V1)
        assert [str(need.name) for need in catalog.metadata(choice).requires_dist] == ["dep"]
        assert index.counts["build lib-1.0.tar.gz"] == 1


class TestDirect:
    URL = "https://files.example/lib-1.0-py3-none-any"

    def direct(self, catalog: SourceCatalog, url: str) -> Choice:
        return catalog.direct(parse_requirement(f"lib @ {url}"))

    def test_a_wheel(self) -> None:
        catalog = MemoryIndex().catalog(TARGET)
        choice = self.direct(catalog, f"{self.URL}.whl")
        assert choice.artifact.file.filename == "lib-1.0-py3-none-any.whl"
        assert self.direct(catalog, f"{self.URL}.whl") is choice

    def test_a_wheel_for_another_platform(self) -> None:
        catalog = MemoryIndex().catalog(TARGET)
        with pytest.raises(ResolutionError) as raised:
            self.direct(catalog, "https://me:pw@files.example/lib-1.0-py3-none-win_amd64.whl")
        assert raised.value.message == (
            "`https://****@files.example/lib-1.0-py3-none-win_amd64.whl` cannot be used here"
        )
        assert raised.value.context == ("is made for `py3-none-win_amd64`",)

    def test_a_variant_is_judged_by_what_it_says_itself(self) -> None:
        index = MemoryIndex()
        index.host["x86_64"] = {"level": ["v3", "v2", "v1"]}
        for label in ("v3", "v4"):
            index.add_wheel("lib", "1.0", label=label, variant_json=variants_json(levels(label)))
        catalog = index.catalog(TARGET)
        assert self.direct(catalog, f"{self.URL}-v3.whl").label == "v3"
        with pytest.raises(ResolutionError) as raised:
            self.direct(catalog, f"{self.URL}-v4.whl")
        assert raised.value.context == ("needs an x86-64 CPU of level v4, this one has v3",)

    def test_options_on_variants_do_not_touch_what_the_user_names(self) -> None:
        def policy(name: NormalizedName) -> SelectionPolicy:
            return SelectionPolicy(variants=False, wheels=False)

        index = MemoryIndex()
        index.host["x86_64"] = {"level": ["v3"]}
        index.add_wheel("lib", "1.0", label="v3", variant_json=variants_json(levels("v3")))
        catalog = index.catalog(TARGET, policy=policy)
        assert self.direct(catalog, f"{self.URL}-v3.whl").label == "v3"

    def test_a_source_tree(self) -> None:
        url = "git+https://git.example/lib.git@v1"
        catalog = MemoryIndex().catalog(TARGET, editable=frozenset({url}))
        artifact = self.direct(catalog, url).artifact
        assert isinstance(artifact, SourceDistribution)
        assert artifact.editable

    def test_a_source_tree_without_a_builder(self) -> None:
        with pytest.raises(ResolutionError) as raised:
            self.direct(MemoryIndex().catalog(TARGET, builds=False), "file:///home/me/lib")
        assert raised.value.message == "`file:///home/me/lib` cannot be used here"


class TestThreads:
    def test_reading_ahead_changes_no_answer_and_reads_nothing_twice(self) -> None:
        index = index_with_levels("v3", "v2")
        index.add_wheel("app", "1.0", requires=["lib"])
        catalog = index.catalog(TARGET, threads=8)
        catalog.prefetch([parse_requirement("app"), parse_requirement("lib")])
        (choice,) = catalog.choices(LIB, V1)
        catalog.metadata(choice)
        (app,) = catalog.choices(canonicalize_name("app"), V1)
        catalog.metadata(app)
        catalog.close()
        assert choice.label == "v3"
        assert set(index.counts.values()) == {1}

    def test_asleep_it_reads_nothing_ahead_until_it_wakes(self) -> None:
        index = MemoryIndex()
        index.add_wheel("lib", "1.0", requires=["app"])
        index.add_wheel("app", "1.0")
        before = set(threading.enumerate())
        alarms: list[Callable[[], None]] = []
        catalog = index.catalog(TARGET, threads=1, asleep_until=alarms.append)
        catalog.prefetch([parse_requirement("lib")])
        catalog.read_ahead(LIB, [V1])
        assert set(threading.enumerate()) <= before
        assert index.counts == {}
        alarms[0]()
        deadline = time.monotonic() + 10
        while len(index.counts) < 4 and time.monotonic() < deadline:
            time.sleep(0.001)
        catalog.close()
        assert {"page lib", "page app"} < set(index.counts)
