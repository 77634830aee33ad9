"""Tags, Python, hashes and options: what is left before variants are looked at."""

from __future__ import annotations

import pytest
from packaging.version import Version

from tests.selection.builders import PYTHON, SHA, TAGS, a_file, labelled, release, spoken
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Release
from vinstall.selection.usable import usable_sdist, usable_wheels

OTHER = "b" * 64
HASHED = SelectionPolicy(require_hashes=True, hashes=frozenset({("sha256", SHA)}))


def usable(
    of: Release, policy: SelectionPolicy | None = None, python: Version = PYTHON
) -> tuple[list[str], tuple[Rejection, ...]]:
    found, refused = usable_wheels(of, tags=TAGS, python=python, policy=policy or SelectionPolicy())
    return [one.wheel.file.filename for one in found], refused


class TestOrder:
    def test_better_tags_come_first_then_higher_builds_then_page_order(self) -> None:
        names = [
            "demo-1.0-1-py3-none-any.whl",
            "demo-1.0-10-py3-none-any.whl",
            "demo-1.0-10-py2.py3-none-any.whl",
            "demo-1.0-2b-py3-none-any.whl",
            "demo-1.0-2-py3-none-any.whl",
            "demo-1.0-py3-none-any.whl",
            "demo-1.0-cp312-cp312-linux_x86_64.whl",
        ]
        assert usable(release(*names)) == (
            [
                "demo-1.0-cp312-cp312-linux_x86_64.whl",
                "demo-1.0-10-py3-none-any.whl",
                "demo-1.0-10-py2.py3-none-any.whl",
                "demo-1.0-2b-py3-none-any.whl",
                "demo-1.0-2-py3-none-any.whl",
                "demo-1.0-1-py3-none-any.whl",
                "demo-1.0-py3-none-any.whl",
            ],
            (),
        )


class TestTagsFirst:
    """Contract: "a label whose wheels all fail on tags is not a choice"."""

    def test_a_wheel_for_elsewhere_is_refused_with_its_tags(self) -> None:
        found, refused = usable(
            release(*labelled("cu13", tag="cp312-cp312-win_amd64"), *labelled("null"))
        )
        assert found == ["demo-1.0-py3-none-any-null.whl"]
        assert spoken(refused) == [
            "demo-1.0-cp312-cp312-win_amd64-cu13.whl is made for `cp312-cp312-win_amd64`"
        ]
        assert refused[0].label == "cu13"


class TestRequiresPython:
    @pytest.mark.parametrize("required", [">=3.8", ">=3.12.1,<4", None, "", "not a specifier"])
    def test_what_admits_the_python_or_says_nothing_is_usable(self, required: str | None) -> None:
        found, _ = usable(release(a_file("demo-1.0-py3-none-any.whl", requires_python=required)))
        assert found == ["demo-1.0-py3-none-any.whl"]

    def test_what_excludes_it_is_refused(self) -> None:
        found, refused = usable(
            release(a_file("demo-1.0-py3-none-any.whl", requires_python=">=3.13"))
        )
        assert found == []
        assert spoken(refused) == [
            "demo-1.0-py3-none-any.whl needs Python >=3.13, the environment has 3.12.1"
        ]

    def test_a_python_that_is_a_pre_release_counts_as_its_version(self) -> None:
        file = a_file("demo-1.0-py3-none-any.whl", requires_python=">=3.12")
        found, _ = usable(release(file), python=Version("3.13.0rc1"))
        assert found == ["demo-1.0-py3-none-any.whl"]


class TestHashes:
    """Contract: "Where hashes are required, a wheel with a listed hash outranks one without"."""

    def test_a_listed_hash_outranks_better_tags(self) -> None:
        listed = a_file("demo-1.0-py3-none-any.whl", hashes=(("sha256", SHA),))
        found, refused = usable(release("demo-1.0-cp312-cp312-linux_x86_64.whl", listed), HASHED)
        assert found == ["demo-1.0-py3-none-any.whl", "demo-1.0-cp312-cp312-linux_x86_64.whl"]
        assert refused == ()

    def test_without_the_requirement_tags_decide(self) -> None:
        listed = a_file("demo-1.0-py3-none-any.whl", hashes=(("sha256", SHA),))
        found, _ = usable(release("demo-1.0-cp312-cp312-linux_x86_64.whl", listed))
        assert found[0] == "demo-1.0-cp312-cp312-linux_x86_64.whl"

    def test_required_without_a_list_any_listed_hash_counts(self) -> None:
        listed = a_file("demo-1.0-py3-none-any.whl", hashes=(("md5", "0" * 32),))
        found, _ = usable(
            release("demo-1.0-cp312-cp312-linux_x86_64.whl", listed),
            SelectionPolicy(require_hashes=True),
        )
        assert found == ["demo-1.0-py3-none-any.whl", "demo-1.0-cp312-cp312-linux_x86_64.whl"]

    def test_a_listed_hash_that_is_not_allowed_is_refused(self) -> None:
        other = a_file("demo-1.0-py3-none-any.whl", hashes=(("sha512", SHA), ("sha256", OTHER)))
        found, refused = usable(release(other), HASHED)
        assert found == []
        assert spoken(refused) == [
            f"demo-1.0-py3-none-any.whl has the hash `sha256:{OTHER}`, which is not among those required"
        ]

    def test_a_hash_of_another_algorithm_says_nothing(self) -> None:
        incomparable = a_file("demo-1.0-py3-none-any.whl", hashes=(("sha512", OTHER),))
        assert usable(release(incomparable), HASHED) == (["demo-1.0-py3-none-any.whl"], ())


class TestOptions:
    def test_no_binary_refuses_every_wheel(self) -> None:
        found, refused = usable(release(*labelled(None, "null")), SelectionPolicy(wheels=False))
        assert found == []
        assert {one.reason.sentence() for one in refused} == {"is excluded by `--no-binary`"}

    def test_no_variants_refuses_labelled_wheels_null_too(self) -> None:
        found, refused = usable(
            release(*labelled(None, "null", "cu13")), SelectionPolicy(variants=False)
        )
        assert found == ["demo-1.0-py3-none-any.whl"]
        assert spoken(refused) == [
            "demo-1.0-py3-none-any-null.whl is excluded by `--no-variants`",
            "demo-1.0-py3-none-any-cu13.whl is excluded by `--no-variants`",
        ]


class TestYanked:
    """PEP 592: a yanked file is only for those who have no other way."""

    def test_a_yanked_wheel_gives_way_to_another(self) -> None:
        yanked = a_file("demo-1.0-cp312-cp312-linux_x86_64.whl", yanked="segfaults")
        found, refused = usable(release(yanked, "demo-1.0-py3-none-any.whl"))
        assert found == ["demo-1.0-py3-none-any.whl"]
        assert spoken(refused) == ["demo-1.0-cp312-cp312-linux_x86_64.whl was yanked: segfaults"]

    def test_and_to_a_source_distribution_that_may_be_built(self) -> None:
        of = release(a_file("demo-1.0-py3-none-any.whl", yanked=""), "demo-1.0.tar.gz")
        found, refused = usable(of)
        assert (found, spoken(refused)) == ([], ["demo-1.0-py3-none-any.whl was yanked"])
        assert usable(of, SelectionPolicy(sdists=False))[0] == ["demo-1.0-py3-none-any.whl"]

    def test_where_all_is_yanked_it_is_still_there(self) -> None:
        found, refused = usable(
            release(
                a_file("demo-1.0-py3-none-any.whl", yanked=""),
                a_file("demo-1.0.tar.gz", yanked=""),
            )
        )
        assert (found, refused) == (["demo-1.0-py3-none-any.whl"], ())


class TestSourceDistributions:
    def test_the_modern_archive_not_yanked_and_hashed_is_preferred(self) -> None:
        tarball = a_file("demo-1.0.tar.gz", hashes=(("sha256", SHA),))
        archive = a_file("demo-1.0.zip", hashes=(("sha256", SHA),))
        yanked = a_file("demo-1.0.0.tar.gz", yanked="", hashes=(("sha256", SHA),))
        unhashed = a_file("demo-1.0-0.tar.gz")
        best, refused = usable_sdist(
            release(archive, yanked, tarball, unhashed), python=PYTHON, policy=HASHED
        )
        assert best is not None
        assert best.file == tarball
        assert refused == ()

    def test_of_equals_the_last_listed_is_taken(self) -> None:
        files = ["demo-1.0.tar.gz", "demo-1.0.0.tar.gz"]
        best, _ = usable_sdist(release(*files), python=PYTHON, policy=SelectionPolicy())
        assert best is not None
        assert best.file.filename == "demo-1.0.0.tar.gz"

    def test_only_binary_refuses_them(self) -> None:
        best, refused = usable_sdist(
            release("demo-1.0.tar.gz"), python=PYTHON, policy=SelectionPolicy(sdists=False)
        )
        assert best is None
        assert spoken(refused) == ["demo-1.0.tar.gz is excluded by `--only-binary`"]

    def test_their_python_and_hashes_are_looked_at(self) -> None:
        newer = a_file("demo-1.0.zip", requires_python=">=3.13")
        other = a_file("demo-1.0.tar.gz", hashes=(("sha256", OTHER),))
        best, refused = usable_sdist(release(newer, other), python=PYTHON, policy=HASHED)
        assert best is None
        assert [one.reason.sentence() for one in refused] == [
            "needs Python >=3.13, the environment has 3.12.1",
            f"has the hash `sha256:{OTHER}`, which is not among those required",
        ]
