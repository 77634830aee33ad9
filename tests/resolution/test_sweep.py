"""The first search: what it costs, and when it gives up."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from tests.support.catalogs import Fake, FakeCatalog, make_target
from vinstall.formats.requirement import parse_requirement
from vinstall.resolution import search
from vinstall.resolution.candidate import Candidate
from vinstall.resolution.model import Request
from vinstall.resolution.resolve import resolve
from vinstall.resolution.shortlist import Shortlist


def projects(count: int) -> dict[str, dict[str, Fake]]:
    """A chain with short cuts: every project needs the next ones, and each is needed by several."""
    return {
        f"p{at}": {
            f"{version}.0": Fake(
                requires=[
                    f"p{other}>={other % 3}" for other in range(at + 1, at + 5) if other < count
                ]
            )
            for version in range(5)
        }
        for at in range(count)
    }


def questions(count: int) -> int:
    """How often the candidates of a project are looked for in a resolution of `count` projects."""
    asked = 0
    find = Shortlist.find

    def counting(self: Shortlist, *arguments: object) -> Iterator[Candidate]:
        nonlocal asked
        asked += 1
        return find(self, *arguments)  # type: ignore[arg-type]

    with (
        patch.object(Shortlist, "find", counting),
        patch.object(search, "_search_back_and_forth", lambda problem: pytest.fail("gave up")),
    ):
        resolution = resolve(
            [Request(requirement=parse_requirement("p0"))],
            catalog=FakeCatalog(projects(count)),
            target=make_target(),
        )
    assert len(resolution.pins) == count
    return asked


def test_the_cost_grows_with_the_number_of_requirements() -> None:
    """Ten times the projects, ten times the questions; resolvelib looks at all in every round."""
    assert questions(20) <= 5 * 20
    assert questions(200) <= 5 * 200


def test_what_runs_in_circles_is_left_to_the_next_search() -> None:
    tables = {
        "a": {"2": Fake(requires=["b==1"]), "1": Fake(requires=["b==2"])},
        "b": {"2": Fake(requires=["a==2"]), "1": Fake(requires=["a==1"])},
    }
    with (
        patch.object(search, "_search_back_and_forth", side_effect=RuntimeError("asked")),
        pytest.raises(RuntimeError, match="asked"),
    ):
        resolve(
            [Request(requirement=parse_requirement("a"))],
            catalog=FakeCatalog(tables),
            target=make_target(),
        )
