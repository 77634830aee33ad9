"""What a project says about its variants."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vinstall.errors import FormatError, UsageError
from vinstall.formats.support import FeatureSupport
from vinstall.formats.variant_json import ProviderInfo, parse_property, parse_variant_table
from vinstall.workshop.release_table import combine_wheels, render_table
from vinstall.workshop.variant_definition import (
    KNOWN_PROVIDERS,
    BuildRecipe,
    define,
    parse_definition,
    read_definition,
    wheel_table,
)

variants_json = pytest.importorskip("variantlib.variants_json")
variant_dist_info = pytest.importorskip("variantlib.variant_dist_info")
pyproject_toml = pytest.importorskip("variantlib.pyproject_toml")

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))

PYPROJECT = """
[variant.default-priorities]
namespace = ["x86_64", "blas_lapack", "acme"]

[variant.providers.acme]
requires = ["acme-variant-provider>=1"]
plugin-api = "acme.plugin:Acme"
optional = true

[variant.variants.v4_mkl]
x86_64.level = ["v4"]
blas_lapack.provider = ["mkl"]
build-environment = { CFLAGS = "-march=x86-64-v4" }
config-settings = { setup-args = ["-Dblas=mkl"], flavour = "fast" }
test-imports = ["demo", "demo.fast"]

[variant.variants.null]
"""

names = st.text("abcz019_", min_size=1, max_size=8)
values = st.text("abcz019_.", min_size=1, max_size=8)
providers = st.one_of(
    st.fixed_dictionaries({"requires": st.lists(names, min_size=1, max_size=2, unique=True)}),
    st.fixed_dictionaries(
        {"requires": st.just(["a-b >= 1 ; python_version > '3'"]), "plugin-api": st.just("a.b:C")}
    ),
    st.dictionaries(names, st.lists(values, min_size=1, unique=True), min_size=1, max_size=3).map(
        lambda static: {"static-properties": static, "feature-order": sorted(static)}
    ),
)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """`[variant]` tables that say who answers for every namespace."""
    namespaces = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    entry = st.dictionaries(
        st.sampled_from(namespaces),
        st.dictionaries(names, st.lists(values, min_size=1, max_size=3, unique=True), min_size=1),
        min_size=1,
    )
    labels = st.text("abcz019_.", min_size=1, max_size=12).filter(lambda label: label != "null")
    return {
        "default-priorities": {"namespace": namespaces},
        "providers": {name: draw(providers) for name in namespaces},
        "variants": {**draw(st.dictionaries(labels, entry, min_size=1, max_size=2)), "null": {}},
    }


class TestPyproject:
    def test_namespaces_providers_labels_and_recipes_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "pyproject.toml"
        path.write_text(PYPROJECT)
        found = read_definition(path)
        assert found.namespaces == ("x86_64", "blas_lapack", "acme")
        assert found.providers == {
            "x86_64": KNOWN_PROVIDERS["x86_64"],
            "blas_lapack": ProviderInfo(
                static=(FeatureSupport("provider", ("accelerate", "openblas", "mkl")),)
            ),
            "acme": ProviderInfo(
                requires=("acme-variant-provider>=1",), plugin_api="acme.plugin:Acme", optional=True
            ),
        }
        assert dict(found.variants) == {
            "v4_mkl": frozenset(
                map(parse_property, ("x86_64::level::v4", "blas_lapack::provider::mkl"))
            ),
            "null": frozenset(),
        }
        assert found.recipes == {
            "v4_mkl": BuildRecipe(
                environment={"CFLAGS": "-march=x86-64-v4"},
                config_settings={"setup-args": ["-Dblas=mkl"], "flavour": "fast"},
                imports=("demo", "demo.fast"),
            ),
            "null": BuildRecipe(),
        }

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("", "has no `[variant]` table"),
            ("[variant]\n", "variant.default-priorities: is missing"),
            ("variant = 3\n", "has no `[variant]` table"),
            ("[variant\n", "is not TOML"),
            (
                "[variant]\ndefault-priorities.namespace = 7\n",
                "variant.default-priorities.namespace: is not a list of strings",
            ),
            (
                "[variant]\ndefault-priorities.namespace = ['a']\nvariants.x = 3\n",
                "variant.variants.x: is not a table",
            ),
            (
                "[variant]\ndefault-priorities.namespace = ['a']\nproviders = 3\nvariants = {}\n",
                "variant.providers: is not a JSON object",
            ),
            (
                "[variant]\ndefault-priorities.namespace = ['a']\n"
                "providers.a.build-requires = ['p']\nvariants = {}\n",
                "variant.providers.a.build-requires: would need a plugin to run, "
                "which vinstall never does for a build",
            ),
            (
                "[variant]\ndefault-priorities.namespace = ['x86_64']\n"
                "default-priorities.feature.x86_64 = ['level']\n",
                "variant.default-priorities.feature: has no place in the documents of today",
            ),
            (
                "[variant]\ndefault-priorities.namespace = ['x86_64']\n"
                "variants.x.build-environment.CC = 1\n",
                "variant.variants.x.build-environment: is not a table of strings",
            ),
            (
                "[variant]\ndefault-priorities.namespace = ['x86_64']\n"
                "variants.x.config-settings.a = 1\n",
                "variant.variants.x.config-settings: is not a table of strings and lists of strings",
            ),
            (
                "[variant]\ndefault-priorities.namespace = ['x86_64']\n"
                "variants.x.test-imports = 'a'\n",
                "variant.variants.x.test-imports: is not a list of strings",
            ),
            (
                "[variant]\ndefault-priorities.namespace = ['x86_64']\nvariants.x.y.z = ['1']\n",
                "variant.variants.x.y: is not in `default-priorities.namespace`",
            ),
        ],
    )
    def test_what_cannot_be_read_says_where(self, tmp_path: Path, text: str, fault: str) -> None:
        path = tmp_path / "pyproject.toml"
        path.write_text(text)
        with pytest.raises(FormatError) as caught:
            read_definition(path)
        assert caught.value.message in (f"`{path}`: {fault}", f"`{path}` {fault}")

    def test_a_build_time_plugin_whose_answer_is_known_is_replaced_by_it(self) -> None:
        found = parse_definition(
            {
                "default-priorities": {"namespace": ["openmp"]},
                "providers": {"openmp": {"build-requires": ["openmp-variant-provider"]}},
            }
        )
        assert found.providers == {"openmp": KNOWN_PROVIDERS["openmp"]}


class TestWheelTable:
    def test_properties_come_from_the_label_where_none_are_typed(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text(PYPROJECT)
        found = read_definition(tmp_path / "pyproject.toml")
        assert wheel_table(found, "v4_mkl").variants == {"v4_mkl": found.variants["v4_mkl"]}
        with pytest.raises(UsageError) as caught:
            wheel_table(found, "v4_mkl", (parse_property("x86_64::level::v3"),))
        assert caught.value.message == (
            "the label `v4_mkl` has other properties in `[variant.variants]`"
        )

    def test_null_and_nothing_go_together(self) -> None:
        prop = parse_property("x86_64::level::v3")
        found = define((), (prop,))
        with pytest.raises(UsageError, match="`null` has properties, which `null` must not have"):
            wheel_table(found, "null", (prop,))
        with pytest.raises(UsageError, match="the label `v3` has no properties"):
            wheel_table(found, "v3")
        assert wheel_table(found, "null").variants == {"null": frozenset()}

    def test_a_release_needs_a_namespace(self) -> None:
        with pytest.raises(UsageError, match="needs the namespaces of its release"):
            define((), ())

    def test_a_label_that_is_none_is_refused(self) -> None:
        prop = parse_property("x86_64::level::v3")
        with pytest.raises(FormatError) as caught:
            render_table(wheel_table(define((), (prop,)), "V3", (prop,)))
        assert caught.value.message == "variants.V3: is no variant label"


class TestVariantlib:
    """variantlib 0.2.2 reads every document that is written, and means the same by it."""

    @settings(max_examples=500 * SCALE, deadline=None)
    @given(table=tables())
    def test_variantlib_validates_every_document(self, table: dict[str, Any]) -> None:
        definition = parse_definition(table)
        label = next(iter(definition.variants))
        document = render_table(wheel_table(definition, label))
        theirs = variant_dist_info.VariantDistInfo(document, label)
        ours = parse_variant_table(document, strict=True)
        assert {
            (prop.namespace, prop.feature, prop.value) for prop in theirs.variant_desc.properties
        } == set(ours.variants[label])
        assert tuple(theirs.namespace_priorities) == ours.namespaces
        assert set(theirs.providers) == set(ours.providers)
        wheels = [(label, wheel_table(definition, label)) for label in definition.variants]
        release = variants_json.VariantsJson(json.loads(render_table(combine_wheels(wheels))))
        assert {
            label: {(prop.namespace, prop.feature, prop.value) for prop in found.properties}
            for label, found in release.variants.items()
        } == dict(definition.variants)

    def test_variantlib_reads_the_same_table(self) -> None:
        table = tomllib.loads(PYPROJECT)["variant"]
        for entry in table["variants"].values():
            for key in ("build-environment", "config-settings", "test-imports"):
                entry.pop(key, None)
        table["providers"] |= {
            "x86_64": {"requires": list(KNOWN_PROVIDERS["x86_64"].requires)},
            "blas_lapack": {"static-properties": {"provider": ["accelerate", "openblas", "mkl"]}},
        }
        theirs = pyproject_toml.VariantPyProjectToml({"variant": table})
        ours = parse_definition(table)
        assert theirs.namespace_priorities == list(ours.namespaces)
        assert set(theirs.variants) == set(ours.variants)

    @pytest.mark.parametrize("namespace", sorted(KNOWN_PROVIDERS))
    def test_known_providers_are_valid(self, namespace: str) -> None:
        document = render_table(wheel_table(define((namespace,), ()), "null"))
        assert variant_dist_info.VariantDistInfo(document, "null").namespace_priorities == [
            namespace
        ]
