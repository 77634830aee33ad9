"""Markers: an evaluator of its own, judged by another one."""

from __future__ import annotations

import ast
import operator
import random
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker as PackagingMarker
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.formats.strategies import SCALE, marker_texts
from vinstall.errors import FormatError
from vinstall.formats.marker import Marker, MarkerContext, parse_marker
from vinstall.formats.variant_json import Property

ENVIRONMENT = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.7",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.18",
    "platform_system": "Linux",
    "platform_version": "#1 SMP",
    "python_full_version": "3.11.7",
    "python_version": "3.11",
    "sys_platform": "linux",
}
CUDA12 = Property("nvidia", "cuda_version_lower_bound", "12.0")
SM90 = Property("nvidia", "sm_arch", "90_real")


def context(
    *properties: Property,
    label: str = "",
    extras: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
) -> MarkerContext:
    return MarkerContext(
        environment=ENVIRONMENT,
        label=label,
        properties=frozenset(properties),
        extras=names(*extras),
        dependency_groups=names(*groups),
    )


def names(*found: str) -> frozenset[NormalizedName]:
    return frozenset(canonicalize_name(name) for name in found)


def holds(text: str, found: MarkerContext | None = None) -> bool:
    return parse_marker(text).evaluate(found or context())


class TestVariantFields:
    """PEP 825 "Environment markers": one string and three sets."""

    # The PEP's examples, on the wheel they belong to.
    V3 = context(
        Property("x86_64", "level", "v3"),
        Property("blas_lapack", "library", "openblas"),
        label="x86_64_v3_openblas",
    )

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("variant_label == 'x86_64_v3_openblas'", True),
            ("'x86_64_v3_openblas' == variant_label", True),
            ("variant_label != 'null'", True),
            ("'openblas' in variant_label", True),
            ("variant_label in 'null other'", False),
            ("'x86_64 :: level :: v3' in variant_properties", True),
            ("'x86_64::level::v3' in variant_properties", True),
            ("' x86_64  ::\tlevel:: v3 ' in variant_properties", True),
            ("'x86_64 :: level :: v4' in variant_properties", False),
            ("'x86_64 :: level :: v4' not in variant_properties", True),
            ("'x86_64 :: level' in variant_features", True),
            ("'x86_64::level' not in variant_features", False),
            ("'x86_64 :: level :: v3' in variant_features", False),
            ("'x86_64 :: level' in variant_properties", False),
            ("'blas_lapack' in variant_namespaces", True),
            ("'blas' in variant_namespaces", False),
            ("'nvidia' not in variant_namespaces", True),
        ],
    )
    def test_of_a_variant_wheel(self, text: str, expected: bool) -> None:
        assert holds(text, self.V3) is expected

    @pytest.mark.parametrize("label", ["", "null"])
    def test_plain_wheels_and_the_null_variant_have_empty_sets(self, label: str) -> None:
        found = context(label=label)
        assert holds(f"variant_label == '{label}'", found)
        for text in ("'a::b::c' in variant_properties", "'a::b' in variant_features"):
            assert not holds(text, found)
            assert holds(text.replace(" in ", " not in "), found)
        assert not holds("'a' in variant_namespaces", found)

    def test_a_label_is_compared_as_text_and_never_as_a_version(self) -> None:
        assert not holds("variant_label == '1.0'", context(label="1.0.0"))
        assert not holds("variant_label == 'variant_label'", context(label="x"))
        assert not holds("variant_label == 'sys_platform'", context(label="linux"))

    @pytest.mark.parametrize(
        "text",
        [
            "variant_properties == 'a::b::c'",
            "'a::b::c' == variant_properties",
            "variant_namespaces in 'nvidia'",
            "variant_features not in variant_properties",
            "sys_platform in variant_namespaces",
            "'a' >= extras",
        ],
    )
    def test_sets_take_membership_only(self, text: str) -> None:
        name = re.findall(r"variant_\w+|extras", text)[0]
        with pytest.raises(FormatError) as caught:
            parse_marker(text)
        assert caught.value.message == f"`{text}` is no environment marker"
        assert caught.value.context == (f"`{name}` is a set",)
        assert caught.value.hint == f'write `"..." in {name}` or `"..." not in {name}`'


FOO = Property("foo", "bar", "baz")


class TestTheExampleOfThePep:
    """PEP 825 "Environment markers", "Example"."""

    @pytest.mark.parametrize(
        ("text", "foobar", "null", "plain"),
        [
            ('variant_label == "foobar"', True, False, False),  # dep1
            ('variant_label != "null"', True, False, True),  # dep2
            ('variant_label == ""', False, False, True),  # dep3
            ('"foo" in variant_namespaces', True, False, False),  # dep4
            ('"foo :: bar" in variant_features', True, False, False),  # dep5
            ('"foo :: bar :: baz" in variant_properties', True, False, False),  # dep6
            ('"foo::bar::baz" in variant_properties', True, False, False),  # dep7
        ],
    )
    def test_is_as_its_comments_say(self, text: str, foobar: bool, null: bool, plain: bool) -> None:
        assert holds(text, context(FOO, label="foobar")) is foobar
        assert holds(text, context(label="null")) is null
        assert holds(text, context()) is plain

    def test_another_property_of_the_namespace_satisfies_only_the_namespace(self) -> None:
        found = context(Property("foo", "other", "baz"), label="x")
        assert holds('"foo" in variant_namespaces', found)
        assert not holds('"foo :: bar" in variant_features', found)


class TestRealMarkers:
    """As found in published wheels."""

    @pytest.mark.parametrize(
        ("text", "found", "expected"),
        [
            (
                "platform_system == 'Linux' and variant_label == 'cuda12.8'",
                context(CUDA12, label="cuda12.8"),
                True,
            ),
            (
                "platform_system == 'Linux' and  (variant_label == 'cuda12.6' or variant_label == 'cuda12.8')",
                context(CUDA12, label="cuda13.0"),
                False,
            ),
            ("platform_system == 'Linux' and 'nvidia' in variant_namespaces", context(SM90), True),
            ('platform_system == "Linux" and "amd" in variant_namespaces', context(SM90), False),
            (
                "platform_system == 'Linux' and"
                " 'nvidia :: cuda_version_lower_bound :: 12.0' in variant_properties",
                context(CUDA12),
                True,
            ),
            (
                '"nvidia :: cuda_version_lower_bound :: 12.0" in variant_properties and'
                ' "nvidia :: cuda_version_lower_bound :: 12.8" not in variant_properties',
                context(CUDA12, Property("nvidia", "cuda_version_lower_bound", "12.8")),
                False,
            ),
            (
                '"abi_dependency :: torch :: 2.8.0" in variant_properties',
                context(Property("abi_dependency", "torch", "2.8.0")),
                True,
            ),
            (
                "'nvidia :: sm_arch :: 120_real' in variant_properties",
                context(SM90, label="cuda12.8"),
                False,
            ),
        ],
    )
    def test_hold_for_the_wheel_they_were_written_for(
        self, text: str, found: MarkerContext, expected: bool
    ) -> None:
        assert holds(text, found) is expected


class TestExtras:
    """As pip: true for any one of the extras asked for, or for none."""

    @pytest.mark.parametrize(
        ("text", "extras", "expected"),
        [
            ("extra == 'fast-math'", (), False),
            ("extra == 'Fast_Math'", ("fast-math",), True),
            ("'fast.math' == extra", ("fast-math", "x"), True),
            ("extra == 'a' and extra == 'b'", ("a", "b"), False),
            ("extra == 'a' or extra == 'b'", ("b",), True),
            ("extra != 'a'", ("a",), True),
            ("extra == ''", ("a",), True),
            ("extra == 'a' and python_version < '3'", ("a",), False),
            ("'a_b' in extras", ("a-b",), True),
            ("'a' not in extras", ("a-b",), True),
        ],
    )
    def test_are_compared_normalised(
        self, text: str, extras: tuple[str, ...], expected: bool
    ) -> None:
        assert holds(text, context(extras=extras)) is expected

    @pytest.mark.parametrize(
        ("text", "extra"),
        [
            ("extra == 'A_b'", "a-b"),
            ("'a' == extra", "a"),
            ("python_version < '3.9' and extra == 'a'", "a"),
            ("sys_platform in 'linux' and (extra == 'a')", "a"),
            ("extra == 'a' and os_name ~= 'x'", None),
            ("extra == 'a' or extra == 'b'", None),
            ("extra != 'a'", None),
            ("extra == ''", None),
            ("os_name == 'posix'", None),
        ],
    )
    def test_the_one_that_is_needed_is_known(self, text: str, extra: str | None) -> None:
        assert parse_marker(text).extra == extra

    def test_dependency_groups_are_a_set_of_lock_files(self) -> None:
        assert holds("'Dev_Tools' in dependency_groups", context(groups=("dev-tools",)))
        assert holds("'dev' not in dependency_groups", context(groups=("dev-tools",)))


class TestGrammar:
    """PEP 508, with the older spellings installers still take."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("os.name == 'posix'", True),
            ("sys.platform == 'linux'", True),
            ("platform.machine in 'x86_64 AMD64'", True),
            ("platform.version == '#1 SMP'", True),
            ("python_implementation == 'CPython'", True),
            ("platform.python_implementation == 'PyPy'", False),
            ("python_version>='3.8'and python_version<'4'", True),
            ("python_version >= '3.8' or python_version < '3' and os_name == 'nt'", True),
            ("(python_version >= '3.8' or python_version < '3') and os_name == 'nt'", False),
            ("( ( os_name=='posix' ) )", True),
            ("'3.9' <= python_version", True),
            ("python_version in '3.10 3.11'", True),
            ("python_version not  in '3.10 3.11'", False),
            ("python_full_version ~= '3.11.2'", True),
            ("python_version === '3.11'", True),
            ("os_name == 'a or b'", False),
        ],
    )
    def test_accepts(self, text: str, expected: bool) -> None:
        assert holds(text) is expected

    @pytest.mark.parametrize(
        ("text", "context"),
        [
            ("", "expected a field or a quoted string at its end"),
            ("os_name", "expected an operator at its end"),
            ("os_name =", "expected something else at `=`"),
            ("os_name == 'a", "expected something else at `'a`"),
            ("os_name == 'a' os_name == 'b'", "expected `and` or `or` at `os_name == 'b'`"),
            ("os_name == 'a' and", "expected a field or a quoted string at its end"),
            ("(os_name == 'a'", "expected a closing bracket at its end"),
            ("os_name == 'a')", "expected `and` or `or` at `)`"),
            ("distro == 'debian'", "expected a field that exists at `distro == 'debian'`"),
            ("not os_name == 'a'", "expected a field that exists at `not os_name == 'a'`"),
            ("'a' == 'b'", "`'a' == 'b'` asks about no field"),
        ],
    )
    def test_names_what_it_expected(self, text: str, context: str) -> None:
        with pytest.raises(FormatError) as caught:
            parse_marker(text)
        assert caught.value.message == f"`{text}` is no environment marker"
        assert caught.value.context == (context,)

    def test_brackets_a_thousand_deep_are_refused(self) -> None:
        with pytest.raises(FormatError):
            parse_marker("(" * 1000 + "os_name == 'a'" + ")" * 1000)

    def test_a_comparison_without_meaning_is_a_format_error(self) -> None:
        with pytest.raises(FormatError) as caught:
            holds("os_name ~= 'posix'")
        assert caught.value.message == (
            "`os_name ~= 'posix'` has no meaning where `os_name` is `posix`"
        )

    def test_so_is_one_with_a_number_that_is_too_long(self) -> None:
        with pytest.raises(FormatError) as caught:
            holds(f"python_version < '{'9' * 5000}'")
        assert caught.value.message.endswith("has no meaning where `python_version` is `3.11`")

    @given(marker_texts)
    def test_the_text_is_kept_without_white_space_at_its_ends(self, text: str) -> None:
        assert parse_marker(f"  {text}\t") == Marker(text=text)


_STRINGS = {
    "os_name": ["posix", "nt"],
    "sys_platform": ["linux", "win32", "lin"],
    "platform_machine": ["x86_64", "arm64", ""],
    "variant_label": ["cuda12.8", "cuda", "null", ""],
}
_VERSIONS = {
    "python_version": ["3.8", "3.11", "4", "3.9.1"],
    "python_full_version": ["3.11.7", "3.12"],
}
_SETS = {
    "variant_properties": ["nvidia::sm_arch::90_real", "nvidia :: sm_arch :: 80_real", "nvidia"],
    "variant_features": ["nvidia::sm_arch", "nvidia ::cuda_version_lower_bound", "x :: y"],
    "variant_namespaces": ["nvidia", "x86_64"],
    "extras": ["a", "B_c"],
    "dependency_groups": ["dev", "A_b"],
}  # fmt: skip
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _random_leaf(rng: random.Random) -> str:
    kind = rng.choice(["string", "version", "set", "set", "extra"])
    if kind == "set":
        name = rng.choice(sorted(_SETS))
        return f"{rng.choice(_SETS[name])!r} {rng.choice(['in', 'not in'])} {name}"
    if kind == "extra":
        sides = ["extra", repr(rng.choice(["a", "B_c", "d"]))]
        rng.shuffle(sides)
        return f" {rng.choice(['==', '!='])} ".join(sides)
    table, operators = (
        (_STRINGS, ["==", "!=", "in", "not in"]) if kind == "string" else (_VERSIONS, [*_COMPARE])
    )
    name = rng.choice(sorted(table))
    sides = [name, repr(rng.choice(table[name]))]
    if rng.random() < 0.3:
        sides.reverse()
    return f" {rng.choice(operators)} ".join(sides)


def _random_marker(rng: random.Random, depth: int = 3) -> str:
    if depth == 0 or rng.random() < 0.3:
        return _random_leaf(rng)
    parts = [_random_marker(rng, depth - 1) for _ in range(rng.randint(2, 3))]
    text = parts[0]
    for part in parts[1:]:
        text = f"{text} {rng.choice(['and', 'or'])} {part}"
    return f"({text})" if rng.random() < 0.6 else text


def _oracle(text: str, found: MarkerContext) -> bool:
    """The marker as the Python expression it happens to be: precedence is Python's own."""
    tree = ast.parse(text, mode="eval").body
    return any(_oracle_holds(tree, found, extra) for extra in ("", *found.extras))


def _oracle_holds(node: ast.expr, found: MarkerContext, extra: str) -> bool:
    if isinstance(node, ast.BoolOp):
        join = all if isinstance(node.op, ast.And) else any
        return join(_oracle_holds(value, found, extra) for value in node.values)
    assert isinstance(node, ast.Compare)
    sides = [node.left, node.comparators[0]]
    fields = [side.id for side in sides if isinstance(side, ast.Name)]
    left, right = (_oracle_value(side, fields[0], found, extra) for side in sides)
    match node.ops[0]:
        case ast.In():
            return left in right
        case ast.NotIn():
            return left not in right
        case other:
            symbols = {
                ast.Eq: "==",
                ast.NotEq: "!=",
                ast.Lt: "<",
                ast.LtE: "<=",
                ast.Gt: ">",
                ast.GtE: ">=",
            }
            return bool(_COMPARE[symbols[type(other)]](left, right))


def _oracle_value(side: ast.expr, name: str, found: MarkerContext, extra: str) -> Any:
    props = [str(prop).split(" :: ") for prop in found.properties]
    fields: Mapping[str, Any] = {
        **found.environment,
        "extra": extra,
        "variant_label": found.label,
        "variant_properties": {"::".join(prop) for prop in props},
        "variant_features": {"::".join(prop[:2]) for prop in props},
        "variant_namespaces": {prop[0] for prop in props},
        "extras": found.extras,
        "dependency_groups": found.dependency_groups,
    }
    value = fields[side.id] if isinstance(side, ast.Name) else side.value  # type: ignore[attr-defined]
    if name.startswith("python_"):
        return Version(value)
    if isinstance(value, str) and name in ("extra", "extras", "dependency_groups"):
        return canonicalize_name(value)
    if isinstance(value, str) and name in _SETS:
        return re.sub(r"\s*::\s*", "::", value)
    return value


def test_random_markers_agree_with_an_independent_evaluator() -> None:
    rng = random.Random(825)
    contexts = [
        context(),
        context(label="null", extras=("a",)),
        context(CUDA12, SM90, label="cuda12.8", extras=("b-c",), groups=("dev",)),
        context(SM90, label="cuda", extras=("a", "b-c"), groups=("a-b",)),
    ]
    answers = []
    for _ in range(2000 * SCALE):
        text, found = _random_marker(rng), rng.choice(contexts)
        expected = _oracle(text, found)
        assert holds(text, found) is expected, text
        needed = parse_marker(text).extra
        assert not expected or needed is None or needed in found.extras, text
        answers.append(expected)
    assert 0.2 < sum(answers) / len(answers) < 0.8


def test_random_ordinary_markers_agree_with_packaging() -> None:
    rng = random.Random(508)
    compared = 0
    while compared < 500 * SCALE:
        text = _random_marker(rng)
        if re.search(r"variant_|extras|dependency_groups", text):
            continue
        compared += 1
        theirs = PackagingMarker(text)
        extras = ("a", "b-c")
        expected = any(theirs.evaluate({**ENVIRONMENT, "extra": extra}) for extra in ("", *extras))
        assert holds(text, context(extras=extras)) is expected, text


_FIELD_NAMES = sorted({*ENVIRONMENT, "extra"})
_TEXTS = st.one_of(
    st.sampled_from([*ENVIRONMENT.values(), "3.8", "3.11.*", "3.11.7", "B_c", "b-c", "", "6"]),
    st.text(alphabet="\t\\'\n ab3.é*\x00", max_size=6),
)


@given(
    st.sampled_from(_FIELD_NAMES),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in"]),
    _TEXTS,
    st.booleans(),
    st.sampled_from(["3.11.7", "3.13.0a1+", "3.14.0rc1"]),
)
@settings(max_examples=300 * SCALE)
def test_any_comparison_means_what_it_means_to_packaging(
    name: str, operator: str, value: str, is_reversed: bool, python: str
) -> None:
    quoted = f'"{value}"'
    text = f"{quoted} {operator} {name}" if is_reversed else f"{name} {operator} {quoted}"
    environment = {**ENVIRONMENT, "python_full_version": python}
    try:
        theirs = PackagingMarker(text)
        expected = [theirs.evaluate({**environment, "extra": extra}) for extra in ("", "b-c")]
    except ValueError:
        with pytest.raises(FormatError):
            holds(text, MarkerContext(environment=environment, extras=names("b-c")))
        return
    found = [
        MarkerContext(environment=environment, extras=extras) for extras in (names(), names("b-c"))
    ]
    assert holds(text, found[0]) is expected[0]
    assert holds(text, found[1]) is any(expected if name == "extra" else expected[:1])
