"""How well tags fit."""

from __future__ import annotations

from vinstall.selection.tags import best_rank


class TestBestRank:
    def test_the_best_of_several_tags_counts(self) -> None:
        target = {"cp312-cp312-any": 0, "py3-none-any": 7}
        assert best_rank(("py2-none-any", "py3-none-any", "cp312-cp312-any"), target) == 0

    def test_no_common_tag_is_no_rank(self) -> None:
        assert best_rank(("py2-none-any",), {"py3-none-any": 0}) is None

    def test_the_lowest_rank_is_a_rank(self) -> None:
        assert best_rank(("py3-none-any",), {"py3-none-any": 0}) == 0
