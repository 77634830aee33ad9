"""How well tags fit."""

from __future__ import annotations

import pytest

from vinstall.selection.tags import TagFilter, best_rank


class TestBestRank:
    def test_the_best_of_several_tags_counts(self) -> None:
        target = {"cp312-cp312-any": 0, "py3-none-any": 7}
        assert best_rank(("py2-none-any", "py3-none-any", "cp312-cp312-any"), target) == 0

    def test_no_common_tag_is_no_rank(self) -> None:
        assert best_rank(("py2-none-any",), {"py3-none-any": 0}) is None

    def test_the_lowest_rank_is_a_rank(self) -> None:
        assert best_rank(("py3-none-any",), {"py3-none-any": 0}) == 0


class TestTagFilter:
    @pytest.mark.parametrize(
        ("filename", "expected"),
        [
            ("demo-1.0-py3-none-any.whl", True),
            ("demo-1.0-py2.py3-none-any.whl", True),
            ("demo-1.0-1-py3-none-any.whl", True),
            ("demo-1.0-py3-none-any-cu13.whl", True),
            ("demo-1.0-py2-none-any.whl", False),
            ("demo-1.0-py3-none-win_amd64.whl", False),
            ("demo-1.0-py3-none-any-CU13.whl", False),
            ("demo-1.0.whl", False),
        ],
    )
    def test_only_what_certainly_does_not_fit_is_held_back(
        self, filename: str, expected: bool
    ) -> None:
        tags = TagFilter({"py3-none-any": 0})
        assert tags.may_admit(filename) is expected
        assert tags.may_admit(filename.replace("1.0", "2.0")) is expected
