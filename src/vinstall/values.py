"""Values: frozen, slotted, keyword-only classes that cost next to nothing to make.

To its users a value is a dataclass of that kind.  The difference is in the import: a dataclass
compiles half a dozen functions when its module is loaded, 0.45 ms each time, and a run loads
sixty of them.  These share functions that are compiled already, 0.02 ms a class.

A `Row` is the same for `NamedTuple`, which brings `typing`, `re` and `enum` along, 5 ms.  For that
reason this module imports nothing but parts of the interpreter.
"""

from __future__ import annotations

from _operator import attrgetter, itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn, TypeVar, dataclass_transform, overload
    from typing import NamedTuple as Row

    _C = TypeVar("_C", bound=type[Any])
    _V = TypeVar("_V")
else:
    try:
        from _collections import _tuplegetter as _item  # what `NamedTuple` has, too
    except ImportError:

        def _item(at, _):
            """A property that gives the item `at`."""
            return property(itemgetter(at))

    def dataclass_transform(**_options):
        """As in `typing`: for type checkers."""
        return lambda decorator: decorator

    _new = tuple.__new__
    # What makes a tuple of so many items; each class puts the names of its fields in.
    _MAKERS = (
        lambda _cls: _new(_cls, ()),
        lambda _cls, a: _new(_cls, (a,)),
        lambda _cls, a, b: _new(_cls, (a, b)),
        lambda _cls, a, b, c: _new(_cls, (a, b, c)),
        lambda _cls, a, b, c, d: _new(_cls, (a, b, c, d)),
        lambda _cls, a, b, c, d, e: _new(_cls, (a, b, c, d, e)),
        lambda _cls, a, b, c, d, e, f: _new(_cls, (a, b, c, d, e, f)),
        lambda _cls, a, b, c, d, e, f, g: _new(_cls, (a, b, c, d, e, f, g)),
        lambda _cls, a, b, c, d, e, f, g, h: _new(_cls, (a, b, c, d, e, f, g, h)),
        lambda _cls, a, b, c, d, e, f, g, h, i: _new(_cls, (a, b, c, d, e, f, g, h, i)),
        lambda _cls, a, b, c, d, e, f, g, h, i, j: _new(_cls, (a, b, c, d, e, f, g, h, i, j)),
        lambda _cls, a, b, c, d, e, f, g, h, i, j, k: _new(_cls, (a, b, c, d, e, f, g, h, i, j, k)),
    )

    def _maker(name, fields, defaults):
        """`__new__` of the class `name` with these fields, the last of which have `defaults`."""
        made = _MAKERS[len(fields)]
        code = made.__code__.replace(
            co_varnames=("_cls", *fields), co_name="__new__", co_qualname=f"{name}.__new__"
        )
        return type(made)(code, made.__globals__, "__new__", defaults)

    class _RowKind(type):
        """Makes the class of a tuple with names from annotated fields."""

        def __new__(kind, name, bases, content):
            names = tuple(content.get("__annotations__", ()))
            defaults = tuple([content.pop(one) for one in names if one in content])
            content |= {one: _item(at, None) for at, one in enumerate(names)}
            content |= {"__slots__": (), "__match_args__": names, "_fields": names}
            content["__new__"] = _maker(name, names, defaults)
            return super().__new__(kind, name, bases, content)

    class Row(tuple, metaclass=_RowKind):
        """A tuple with up to eleven names: `NamedTuple` to whoever uses it, and to type checkers."""

        _make = classmethod(tuple.__new__)

        def _replace(self, **changes):
            return type(self)(**(dict(zip(self._fields, self, strict=True)) | changes))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            shown = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({', '.join(shown)})"


__all__ = ("Row", "field", "field_names", "frozen", "replace")

_MISSING: Any = object()


class _Field(Row):
    """What is said of a field beyond its type."""

    default: Any = _MISSING
    default_factory: Callable[[], Any] | None = None
    compare: bool = True
    shown: bool = True


def field(
    *,
    default: Any = _MISSING,
    default_factory: Callable[[], Any] | None = None,
    compare: bool = True,
    shown: bool = True,
) -> Any:
    """A field with a default made anew for each value, or one that `==` does not compare or `repr` does not show."""
    return _Field(default, default_factory, compare, shown)


if TYPE_CHECKING:

    @overload
    def frozen(cls: _C, /) -> _C: ...
    @overload
    def frozen(*, eq: bool = True) -> Callable[[_C], _C]: ...


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(cls: Any = None, /, *, eq: bool = True) -> Any:
    """Make the class of a value of what has annotated fields; without `eq` each equals itself only.

    As `dataclass(frozen=True, slots=True, kw_only=True)` would, except that values of one class
    do not extend another, and are not pickled.
    """
    return _made(cls, eq=eq) if cls is not None else lambda one: _made(one, eq=eq)


def replace(old: _V, /, **changes: Any) -> _V:
    """A value or row like `old` with some fields changed."""
    names: tuple[str, ...] = field_names(old) or ()
    if isinstance(old, tuple):
        names = getattr(old, "_fields", ())
    given = {name: getattr(old, name) for name in names}
    return type(old)(**(given | changes))


def field_names(one: object) -> tuple[str, ...] | None:
    """The names of a value's fields, in order; None for what is not a value."""
    names: tuple[str, ...] | None = getattr(type(one), "__value_fields__", None)
    return names


def _made(cls: type, *, eq: bool) -> type:
    content = dict(cls.__dict__)
    names = tuple(n for n, kind in cls.__annotations__.items() if not _is_class_variable(kind))
    fields = {name: _as_field(content.pop(name, _MISSING)) for name in names}
    for name in ("__dict__", "__weakref__"):
        content.pop(name, None)
    compared = tuple(name for name, one in fields.items() if one.compare)
    content["__slots__"] = content["__value_fields__"] = names
    content["__match_args__"] = ()
    content["__setattr__"] = content["__delattr__"] = _refuse
    content.setdefault("__repr__", _repr_of([name for name, one in fields.items() if one.shown]))
    if eq and "__eq__" not in content:
        content["__eq__"], content["__hash__"] = _comparison(compared)
    new = type(cls)(cls.__name__, cls.__bases__, content)
    new.__init__ = _init_of(new, fields)  # type: ignore[misc]
    return new


def _is_class_variable(kind: object) -> bool:
    return str(kind).removeprefix("typing.").startswith("ClassVar")


def _as_field(given: Any) -> _Field:
    return given if isinstance(given, _Field) else _Field(given)


def _init_of(cls: type, fields: dict[str, _Field]) -> Callable[..., None]:
    # A slot's descriptor writes where `__setattr__` refuses to.
    puts = [(name, cls.__dict__[name].__set__) for name in fields]
    defaults = {n: one.default for n, one in fields.items() if one.default is not _MISSING}
    factories = [(n, one.default_factory) for n, one in fields.items() if one.default_factory]
    count = len(fields)

    def fill(self: Any, /, **given: Any) -> None:
        """Give each field its value.  Raises TypeError for one that is missing or unknown."""
        if len(given) != count:
            given = {**defaults, **given}
            for name, make in factories:
                if name not in given:
                    given[name] = make()
        try:
            for name, put in puts:
                put(self, given[name])
        except KeyError:
            raise TypeError(_misfit(cls, fields, given)) from None
        if len(given) != count:
            raise TypeError(_misfit(cls, fields, given))

    return fill


def _misfit(cls: type, fields: Iterable[str], given: Iterable[str]) -> str:
    missing = [name for name in fields if name not in set(given)]
    unknown = [name for name in given if name not in set(fields)]
    return f"{cls.__qualname__}: missing {missing}, unknown {unknown}"


def _comparison(names: tuple[str, ...]) -> tuple[Callable[..., Any], Callable[..., int]]:
    key: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or key(self) == key(other)

    def digest(self: Any) -> int:
        return hash(key(self))

    return equal, digest


def _repr_of(names: list[str]) -> Callable[[Any], str]:
    def show(self: Any) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return show


def _refuse(self: object, name: str, _value: object = None) -> NoReturn:
    raise AttributeError(f"`{name}` of a {type(self).__qualname__} cannot be changed")
