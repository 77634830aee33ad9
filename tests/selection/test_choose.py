"""Which file of a release is taken, and why not the others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.selection.builders import (
    PYTHON,
    SHA,
    TAGS,
    a_file,
    answer,
    chosen,
    filenames,
    labelled,
    properties,
    release,
    spoken,
    table,
)
from tests.selection.random_releases import Case, random_case
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.support import NamespaceAnswer
from vinstall.formats.variant_json import VariantTable
from vinstall.selection.choose import LabelRank, choose, rank_labels, usable_wheels
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.release import Choice, Release

GPU = table(
    ["nvidia", "x86_64"],
    {
        "cu13": ["nvidia :: cuda_version_lower_bound :: 13.0"],
        "cu12": [
            "nvidia :: cuda_version_lower_bound :: 12.0",
            "nvidia :: cuda_version_lower_bound :: 11.0",
            "nvidia :: cuda_version_lower_bound :: 13.5",
        ],
        "v3": ["x86_64 :: level :: v3"],
        "null": [],
    },
)
ANSWERS = {
    "nvidia": answer(cuda_version_lower_bound=["12.4", "12.0", "11.0"]),
    "x86_64": answer(level=["v3", "v2"]),
}
EVERY = labelled("cu13", "cu12", "v3", "null", None)


def taken(
    *files: str | RemoteFile,
    of: VariantTable | None = GPU,
    fault: str | None = None,
    policy: SelectionPolicy | None = None,
) -> list[str]:
    choices, _ = chosen(release(*files), of, answers=ANSWERS, fault=fault, policy=policy)
    return filenames(choices)


class TestOneChoice:
    def test_is_the_best_label_with_what_it_matches_and_the_rest_in_order(self) -> None:
        choices, rejected = chosen(release(*EVERY), GPU, answers=ANSWERS)
        (choice,) = choices
        assert choice.label == "cu12"
        assert choice.matched == properties(
            "nvidia :: cuda_version_lower_bound :: 12.0",
            "nvidia :: cuda_version_lower_bound :: 11.0",
        )
        assert [wheel.name.label for wheel in choice.runners_up] == ["v3", "null", None]
        assert choice.table is GPU
        assert choice.constraints == ()
        assert choice.support == {name: told.features for name, told in ANSWERS.items()}
        assert choice.rejected == rejected
        assert spoken(rejected) == [
            "demo-1.0-py3-none-any-cu13.whl needs CUDA 13.0, the driver offers 12.4"
        ]

    def test_null_comes_after_all_others_and_plain_after_null(self) -> None:
        assert taken(*labelled(None, "null", "v3")) == ["demo-1.0-py3-none-any-v3.whl"]
        assert taken(*labelled(None, "null", "cu13")) == ["demo-1.0-py3-none-any-null.whl"]
        assert taken(*labelled(None, "cu13")) == ["demo-1.0-py3-none-any.whl"]

    def test_a_better_tag_does_not_make_up_for_a_worse_label(self) -> None:
        plain = labelled(None, "null", tag="cp312-cp312-manylinux_2_28_x86_64")
        assert taken(*plain, *labelled("v3")) == ["demo-1.0-py3-none-any-v3.whl"]

    def test_the_best_label_that_has_a_wheel_here(self) -> None:
        elsewhere = labelled("cu12", tag="cp312-cp312-win_amd64")
        assert taken(*elsewhere, *labelled("v3", "null")) == ["demo-1.0-py3-none-any-v3.whl"]

    def test_within_a_label_tags_then_builds(self) -> None:
        files = [
            "demo-1.0-9-py3-none-any-v3.whl",
            "demo-1.0-1-cp312-cp312-linux_x86_64-v3.whl",
            "demo-1.0-2-cp312-cp312-linux_x86_64-v3.whl",
        ]
        assert taken(*files) == ["demo-1.0-2-cp312-cp312-linux_x86_64-v3.whl"]

    def test_a_plain_release_needs_nothing_else(self) -> None:
        (choice,), rejected = chosen(release(*labelled(None), "demo-1.0.tar.gz"))
        assert choice == Choice(artifact=release(*labelled(None)).wheels[0])
        assert rejected == ()

    def test_nothing_usable_is_no_choice_and_all_reasons(self) -> None:
        choices, rejected = chosen(
            release(
                *labelled("cu13"),
                *labelled(None, tag="py2-none-any"),
                a_file("demo-1.0.tar.gz", requires_python=">=4"),
                "demo-1.0-py3-none.whl",
            ),
            GPU,
            answers=ANSWERS,
        )
        assert choices == ()
        assert spoken(rejected) == [
            "demo-1.0-py3-none-any-cu13.whl needs CUDA 13.0, the driver offers 12.4",
            "demo-1.0.tar.gz needs Python >=4, the environment has 3.12.1",
            "demo-1.0-py2-none-any.whl is made for `py2-none-any`",
            "demo-1.0-py3-none.whl has 4 parts between dashes, a wheel name has 5 to 7",
        ]

    def test_the_reasons_are_the_same_whether_handed_in_or_not(self) -> None:
        of = release(*EVERY, *labelled("v3", tag="py2-none-any"))
        policy = SelectionPolicy()
        usable, _ = usable_wheels(of, tags=TAGS, python=PYTHON, policy=policy)
        again = choose(
            of,
            usable,
            table=GPU,
            fault=None,
            answers=ANSWERS,
            policy=policy,
            tags=TAGS,
            python=PYTHON,
        )
        assert again == chosen(of, GPU, answers=ANSWERS)


class TestBadData:
    """Contract: "the release falls back to its plain wheel"."""

    def test_labelled_wheels_give_way_to_null_then_plain(self) -> None:
        broken = "`demo-1.0-variants.json` is no JSON"
        assert taken(*EVERY, of=None, fault=broken) == ["demo-1.0-py3-none-any-null.whl"]
        assert taken(*labelled("v3", None), of=None, fault=broken) == ["demo-1.0-py3-none-any.whl"]

    def test_without_a_fallback_the_fault_is_named_for_each_wheel(self) -> None:
        choices, rejected = chosen(release(*labelled("v3", "cu12")), None, fault="it is no JSON")
        assert choices == ()
        assert spoken(rejected) == [
            "demo-1.0-py3-none-any-v3.whl has no usable variant metadata: it is no JSON",
            "demo-1.0-py3-none-any-cu12.whl has no usable variant metadata: it is no JSON",
        ]

    def test_a_label_unknown_to_the_metadata_leaves_the_others(self) -> None:
        assert taken(*labelled("unknown", "v3")) == ["demo-1.0-py3-none-any-v3.whl"]


class TestHashes:
    def test_a_listed_hash_outranks_a_better_label(self) -> None:
        policy = SelectionPolicy(require_hashes=True, hashes=frozenset({("sha256", SHA)}))
        plain = a_file("demo-1.0-py3-none-any.whl", hashes=(("sha256", SHA),))
        assert taken(*labelled("v3"), plain, policy=policy) == ["demo-1.0-py3-none-any.whl"]
        assert taken(*labelled("v3"), plain) == ["demo-1.0-py3-none-any-v3.whl"]

    def test_a_label_is_represented_by_its_wheel_with_a_listed_hash(self) -> None:
        policy = SelectionPolicy(require_hashes=True, hashes=frozenset({("sha256", SHA)}))
        better = "demo-1.0-cp312-cp312-linux_x86_64-v3.whl"
        listed = a_file("demo-1.0-py3-none-any-v3.whl", hashes=(("sha256", SHA),))
        assert taken(better, listed, policy=policy) == ["demo-1.0-py3-none-any-v3.whl"]


class TestSourceDistributions:
    def test_a_release_without_a_usable_wheel_falls_to_its_source(self) -> None:
        assert taken(*labelled("cu13"), "demo-1.0.tar.gz") == ["demo-1.0.tar.gz"]

    def test_only_binary_forbids_that(self) -> None:
        policy = SelectionPolicy(sdists=False)
        assert taken(*labelled("cu13"), "demo-1.0.tar.gz", policy=policy) == []

    def test_no_binary_asks_for_it(self) -> None:
        policy = SelectionPolicy(wheels=False)
        assert taken(*EVERY, "demo-1.0.tar.gz", policy=policy) == ["demo-1.0.tar.gz"]


class TestDemandedLabel:
    """Contract: "demands a label (error with the list of labels and why each other failed)"."""

    def test_is_taken_where_it_fits(self) -> None:
        assert taken(*EVERY, policy=SelectionPolicy(label="v3")) == ["demo-1.0-py3-none-any-v3.whl"]

    def test_is_never_taken_where_it_does_not(self) -> None:
        choices, rejected = chosen(
            release(*EVERY, "demo-1.0.tar.gz"),
            GPU,
            answers=ANSWERS,
            policy=SelectionPolicy(label="cu13"),
        )
        assert choices == ()
        assert spoken(rejected) == [
            "demo-1.0-py3-none-any-cu13.whl needs CUDA 13.0, the driver offers 12.4",
            "demo-1.0-py3-none-any-cu12.whl is excluded by `--variant cu13`",
            "demo-1.0-py3-none-any-v3.whl is excluded by `--variant cu13`",
            "demo-1.0-py3-none-any-null.whl is excluded by `--variant cu13`",
            "demo-1.0-py3-none-any.whl is excluded by `--variant cu13`",
            "demo-1.0.tar.gz is excluded by `--variant cu13`",
        ]

    def test_that_no_wheel_has_is_told_with_those_there_are(self) -> None:
        choices, rejected = chosen(
            release(*labelled("v3", "null", None)),
            GPU,
            answers=ANSWERS,
            policy=SelectionPolicy(label="rocm"),
        )
        assert choices == ()
        assert spoken(rejected)[0] == "demo-1.0 has no variant `rocm`; it has `null`, `v3`"

    def test_for_another_platform_says_so_first(self) -> None:
        files = [*labelled("cu12", tag="cp312-cp312-win_amd64"), *labelled("cu13", "null")]
        choices, rejected = chosen(
            release(*files), GPU, answers=ANSWERS, policy=SelectionPolicy(label="cu12")
        )
        assert choices == ()
        assert spoken(rejected)[0] == (
            "demo-1.0-cp312-cp312-win_amd64-cu12.whl is made for `cp312-cp312-win_amd64`"
        )


class TestRequiredNamespace:
    def test_no_build_without_it_is_taken(self) -> None:
        policy = SelectionPolicy(require=frozenset({"nvidia"}))
        assert taken(*EVERY, policy=policy) == ["demo-1.0-py3-none-any-cu12.whl"]
        files = [*labelled("cu13", "v3", "null", None), "demo-1.0.tar.gz"]
        assert taken(*files, policy=policy) == []


class TestNeverPastWhatFits:
    """Contract: "All of these narrow or reorder the compatible set; none reaches past it"."""

    @given(
        st.integers(0, 2**32).map(lambda seed: random_case(("options", seed))),
        st.builds(
            SelectionPolicy,
            variants=st.booleans(),
            label=st.sampled_from([None, None, "cu", "null", "v3"]),
            label_everywhere=st.booleans(),
            prefer=st.lists(st.sampled_from([("x86_64",), ("amd", "arch")]), max_size=2).map(tuple),
            require=st.sets(st.sampled_from(["nvidia", "amd"])).map(frozenset),
        ),
    )
    def test_options_choose_among_what_fits_without_them(
        self, case: Case, policy: SelectionPolicy
    ) -> None:
        free, _ = chosen(case.release, case.table, answers=case.answers)
        bound, _ = chosen(case.release, case.table, answers=case.answers, policy=policy)
        fitting = {wheel.file for choice in free for wheel in choice.runners_up}
        fitting |= {choice.artifact.file for choice in free}
        for choice in bound:
            assert choice.artifact.file in fitting
            assert policy.variants or choice.label is None
            if case.release.has_labels and policy.label is not None:
                assert choice.label == policy.label

    @given(st.integers(0, 2**32).map(lambda seed: random_case(("files", seed))))
    def test_every_file_is_a_candidate_or_refused(self, case: Case) -> None:
        choices, rejected = chosen(case.release, case.table, answers=case.answers)
        refused = [one.filename for one in rejected]
        assert len(refused) == len(set(refused))
        for choice in choices:
            taken = {choice.artifact.file.filename}
            taken |= {wheel.file.filename for wheel in choice.runners_up}
            assert taken.isdisjoint(refused)
            labels = {wheel.name.label for wheel in choice.runners_up} | {choice.label}
            left = {
                wheel.name.label
                for wheel in case.release.wheels
                if wheel.file.filename not in refused
            }
            assert labels == left


class TestRankLabels:
    """What `explain` shows: ranks count from 0 among the labels whose properties fit."""

    def ranked(
        self,
        of: Release,
        known: VariantTable | None = GPU,
        *,
        fault: str | None = None,
        policy: SelectionPolicy | None = None,
    ) -> list[tuple[str, int | None, str | None, str | None]]:
        return [
            self.told(one)
            for one in rank_labels(
                of,
                table=known,
                fault=fault,
                answers=ANSWERS,
                policy=policy or SelectionPolicy(),
                tags=TAGS,
                python=PYTHON,
            )
        ]

    def told(self, one: LabelRank) -> tuple[str, int | None, str | None, str | None]:
        wheel = one.wheel.file.filename if one.wheel else None
        return one.label, one.rank, wheel, one.reason.sentence() if one.reason else None

    def test_those_that_fit_by_rank_then_the_others_by_name(self) -> None:
        of = release(*labelled("zz", "cu13", "cu12", "v3", "null", None))
        assert self.ranked(of) == [
            ("cu12", 0, "demo-1.0-py3-none-any-cu12.whl", None),
            ("v3", 1, "demo-1.0-py3-none-any-v3.whl", None),
            ("null", 2, "demo-1.0-py3-none-any-null.whl", None),
            ("cu13", None, None, "needs CUDA 13.0, the driver offers 12.4"),
            (
                "zz",
                None,
                None,
                "has no usable variant metadata: it does not list the label `zz`",
            ),
        ]

    def test_a_label_without_a_wheel_here_keeps_its_rank_and_says_why(self) -> None:
        of = release(
            "demo-1.0-cp312-cp312-win_amd64-cu12.whl",
            "demo-1.0-cp312-cp312-macosx_11_0_arm64-cu12.whl",
            "demo-1.0-cp39-cp39-linux_x86_64-v3.whl",
            "demo-1.0-cp39-cp39-win_amd64-v3.whl",
        )
        assert self.ranked(of) == [
            ("cu12", 0, None, "has wheels only for `macosx_11_0_arm64` and `win_amd64`"),
            ("v3", 1, None, "has wheels only for `cp39-cp39`"),
            ("null", 2, None, "has no wheel in this release"),
            ("cu13", None, None, "needs CUDA 13.0, the driver offers 12.4"),
        ]

    def test_the_properties_are_all_of_them_and_the_matched_those_supported(self) -> None:
        ranks = rank_labels(
            release(*labelled("cu12")),
            table=GPU,
            fault=None,
            answers=ANSWERS,
            policy=SelectionPolicy(),
            tags=TAGS,
            python=PYTHON,
        )
        assert ranks[0].properties == GPU.variants["cu12"]
        assert ranks[0].matched == properties(
            "nvidia :: cuda_version_lower_bound :: 12.0",
            "nvidia :: cuda_version_lower_bound :: 11.0",
        )

    def test_options_leave_ranks_and_take_wheels(self) -> None:
        of = release(*labelled("cu12", "v3", "null"))
        excluded = "is excluded by `--variant v3`"
        assert self.ranked(of, policy=SelectionPolicy(label="v3"))[:3] == [
            ("cu12", 0, None, excluded),
            ("v3", 1, "demo-1.0-py3-none-any-v3.whl", None),
            ("null", 2, None, excluded),
        ]
        assert self.ranked(of, policy=SelectionPolicy(variants=False))[0] == (
            "cu12",
            0,
            None,
            "is excluded by `--no-variants`",
        )

    def test_preferences_change_ranks(self) -> None:
        of = release(*labelled("cu12", "v3", "null"))
        ranks = self.ranked(of, policy=SelectionPolicy(prefer=(("x86_64",),)))
        assert [label for label, rank, _, _ in ranks if rank is not None] == ["v3", "cu12", "null"]

    def test_a_wheel_refused_for_its_python_says_so(self) -> None:
        of = release(a_file("demo-1.0-py3-none-any-v3.whl", requires_python=">=3.13"))
        assert self.ranked(of)[1] == (
            "v3",
            1,
            None,
            "needs Python >=3.13, the environment has 3.12.1",
        )

    def test_broken_metadata_leaves_null_alone(self) -> None:
        of = release(*labelled("v3", "null"))
        assert self.ranked(of, None, fault="it is no JSON") == [
            ("null", 0, "demo-1.0-py3-none-any-null.whl", None),
            ("v3", None, None, "has no usable variant metadata: it is no JSON"),
        ]

    @given(st.integers(0, 2**32).map(lambda seed: random_case(("ranks", seed))))
    def test_the_first_with_a_wheel_is_what_is_chosen(self, case: Case) -> None:
        answers: dict[str, NamespaceAnswer] = case.answers
        ranks = rank_labels(
            case.release,
            table=case.table,
            fault=None,
            answers=answers,
            policy=SelectionPolicy(),
            tags=TAGS,
            python=PYTHON,
        )
        assert [one.rank for one in ranks if one.rank is not None] == list(
            range(sum(one.rank is not None for one in ranks))
        )
        assert all((one.wheel is None) != (one.reason is None) for one in ranks)
        first = next((one.wheel for one in ranks if one.wheel is not None), None)
        choices, _ = chosen(case.release, case.table, answers=answers)
        labels = [choice.artifact for choice in choices if choice.label is not None]
        assert labels == ([first] if first is not None else [])
