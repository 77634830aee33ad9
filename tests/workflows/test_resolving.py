"""What resolving works with."""

from __future__ import annotations

from vinstall.workflows.resolving import Question


class Closing:
    """A catalog that notes its end."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class TestRest:
    def test_the_catalog_reads_nothing_ahead_any_more(self) -> None:
        question, catalog = object.__new__(Question), Closing()
        question.__dict__["catalog"] = catalog
        question.rest()
        assert catalog.closed == 1

    def test_none_is_made_for_that(self) -> None:
        question = object.__new__(Question)
        question.rest()
        assert question.__dict__ == {}
