"""A release of an index may not choose a file or a repository for the user."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.catalogs import make_target
from tests.support.memory_index import FILES, MemoryIndex
from vinstall.formats.requirement import parse_requirement
from vinstall.resolution.explain import ResolutionFailed
from vinstall.resolution.model import Request
from vinstall.resolution.options import ResolutionOptions
from vinstall.resolution.resolve import resolve

PLACE = f"{FILES}victim-1.0-py3-none-any.whl"


@pytest.fixture
def index() -> MemoryIndex:
    made = MemoryIndex()
    made.add_wheel("demo", "2.0", requires=[f"victim @ {PLACE}"])
    made.add_wheel("victim", "1.0")
    return made


def names(
    index: MemoryIndex,
    words: Sequence[str],
    constraints: Sequence[str] = (),
    options: ResolutionOptions | None = None,
) -> list[str]:
    target = make_target()
    found = resolve(
        [Request(requirement=parse_requirement(word)) for word in words],
        constraints=[Request(requirement=parse_requirement(word)) for word in constraints],
        catalog=index.catalog(target),
        target=target,
        options=options or ResolutionOptions(),
    )
    return [f"{pin.name} {pin.version}" for pin in found.pins]


def test_a_url_in_the_metadata_of_an_index_is_refused(index: MemoryIndex) -> None:
    with pytest.raises(ResolutionFailed) as caught:
        names(index, ["demo"])
    text = "\n".join((caught.value.message, *caught.value.context))
    assert f"asks for `victim` by a URL that you did not name, `{PLACE}`" in text


def test_another_release_that_does_without_is_taken(index: MemoryIndex) -> None:
    index.add_wheel("demo", "1.0")
    assert names(index, ["demo"]) == ["demo 1.0"]


@pytest.mark.parametrize("how", ["requirement", "constraint", "override"])
def test_a_url_that_the_user_names_too_is_followed(index: MemoryIndex, how: str) -> None:
    named = f"victim @ {PLACE}"
    words = ["demo", named] if how == "requirement" else ["demo"]
    constraints = [named] if how == "constraint" else []
    overrides = (parse_requirement(named),) if how == "override" else ()
    found = names(index, words, constraints, ResolutionOptions(overrides=overrides))
    assert found == ["demo 2.0", "victim 1.0"]


def test_what_the_user_named_by_its_place_may_name_places(index: MemoryIndex) -> None:
    place = f"{FILES}demo-2.0-py3-none-any.whl"
    assert names(index, [f"demo @ {place}"]) == ["demo 2.0", "victim 1.0"]
