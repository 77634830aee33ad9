"""resolve(): what an answer holds, URLs, constraints, what is read, and what is told.

Which versions come out of which requirements is in `tests/scenarios/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.catalogs import Build, Fake, FakeCatalog, make_installed, make_target
from vinstall.errors import BuildError, UsageError
from vinstall.formats.metadata import Metadata
from vinstall.formats.requirement import parse_requirement, render_requirement
from vinstall.observer import Observer
from vinstall.resolution.candidate import url_key
from vinstall.resolution.explain import ResolutionFailed
from vinstall.resolution.model import InstalledProject, Request, Resolution
from vinstall.resolution.options import Dependencies, ResolutionOptions
from vinstall.resolution.resolve import resolve
from vinstall.selection.reason import TagMismatch, VariantDataInvalid
from vinstall.selection.release import Choice, Wheel

URL = "https://files.example/lib-1.5-py3-none-any.whl"
OTHER_URL = "https://mirror.example/lib-1.5-py3-none-any.whl"


class Recorder(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.details: list[str] = []

    def warning(self, message: str, *, hint: str | None = None) -> None:
        self.warnings.append(message)

    def detail(self, message: str) -> None:
        self.details.append(message)


def run(
    catalog: FakeCatalog | Mapping[str, Any],
    *texts: str,
    constraints: Sequence[str] = (),
    installed: Sequence[InstalledProject] = (),
    options: ResolutionOptions | None = None,
    observer: Observer | None = None,
) -> Resolution:
    if not isinstance(catalog, FakeCatalog):
        catalog = FakeCatalog(catalog)
    return resolve(
        [
            Request(requirement=parse_requirement(text), origin=f"line {at}")
            for at, text in enumerate(texts, 1)
        ],
        catalog=catalog,
        target=make_target(),
        constraints=[Request(requirement=parse_requirement(text)) for text in constraints],
        installed=installed,
        options=options or ResolutionOptions(),
        observer=observer or Observer(),
    )


def versions(resolution: Resolution) -> dict[str, str]:
    return {str(pin.name): str(pin.version) for pin in resolution.pins}


class TestAnswer:
    def test_pins_are_sorted_and_say_what_was_asked(self) -> None:
        tables = {"b": {"1": ["a[x]"]}, "a": {"1": Fake(extras={"x": ["c"]})}, "c": {"1": Fake()}}
        resolution = run(tables, "b")
        assert [(pin.name, pin.extras, pin.requested) for pin in resolution.pins] == [
            ("a", frozenset({"x"}), False),
            ("b", frozenset(), True),
            ("c", frozenset(), False),
        ]
        assert [pin.metadata.name for pin in resolution.pins] == ["a", "b", "c"]
        assert {pin.direct_url for pin in resolution.pins} == {None}

    def test_edges_say_who_asked_and_where(self) -> None:
        tables = {"a": {"1": ["b>=1", "b<3"]}, "b": {"2": ["a"]}}
        resolution = run(tables, "a", "b")
        assert [
            (edge.parent, render_requirement(edge.requirement), edge.origin)
            for edge in resolution.edges
        ] == [
            (None, "a", "line 1"),
            (None, "b", "line 2"),
            ("a", "b>=1", None),
            ("a", "b<3", None),
            ("b", "a", None),
        ]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("file:///a/b", "file://localhost/a/b"),
            ("file:/a/b", "file:///a/b#egg=b"),
            ("https://a.example/b.zip#sha256=1&egg=b", "https://a.example/b.zip#egg=c&sha256=1"),
        ],
    )
    def test_a_place_has_one_key(self, one: str, other: str) -> None:
        assert url_key(one) == url_key(other)
        assert url_key(one) != url_key("file://elsewhere/a/b")

    def test_what_is_kept_is_no_pin(self) -> None:
        resolution = run({}, "a[x]", installed=[make_installed("a", "1.0")])
        assert resolution.pins == ()
        assert [(k.name, k.version, k.extras, k.requested) for k in resolution.kept] == [
            ("a", Version("1.0"), frozenset({"x"}), True)
        ]

    def test_projects_that_were_only_tried_are_no_part_of_it(self) -> None:
        tables = {
            "a": {"2": ["b", "d"], "1": Fake()},
            "b": {"1": ["c<1"]},
            "c": {"1": Fake()},
            "d": {"1": Fake()},
        }
        assert versions(run(tables, "a")) == {"a": "1"}

    def test_only_the_extras_that_are_asked_for_in_the_end(self) -> None:
        tables = {
            "p": {"2": ["a[x]", "q"], "1": ["a"]},
            "q": {"1": ["r<1"]},
            "r": {"1": Fake()},
            "a": {"1": Fake(extras={"x": ["d"]})},
            "d": {"1": Fake()},
        }
        resolution = run(tables, "p", "a")
        assert versions(resolution) == {"p": "1", "a": "1"}
        assert resolution.pins[0].extras == frozenset()


class TestUrls:
    def catalog(self, **tables: Mapping[str, Fake | Sequence[str]]) -> FakeCatalog:
        found = ("1.5", Fake(requires=["dep"]))
        return FakeCatalog(
            {"lib": {"2.0": Fake(), "1.0": Fake()}, "dep": {"1.0": Fake()}, **tables},
            direct={URL: found, OTHER_URL: found},
        )

    def test_a_url_is_the_only_candidate(self) -> None:
        resolution = run(self.catalog(), f"lib @ {URL}")
        assert versions(resolution) == {"lib": "1.5", "dep": "1.0"}
        assert [pin.direct_url for pin in resolution.pins] == [None, URL]

    def test_it_satisfies_a_requirement_by_version(self) -> None:
        catalog = self.catalog(app={"1.0": ["lib>=1.2"]})
        assert versions(run(catalog, f"lib @ {URL}", "app")) == {
            "app": "1.0",
            "dep": "1.0",
            "lib": "1.5",
        }

    def test_a_dependency_may_name_one_that_the_user_names_too(self) -> None:
        catalog = self.catalog(app={"1.0": [f"lib @ {URL}"]})
        assert versions(run(catalog, f"lib @ {URL}", "app"))["lib"] == "1.5"

    def test_it_replaces_what_is_installed(self) -> None:
        resolution = run(self.catalog(), f"lib @ {URL}", installed=[make_installed("lib", "1.5")])
        assert versions(resolution)["lib"] == "1.5"

    def test_fragments_that_name_no_other_file_make_no_difference(self) -> None:
        resolution = run(self.catalog(), f"lib @ {URL}#egg=lib", f"lib @ {URL}")
        assert versions(resolution)["lib"] == "1.5"

    def test_one_that_does_not_fit_a_version(self) -> None:
        with pytest.raises(ResolutionFailed) as raised:
            run(self.catalog(), f"lib @ {URL}", "lib>=2")
        assert raised.value.message == "`lib` is not what is asked for everywhere"
        assert raised.value.context == (
            f"you asked for `lib @ {URL}` (line 1)",
            "you asked for `lib>=2` (line 2)",
        )

    def test_two_of_them(self) -> None:
        with pytest.raises(ResolutionFailed) as raised:
            run(self.catalog(), f"lib @ {URL}", f"lib @ {OTHER_URL.replace('//', '//me:pw@')}")
        assert raised.value.message == "`lib` is asked for at more than one place"
        assert raised.value.context == (
            f"you asked for `lib @ {URL}` (line 1)",
            "you asked for `lib @ https://****@mirror.example/lib-1.5-py3-none-any.whl` (line 2)",
        )

    def test_a_constraint_may_say_where_from(self) -> None:
        resolution = run(self.catalog(), "lib", constraints=[f"lib @ {URL}"])
        assert versions(resolution)["lib"] == "1.5"
        assert [pin.direct_url for pin in resolution.pins] == [None, URL]

    def test_a_constraint_limits_a_url(self) -> None:
        with pytest.raises(ResolutionFailed) as raised:
            run(self.catalog(), f"lib @ {URL}", constraints=["lib>=2"])
        assert raised.value.context == (
            f"you asked for `lib @ {URL}` (line 1)",
            "a constraint allows only `lib>=2`",
        )


class TestConstraints:
    def test_extras_are_refused(self) -> None:
        with pytest.raises(UsageError) as raised:
            run({"a": {"1": Fake()}}, "a", constraints=["a[x]==1"])
        assert raised.value.message == "the constraint `a[x]==1` has extras"
        assert raised.value.hint == (
            "a constraint limits versions; ask for extras in a requirement"
        )

    def test_one_whose_marker_does_not_hold_limits_nothing(self) -> None:
        tables = {"a": {"1": Fake(), "2": Fake()}}
        resolution = run(tables, "a", constraints=["a==1 ; sys_platform == 'win32'"])
        assert versions(resolution) == {"a": "2"}


class TestWhatIsRead:
    def test_what_is_installed_and_stays_costs_nothing(self) -> None:
        catalog = FakeCatalog({})
        resolution = run(
            catalog, "a", installed=[make_installed("a", "1.0", "b"), make_installed("b", "1.0")]
        )
        assert len(resolution.kept) == 2
        assert (catalog.pages, catalog.prefetched) == ([], [])

    def test_what_will_be_needed_is_announced(self) -> None:
        catalog = FakeCatalog({"a": {"1": ["b", "c>=1"]}, "b": {"1": Fake()}, "c": {"1": Fake()}})
        run(catalog, "a", installed=[make_installed("b", "1.0")])
        assert catalog.prefetched == ["a", "c"]
        assert catalog.settled == 0

    def test_metadata_of_the_taken_releases_alone(self) -> None:
        catalog = FakeCatalog(
            {"a": {"1": ["b<3"], "2": ["b<3"]}, "b": {str(n): Fake() for n in range(1, 9)}}
        )
        run(catalog, "a")
        assert catalog.read == ["a 2", "b 2"]

    def test_guesses_end_where_a_decision_is_taken_back(self) -> None:
        catalog = FakeCatalog(
            {
                "a": {"2": ["b", "c==1"], "1": Fake()},
                "b": {"1": ["d"]},
                "d": {"1": ["c==2"]},
                "c": {"1": Fake(), "2": Fake()},
            }
        )
        assert versions(run(catalog, "a")) == {"a": "1"}
        assert catalog.settled == 1

    def test_where_release_after_release_fails_the_next_ones_are_announced(self) -> None:
        releases = {f"{at}.0": Fake(requires=["c<1"]) for at in range(30)}
        catalog = FakeCatalog({"a": {**releases, "0.5": Fake()}, "c": {"1": Fake()}})
        assert versions(run(catalog, "a<29", "a!=20.0")) == {"a": "0.5"}
        assert catalog.ahead == [
            ("a", [f"{at}.0" for at in (25, 24, 23, 22, 21, 19, 18, 17, 16, 15)]),
            ("a", [f"{at}.0" for at in range(14, 4, -1)]),
            ("a", ["4.0", "3.0", "2.0", "1.0", "0.5", "0.0"]),
        ]

    def test_nothing_is_asked_of_dependencies_that_are_not_wanted(self) -> None:
        catalog = FakeCatalog({"a": {"1": ["b"]}})
        options = ResolutionOptions(dependencies=Dependencies.NONE)
        assert versions(run(catalog, "a", options=options)) == {"a": "1"}
        assert catalog.pages == ["a"]


class TestBadMetadata:
    def test_the_release_is_passed_over_and_it_is_said(self) -> None:
        recorder = Recorder()
        tables = {"a": {"2": Fake(bad_metadata="Version: is missing"), "1": Fake()}}
        assert versions(run(tables, "a", observer=recorder)) == {"a": "1"}
        assert recorder.warnings == ["`a` 2 is passed over: Version: is missing"]

    def test_a_marker_without_meaning_counts_as_such(self) -> None:
        recorder = Recorder()
        tables = {"a": {"2": ["b ; os_name ~= 'posix'"], "1": Fake()}}
        assert versions(run(tables, "a", observer=recorder)) == {"a": "1"}
        assert len(recorder.warnings) == 1

    def test_where_nothing_else_is_left(self) -> None:
        with pytest.raises(ResolutionFailed) as raised:
            run({"a": {"1": Fake(bad_metadata="Version: is missing")}}, "a")
        assert raised.value.message == "no release of `a` can be used here"
        assert raised.value.context == (
            "you asked for `a` (line 1)",
            "`a` 1 has unusable metadata: Version: is missing",
        )

    def test_a_build_that_fails_ends_the_run(self) -> None:
        class Failing(FakeCatalog):
            def metadata(self, choice: Choice) -> Metadata:
                raise BuildError("`a` does not build")

        with pytest.raises(BuildError):
            run(Failing({"a": {"2": Fake(is_source=True), "1": Fake()}}), "a")

    def test_nothing_is_built_to_prove_that_there_is_no_answer(self) -> None:
        class Failing(FakeCatalog):
            def metadata(self, choice: Choice) -> Metadata:
                raise BuildError("`a` does not build")

        tables = {"a": {"1": Fake(is_source=True)}, "b": {"1": Fake(builds=())}}
        with pytest.raises(ResolutionFailed) as raised:
            run(Failing(tables), "a==1", "b")
        assert raised.value.message == "no release of `b` that fits can be used here"

    def test_nor_is_one_built_after_a_conflict_that_needs_none(self) -> None:
        built: list[str] = []

        class Noting(FakeCatalog):
            def metadata(self, choice: Choice) -> Metadata:
                if not isinstance(choice.artifact, Wheel):
                    built.append(choice.artifact.file.filename)
                return super().metadata(choice)

        tables: dict[str, dict[str, Fake]] = {
            "s": {"1": Fake(is_source=True)},
            "a": {"1": Fake(requires=["c<1"])},
            "c": {"1": Fake()},
        }
        with pytest.raises(ResolutionFailed):
            run(Noting(tables), "a==1", "s")
        assert built == []


class TestWhatIsTold:
    def test_a_newer_release_for_other_platforms_is_a_detail(self) -> None:
        recorder = Recorder()
        refused = [(None, TagMismatch(tags=("py3-none-win_amd64",)))]
        tables = {"a": {"2": Fake(builds=(), rejected=refused), "1": Fake()}}
        resolution = run(tables, "a", observer=recorder)
        assert resolution.notices == ()
        assert recorder.details == [
            "`a` 1 instead of 2: `a-2-py3-none-any.whl` is made for `py3-none-win_amd64`"
        ]

    def test_a_version_that_never_was_to_be_had_is_not_mentioned(self) -> None:
        refused = [("cu", TagMismatch(tags=("py3-none-win_amd64",)))]
        tables = {"a": {"2": Fake(builds=(), rejected=refused), "1": Fake()}, "b": {"1": ["a<2"]}}
        recorder = Recorder()
        run(tables, "a", "b", observer=recorder)
        assert recorder.details == []

    def test_conflicts_are_details(self) -> None:
        recorder = Recorder()
        tables = {
            "a": {"2": ["b", "c==1"], "1": Fake()},
            "b": {"1": ["d"]},
            "d": {"1": ["c==2"]},
            "c": {"1": Fake(), "2": Fake()},
        }
        run(tables, "a", observer=recorder)
        assert recorder.details == ["conflict 1: trying other releases for `c`"]

    def test_of_many_releases_for_other_platforms_the_newest_are_told(self) -> None:
        refused = [(None, TagMismatch(tags=("py3-none-win_amd64",)))]
        newer = {str(v): Fake(builds=(), rejected=refused) for v in range(2, 30)}
        recorder = Recorder()
        run({"a": {**newer, "1": Fake()}}, "a", observer=recorder)
        told = [line.split(":")[0] for line in recorder.details]
        assert told == [f"`a` 1 instead of {version}" for version in range(29, 19, -1)]

    def test_a_release_passed_over_for_its_variants_is_found_behind_many(self) -> None:
        refused = [(None, TagMismatch(tags=("py3-none-win_amd64",)))]
        newer = {str(v): Fake(builds=(), rejected=refused) for v in range(3, 30)}
        reason = VariantDataInvalid("it is not there")
        tables = {"a": {**newer, "2": Fake(builds=(), rejected=[("cu", reason)]), "1": Fake()}}
        assert run(tables, "a").notices == (
            "`a` 1 instead of 2: `cu` has no usable variant metadata: it is not there",
        )


class TestFailures:
    def test_many_versions_of_one_project_are_one_sentence(self) -> None:
        tables = {
            "a": {f"{at}.0": ["b==9"] for at in range(1, 10)},
            "b": {f"{at}.0": Fake() for at in range(1, 9)},
        }
        with pytest.raises(ResolutionFailed) as raised:
            run(tables, "a")
        assert raised.value.message == "no version of `b` fits `b==9`"
        assert raised.value.context == (
            "you asked for `a` (line 1)",
            "`a` 9.0, 8.0, 7.0, 6.0 and 5 others need `b==9`",
            "there are 8 versions of `b`, the nearest are 8.0 and 7.0",
        )

    def test_a_long_chain_is_cut_at_its_beginning(self) -> None:
        tables: dict[str, dict[str, Fake | Sequence[str]]] = {
            f"p{at}": {"1": [f"p{at + 1}"]} for at in range(9)
        }
        tables["p9"] = {"1": ["missing"]}
        with pytest.raises(ResolutionFailed) as raised:
            run(tables, "p0")
        assert raised.value.context[-2:] == (
            "`p9` 1 needs `missing`",
            "asked: `https://index.example/simple/`",
        )

    def test_another_variant_is_named_as_the_way_out(self) -> None:
        build = Build(label="cu13", runners_up=["cu12", "null"])
        tables = {"a": {"1": Fake(requires=["b>1"], builds=[build])}, "b": {"1": Fake()}}
        with pytest.raises(ResolutionFailed) as raised:
            run(tables, "a")
        assert raised.value.hint == (
            "another variant may need something else: `--variant a=cu12` or `--variant a=null`"
        )

    @pytest.mark.parametrize(
        ("tables", "hint"),
        [
            (
                {"b": {"2": Fake(builds=())}},
                "another variant may need something else: `--variant a=cu12`",
            ),
            (
                {},
                "check the name, or add the index or folder that has it with `--extra-index-url` or "
                "`--find-links`; another variant may need something else: `--variant a=cu12`",
            ),
        ],
        ids=["no file of it can be used", "no source knows it"],
    )
    def test_so_it_is_where_what_the_variant_needs_is_not_to_be_had(
        self, tables: dict[str, dict[str, Fake]], hint: str
    ) -> None:
        build = Build(label="cu13", runners_up=["cu12"])
        with pytest.raises(ResolutionFailed) as raised:
            run({"a": {"1": Fake(requires=["b>1"], builds=[build])}, **tables}, "a")
        assert raised.value.hint == hint

    def test_too_many_rounds(self) -> None:
        # `a` and `b` need each other in versions that exclude each other.
        tables = {
            "a": {"2": ["b==1"], "1": ["b==2"]},
            "b": {"2": ["a==2"], "1": ["a==1"]},
        }
        with pytest.raises(ResolutionFailed) as raised:
            run(tables, "a", options=ResolutionOptions(max_rounds=50))
        assert raised.value.message == "no answer was found in 50 rounds"
        assert raised.value.hint == (
            "narrow the versions of some requirements, or give a file of constraints"
        )

    def test_a_circle_that_resolvelib_does_not_get_out_of(self) -> None:
        tables = {
            "c": {"3.0": ["a"], "1.0": Fake()},
            "a": {"1.0": ["b"]},
            "b": {"1.0": ["c<1.0"]},
            "d": {"2.0": Fake()},
        }
        assert versions(run(tables, "c<=3.0", "d==2.0")) == {"c": "1.0", "d": "2.0"}


def test_a_name_is_normalised_once() -> None:
    tables = {"Some_Thing": {"1": Fake()}}
    assert run(tables, "SOME.thing").pins[0].name == canonicalize_name("some-thing")
