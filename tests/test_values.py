"""Values against the dataclasses they stand for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.values import field, field_names, frozen, replace


@frozen
class Ours:
    """A value."""

    name: str
    parts: tuple[int, ...] = ()
    extra: Mapping[str, int] = field(default_factory=dict)
    note: str | None = field(default=None, compare=False, shown=False)
    kind: ClassVar[int] = 3

    @property
    def size(self) -> int:
        """Number of parts."""
        return len(self.parts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A dataclass."""

    name: str
    parts: tuple[int, ...] = ()
    extra: Mapping[str, int] = dataclasses.field(default_factory=dict)
    note: str | None = dataclasses.field(default=None, compare=False, repr=False)
    kind: ClassVar[int] = 3


@frozen(eq=False)
class Single:
    """Equal to itself only."""

    name: str


@frozen
class Nothing:
    """A value without fields."""


GIVEN = st.fixed_dictionaries(
    {"name": st.text(max_size=2)},
    optional={
        "parts": st.lists(st.integers(0, 2), max_size=2).map(tuple),
        "extra": st.dictionaries(st.sampled_from("ab"), st.integers(0, 1)),
        "note": st.none() | st.text(max_size=1),
    },
)


class TestLikeDataclasses:
    @given(GIVEN)
    def test_fields_and_repr(self, facts: dict[str, Any]) -> None:
        ours, theirs = Ours(**facts), Theirs(**facts)
        names = [one.name for one in dataclasses.fields(theirs)]
        assert list(field_names(ours) or ()) == names
        assert [getattr(ours, n) for n in names] == [getattr(theirs, n) for n in names]
        assert repr(ours).removeprefix("Ours") == repr(theirs).removeprefix("Theirs")

    @given(GIVEN, GIVEN)
    def test_equality_and_replace(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        assert (Ours(**one) == Ours(**other)) == (Theirs(**one) == Theirs(**other))
        ours, theirs = replace(Ours(**one), **other), dataclasses.replace(Theirs(**one), **other)
        assert repr(ours).removeprefix("Ours") == repr(theirs).removeprefix("Theirs")
        assert ours.note == theirs.note

    @given(st.text(max_size=2))
    def test_equal_values_have_one_hash(self, name: str) -> None:
        @frozen
        class Pair:
            name: str
            parts: tuple[int, ...] = ()

        assert hash(Pair(name=name)) == hash(Pair(name=name, parts=()))
        assert len({Pair(name=name), Pair(name=name), Pair(name=name, parts=(1,))}) == 2


class TestRefusals:
    @pytest.mark.parametrize(
        "given", [{}, {"name": "x", "more": 1}, {"more": 1}, {"name": "x", "kind": 1}]
    )
    def test_wrong_arguments(self, given: dict[str, Any]) -> None:
        with pytest.raises(TypeError, match="Ours"):
            Ours(**given)
        with pytest.raises(TypeError):
            Theirs(**given)

    def test_positions_are_not_taken(self) -> None:
        with pytest.raises(TypeError):
            Ours("x")  # type: ignore[call-arg]

    @pytest.mark.parametrize("name", ["name", "unknown", "kind"])
    def test_nothing_changes(self, name: str) -> None:
        one = Ours(name="x")
        with pytest.raises(AttributeError, match=name):
            setattr(one, name, "y")
        with pytest.raises(AttributeError, match=name):
            delattr(one, name)
        assert one == Ours(name="x")

    def test_other_classes_are_never_equal(self) -> None:
        others: list[object] = [Theirs(name="x"), Nothing(), ()]
        assert Ours(name="x") not in others
        assert Nothing() not in others[:1] + others[2:]


def test_defaults_are_made_anew() -> None:
    assert Ours(name="x").extra is not Ours(name="x").extra


def test_without_eq_each_is_its_own() -> None:
    one = Single(name="x")
    assert one != Single(name="x")
    assert len({one, Single(name="x"), one}) == 2


def test_properties_docstring_and_name_stay() -> None:
    assert Ours(name="x", parts=(1, 2)).size == 2
    assert (Ours.__doc__, Ours.__qualname__, Ours.kind) == ("A value.", "Ours", 3)
    assert not hasattr(Ours(name="x"), "__dict__")


def test_no_fields() -> None:
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())
    assert field_names(Nothing()) == ()
    assert field_names(3) is None
