"""Environment markers with the four variant fields.  Spec: PEP 508, PEP 825 "Environment markers".

`and`, `or`, brackets and the set fields are parsed and evaluated here (the three of PEP 825, and
`extras` and `dependency_groups` of PEP 751), and so are the comparisons that nearly all markers
consist of: is a field this text, is Python newer than that.  Every other one is lent to
`packaging.markers`, which takes 7 ms to load.  A comparison depends on one field only, so its
answer is remembered by that field's value: evaluating the markers of a large resolution costs
dictionary look-ups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError
from vinstall.pattern import pattern
from vinstall.values import Row, field, frozen

if TYPE_CHECKING:
    from packaging.markers import Marker as PackagingMarker

    from vinstall.formats.variant_json import Property

_TOKEN = pattern(
    r"""[ \t]*(?:
        (?P<string>'[^']*'|"[^"]*")
      | (?P<operator>===|==|~=|!=|<=|>=|<|>|in\b|not[ \t]+in\b)
      | (?P<word>and\b|or\b|[()])
      | (?P<field>[a-z]\w*(?:\.\w+)*)
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII,
)
_STRING_FIELDS = {
    **{
        name: name
        for name in (
            "implementation_name",
            "implementation_version",
            "os_name",
            "platform_machine",
            "platform_python_implementation",
            "platform_release",
            "platform_system",
            "platform_version",
            "python_full_version",
            "python_version",
            "sys_platform",
            "extra",
            "variant_label",
        )
    },
    # Spellings older than PEP 508 that installers still take.
    "os.name": "os_name",
    "sys.platform": "sys_platform",
    "platform.version": "platform_version",
    "platform.machine": "platform_machine",
    "platform.python_implementation": "platform_python_implementation",
    "python_implementation": "platform_python_implementation",
}
_VARIANT_SETS = {"variant_properties": 3, "variant_features": 2, "variant_namespaces": 1}
"""Field to the number of parts its members have."""
_NAME_SETS = frozenset({"extras", "dependency_groups"})
_LABEL_STAND_IN = "sys_platform"
_VERSIONS = frozenset({"python_full_version", "python_version"})
_PERHAPS_VERSIONS = frozenset({"implementation_version", "platform_release"})
"""Compared as versions where they look like some."""
_MAX_DEPTH = 64
_PLAIN = 500
"""Characters within which no number of a version is too long for `int`."""


@frozen
class MarkerContext:
    """Everything a marker can ask about."""

    environment: Mapping[str, str]
    """The target's marker environment (`python_version`, `sys_platform`, ...), without `extra`."""
    extras: frozenset[NormalizedName] = frozenset()
    """The extras of the distribution whose dependencies are read that were asked for."""
    label: str = ""
    """Label of the selected wheel; empty for a non-variant wheel (PEP 825)."""
    properties: frozenset[Property] = field(default=frozenset())
    """The selected wheel's properties, narrowed to those the target supports."""
    dependency_groups: frozenset[NormalizedName] = field(default=frozenset())
    """The dependency groups asked for; lock files only (PEP 751)."""


@frozen
class Marker:
    """A parsed marker."""

    text: str
    """As written, white space at the ends removed."""

    def evaluate(self, context: MarkerContext) -> bool:
        """Whether the marker holds.  `extra` is true for any one of `context.extras` or for none.

        Raises FormatError for a comparison that has no meaning, such as `os_name ~= "x"`.
        """
        root, asks_extra = _parsed(self.text)
        if not asks_extra:
            return root.holds(context, "")
        return any(root.holds(context, extra) for extra in ("", *context.extras))

    @property
    def extra(self) -> str | None:
        """An extra without which the marker does not hold; None where that is not plain to see.

        Of a marker whose evaluation may raise it is None.
        """
        root, asks_extra = _parsed(self.text)
        parts = root.parts if isinstance(root, _All) else (root,)
        if not asks_extra or len(self.text) > _PLAIN or not all(map(_is_plain, parts)):
            return None
        wanted = (p.text for p in parts if isinstance(p, _Equal) and p.name == "extra" and p.wanted)
        return next(wanted, None) or None

    @property
    def asks_environment_alone(self) -> bool:
        """Whether it asks about nothing but the target: no extra, no group, no variant."""
        return not (_parsed(self.text)[1] or self.asks_for_variants)

    @property
    def asks_for_variants(self) -> bool:
        """Whether it asks which variant was chosen, or for a group: which differ in one target."""
        return not _asks_target(_parsed(self.text)[0])


def _asks_target(node: _Node) -> bool:
    if isinstance(node, _All | _Any):
        return all(map(_asks_target, node.parts))
    return (
        isinstance(node, _Equal | _Contained | _Version | _Other) and node.name != "variant_label"
    )


def _is_plain(node: _Node) -> bool:
    """Whether it is a comparison that has a meaning whatever the target."""
    return isinstance(node, _Equal | _Contained | _Version)


def parse_marker(text: str) -> Marker:
    """`text` as a marker.  Raises FormatError."""
    text = text.strip(" \t")
    _parsed(text)
    return Marker(text=text)


class _Node(Protocol):
    def holds(self, context: MarkerContext, extra: str) -> bool: ...


class _All(Row):
    parts: tuple[_Node, ...]

    def holds(self, context: MarkerContext, extra: str) -> bool:
        return all(part.holds(context, extra) for part in self.parts)


class _Any(Row):
    parts: tuple[_Node, ...]

    def holds(self, context: MarkerContext, extra: str) -> bool:
        return any(part.holds(context, extra) for part in self.parts)


class _Equal(Row):
    """`FIELD == "text"`, `"text" != FIELD`."""

    name: str
    text: str
    wanted: bool

    def holds(self, context: MarkerContext, extra: str) -> bool:
        return self.wanted is (_value(self.name, context, extra) == self.text)


class _Contained(Row):
    """`FIELD in "text"`, `FIELD not in "text"`."""

    name: str
    text: str
    wanted: bool

    def holds(self, context: MarkerContext, extra: str) -> bool:
        return self.wanted is (_value(self.name, context, extra) in self.text)


class _Version(Row):
    """`python_version >= "3.8"` and its kin."""

    name: str
    specifier: str

    def holds(self, context: MarkerContext, extra: str) -> bool:
        return _is_version(self.name, _value(self.name, context, extra), self.specifier)


class _Other(Row):
    """Any other comparison with a field that is a string."""

    name: str
    text: str

    def holds(self, context: MarkerContext, extra: str) -> bool:
        return _comparison_holds(self.text, self.name, _value(self.name, context, extra))


def _value(name: str, context: MarkerContext, extra: str) -> str:
    """Of a field that is a string."""
    if name == "extra":
        return extra
    if name == "variant_label":
        return context.label
    return context.environment.get(name, "")


class _VariantMember(Row):
    """`"…" in variant_properties` and its kin; white space around `::` is ignored (PEP 825)."""

    parts: tuple[str, ...]
    size: int
    wanted: bool

    def holds(self, context: MarkerContext, extra: str) -> bool:  # noqa: ARG002
        size, parts = self.size, self.parts
        return self.wanted is any(prop[:size] == parts for prop in context.properties)


class _NameMember(Row):
    """`"…" in extras` or `"…" in dependency_groups` (PEP 751)."""

    name: NormalizedName
    field: str
    wanted: bool

    def holds(self, context: MarkerContext, extra: str) -> bool:  # noqa: ARG002
        asked = context.extras if self.field == "extras" else context.dependency_groups
        return self.wanted is (self.name in asked)


class _Operand(Row):
    text: str
    is_field: bool


class _Parser:
    """One marker; PEP 508's grammar by recursive descent."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asks_extra = False
        self.start = self.position = 0
        self.depth = 0
        self.advance()

    def advance(self) -> None:
        self.start = self.position
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            raise self.fault("something else")
        self.kind = match.lastgroup or ""
        self.lexeme = match[self.kind]
        self.start = match.start(self.kind)
        self.position = match.end()

    def fault(self, expected: str) -> FormatError:
        rest = self.text[self.start :].strip()
        place = f"at `{rest}`" if rest else "at its end"
        return FormatError(
            f"`{self.text}` is no environment marker", context=(f"expected {expected} {place}",)
        )

    def whole(self) -> _Node:
        root = self.any_of()
        if self.kind != "end":
            raise self.fault("`and` or `or`")
        return root

    def any_of(self) -> _Node:
        parts = [self.all_of()]
        while self.lexeme == "or":
            self.advance()
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else _Any(tuple(parts))

    def all_of(self) -> _Node:
        parts = [self.atom()]
        while self.lexeme == "and":
            self.advance()
            parts.append(self.atom())
        return parts[0] if len(parts) == 1 else _All(tuple(parts))

    def atom(self) -> _Node:
        """A comparison, or a marker in brackets.  Raises FormatError."""
        if self.lexeme != "(":
            return self.comparison()
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.fault(f"at most {_MAX_DEPTH} brackets inside each other")
        self.advance()
        inner = self.any_of()
        if self.lexeme != ")":
            raise self.fault("a closing bracket")
        self.advance()
        self.depth -= 1
        return inner

    def comparison(self) -> _Node:
        left = self.operand()
        if self.kind != "operator":
            raise self.fault("an operator")
        operator = "not in" if self.lexeme.startswith("not") else self.lexeme
        self.advance()
        return self.comparison_of(left, operator, self.operand())

    def operand(self) -> _Operand:
        if self.kind not in ("string", "field"):
            raise self.fault("a field or a quoted string")
        found = _Operand(self.lexeme, self.kind == "field")
        if found.is_field:
            name = _STRING_FIELDS.get(found.text, found.text)
            if name not in _STRING_FIELDS and name not in _VARIANT_SETS and name not in _NAME_SETS:
                raise self.fault("a field that exists")
            found = _Operand(name, is_field=True)
        self.advance()
        return found

    def comparison_of(self, left: _Operand, operator: str, right: _Operand) -> _Node:
        """What the comparison comes to: a set that has a value or not, or an ordinary marker."""
        sets = _NAME_SETS | _VARIANT_SETS.keys()
        for operand in (left, right):
            if operand.is_field and operand.text in sets:
                if operand is left or left.is_field or operator not in ("in", "not in"):
                    raise FormatError(
                        f"`{self.text}` is no environment marker",
                        context=(f"`{operand.text}` is a set",),
                        hint=f'write `"..." in {operand.text}` or `"..." not in {operand.text}`',
                    )
                return _member(left.text[1:-1], operator == "in", operand.text)
        if not left.is_field and not right.is_field:
            raise FormatError(
                f"`{self.text}` is no environment marker",
                context=(f"`{left.text} {operator} {right.text}` asks about no field",),
            )
        name = left.text if left.is_field else right.text
        self.asks_extra |= name == "extra"
        return _own(left, operator, right) or _lend(left, operator, right)


def _own(left: _Operand, operator: str, right: _Operand) -> _Node | None:
    """The comparison of a field with a plain text, if it is one whose meaning is beyond doubt."""
    if left.is_field and right.is_field:
        return None
    name, quoted = (left.text, right.text) if left.is_field else (right.text, left.text)
    text = quoted[1:-1]
    if "\\" in text or not text.isprintable():
        return None
    if name in _VERSIONS:
        specifier = operator + text
        return (
            _Version(name, specifier)
            if left.is_field and _specifier(specifier) is not None
            else None
        )
    if operator in ("==", "!=") and name not in _PERHAPS_VERSIONS:
        text = canonicalize_name(text) if name == "extra" else text
        return _Equal(name, text, operator == "==")
    if operator in ("in", "not in") and left.is_field and name != "extra":
        return _Contained(name, text, operator == "in")
    return None


def _lend(left: _Operand, operator: str, right: _Operand) -> _Other:
    """Raises FormatError where `packaging` does not understand it.

    It does not know `variant_label`, which is compared like any other plain string.
    """
    sides = [
        _LABEL_STAND_IN if side == _Operand("variant_label", True) else side.text
        for side in (left, right)
    ]
    text = f"{sides[0]} {operator} {sides[1]}"
    _lent(text)
    return _Other(left.text if left.is_field else right.text, text)


def _member(text: str, wanted: bool, name: str) -> _Node:
    if name in _VARIANT_SETS:
        parts = tuple(part.strip() for part in text.split("::"))
        return _VariantMember(parts, _VARIANT_SETS[name], wanted)
    return _NameMember(canonicalize_name(text), name, wanted)


@lru_cache(maxsize=8192)
def _parsed(text: str) -> tuple[_Node, bool]:
    """The marker in `text`, and whether it asks about `extra`."""
    parser = _Parser(text)
    return parser.whole(), parser.asks_extra


@lru_cache(maxsize=4096)
def _lent(text: str) -> PackagingMarker:
    from packaging.markers import InvalidMarker
    from packaging.markers import Marker as PackagingMarker

    try:
        return PackagingMarker(text)
    except InvalidMarker as error:
        raise FormatError(f"`{text}` is no environment marker") from error


@lru_cache(maxsize=8192)
def _comparison_holds(text: str, name: str, value: str) -> bool:
    """Whether the comparison in `text` holds where its field has `value`."""
    key = _LABEL_STAND_IN if name == "variant_label" else name
    try:
        return _lent(text).evaluate({key: value})
    except ValueError as error:
        raise FormatError(f"`{text}` has no meaning where `{name}` is `{value}`") from error


@lru_cache(maxsize=1024)
def _specifier(text: str) -> Specifier | None:
    try:
        return Specifier(text)
    except InvalidSpecifier:
        return None


@lru_cache(maxsize=1024)
def _is_version(name: str, value: str, text: str) -> bool:
    """Whether the version in `name` is one that the specifier `text` names."""
    specifier = _specifier(text)
    assert specifier is not None
    # What a Python built from a checkout says of itself is no version: `3.13.0a1+`.
    version = value + "local" * value.endswith("+")
    try:
        return specifier.contains(version, prereleases=True)
    except ValueError as error:  # a number that is too long for `int`
        raise FormatError(f"`{name} {text}` has no meaning where `{name}` is `{value}`") from error
