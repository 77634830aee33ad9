"""Hypothesis strategies for the values of the formats room."""

from __future__ import annotations

import os
from types import MappingProxyType

from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.formats.marker import Marker
from vinstall.formats.requirement import Requirement
from vinstall.formats.support import FeatureSupport
from vinstall.formats.variant_json import Property, ProviderInfo, VariantTable
from vinstall.formats.wheel_name import WheelName

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
"""How many times more examples than in an ordinary run."""

identifiers = st.text("abz019_", min_size=1, max_size=6)
values = st.text("abz019_.", min_size=1, max_size=6)
labels = values.filter(lambda label: label != "null")
properties = st.builds(Property, identifiers, identifiers, values)
project_names: st.SearchStrategy[NormalizedName] = st.from_regex(
    r"[a-z0-9]([a-z0-9]|-(?=[a-z0-9])){0,8}", fullmatch=True
).map(canonicalize_name)
versions = st.builds(
    "{}.{}{}{}".format,
    st.integers(0, 40),
    st.integers(0, 3),
    st.sampled_from(["", "a1", "rc2", ".post3", ".dev4"]),
    st.sampled_from(["", "+cu128", "+cpu.1"]),
).map(Version)

_tag_words = st.text("abz019_", min_size=1, max_size=5)
_compressed = st.lists(_tag_words, min_size=1, max_size=3, unique=True)


@st.composite
def wheel_names(draw: st.DrawFn) -> WheelName:
    """Wheel names whose tags are the product a file name can say."""
    pythons = [f"p{word}" for word in draw(_compressed)]
    tags = tuple(f"{p}-{a}-{t}" for p in pythons for a in draw(_fixed) for t in draw(_fixed_2))
    build = draw(st.none() | st.tuples(st.integers(0, 99), st.text("ab_", max_size=3)))
    return WheelName(
        name=draw(project_names),
        version=draw(versions),
        build=build or (),
        tags=tags,
        label=draw(st.none() | st.just("null") | labels),
    )


_fixed = st.shared(_compressed, key="abi")
_fixed_2 = st.shared(_compressed, key="platform")


@st.composite
def feature_supports(draw: st.DrawFn) -> tuple[FeatureSupport, ...]:
    """What a target supports in one namespace; no empty feature, no empty answer."""
    names = draw(st.lists(identifiers, min_size=1, max_size=3, unique=True))
    listed = st.lists(values, min_size=1, max_size=4, unique=True).map(tuple)
    return tuple(FeatureSupport(name, draw(listed)) for name in names)


@st.composite
def providers(draw: st.DrawFn, namespace: str) -> ProviderInfo:
    """One provider as schema 0.2 can say it."""
    optional = draw(st.booleans())
    if namespace == "abi_dependency":
        return ProviderInfo(builtin="abi_dependency", optional=optional)
    if draw(st.booleans()):
        return ProviderInfo(static=draw(feature_supports()), optional=optional)
    return ProviderInfo(
        requires=(f"{namespace.replace('_', 'x')}-provider>=1",),
        plugin_api=draw(st.none() | st.just(f"{namespace}.plugin:Plugin")),
        optional=optional,
    )


@st.composite
def variant_tables(draw: st.DrawFn, *, with_providers: bool = False) -> VariantTable:
    """Valid tables; with providers: what schema 0.2.0 can say, else what 0.1.1 can."""
    spaces = st.lists(identifiers | st.just("abi_dependency"), min_size=1, max_size=4, unique=True)
    namespaces = tuple(draw(spaces))
    one = st.builds(Property, st.sampled_from(namespaces), identifiers, values)
    variants = draw(st.dictionaries(labels, st.frozensets(one, min_size=1, max_size=6), max_size=5))
    if draw(st.booleans()):
        variants["null"] = frozenset()
    return VariantTable(
        namespaces=namespaces,
        variants=MappingProxyType(variants),
        providers={name: draw(providers(name)) for name in namespaces} if with_providers else {},
    )


_leaves = st.sampled_from(
    [
        "python_version >= '3.8'",
        "'linux' == sys_platform",
        'platform_machine in "x86_64 aarch64"',
        "extra == 'Fast_Math'",
        "variant_label == 'cuda12.8'",
        "'nvidia' in variant_namespaces",
        "'nvidia::cuda' not in variant_features",
        "'nvidia :: cuda :: 12' in variant_properties",
    ]
)
marker_texts = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, min_size=2, max_size=3).flatmap(
        lambda parts: st.sampled_from([" and ", " or "]).map(
            lambda word: word.join(f"({part})" for part in parts)
        )
    ),
    max_leaves=6,
)

_specifiers = st.lists(
    st.sampled_from([">=1", "<3", "!=2.1", "==2.*", "~=1.4", "===foo", ">1.0a1", "<=2+l"]),
    max_size=3,
).map(",".join)


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    """Requirements by version and by URL."""
    url = draw(st.none() | st.sampled_from(["https://h.example/a-1.tar.gz#sha256=00", "file:///a"]))
    marker = draw(st.none() | marker_texts)
    specifier = SpecifierSet(draw(_valid_specifiers)) if url is None else SpecifierSet()
    return Requirement(
        name=draw(project_names),
        extras=draw(st.frozensets(project_names, max_size=3)),
        specifier=specifier,
        marker=None if marker is None else Marker(text=marker),
        url=url,
    )


_valid_specifiers = _specifiers.filter(lambda text: "<=2+l" not in text)
