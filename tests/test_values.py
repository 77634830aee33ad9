"""Values against the dataclasses they stand for."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.values import Row, field, field_names, frozen, replace


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


class OurRow(Row):
    """A tuple with names."""

    name: str
    size: int = 0

    @property
    def twice(self) -> int:
        """Twice the size."""
        return 2 * self.size


class TheirRow(NamedTuple):
    """A named tuple."""

    name: str
    size: int = 0


class TestRows:
    """Rows against the named tuples they stand for."""

    @pytest.mark.parametrize(
        ("given", "named"), [(("a", 1), {}), (("a",), {}), ((), {"size": 2, "name": "b"})]
    )
    def test_they_are_made_alike(self, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        ours, theirs = OurRow(*given, **named), TheirRow(*given, **named)
        assert ours == tuple(theirs)
        assert repr(ours) == repr(theirs).replace("Their", "Our")
        assert (ours.name, ours.size, ours.twice) == (theirs.name, theirs.size, 2 * theirs.size)
        assert OurRow._fields == TheirRow._fields
        assert OurRow.__match_args__ == TheirRow.__match_args__

    @pytest.mark.parametrize(
        ("given", "named"),
        [((), {}), (("a", 1, 2), {}), (("a",), {"other": 1}), ((), {"size": 1})],
    )
    def test_wrong_arguments(self, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        for kind in (OurRow, TheirRow):
            with pytest.raises(TypeError):
                kind(*given, **named)

    def test_who_makes_one_wrongly_reads_what_is_missing(self) -> None:
        wrong: Any = OurRow
        with pytest.raises(
            TypeError,
            match=r"^OurRow\.__new__\(\) missing 1 required positional argument: 'name'$",
        ):
            wrong(size=1)

    def test_eleven_fields_keep_their_order(self) -> None:
        names = [f"field_{at}" for at in range(11)]
        make: Any = type(OurRow)
        kind = make("Wide", (Row,), {"__annotations__": dict.fromkeys(names, "int")})
        one = kind(**dict(zip(reversed(names), range(11), strict=True)))
        assert one == (10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
        assert (one.field_0, one.field_10) == (10, 0)

    def test_they_are_replaced_and_copied(self) -> None:
        one = OurRow("a", 1)
        assert one._replace(size=2) == replace(one, size=2) == OurRow("a", 2)
        assert repr(OurRow._make(["a", 1])) == repr(one)
        assert type(copy.copy(one)) is OurRow
        assert copy.deepcopy(one) == one
        assert not hasattr(one, "__dict__")


def test_the_module_imports_nothing_but_parts_of_the_interpreter() -> None:
    code = (
        "import sys; before = set(sys.modules); import vinstall.values;"
        "print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = {"__future__", "_collections", "_operator", "vinstall", "vinstall.values"}
    assert set(ran.stdout.split()) <= own
