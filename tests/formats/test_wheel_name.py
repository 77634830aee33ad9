"""Wheel names: five to seven parts, label included."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from tests.formats.strategies import labels, project_names, versions, wheel_names
from vinstall.errors import FormatError
from vinstall.formats.wheel_name import (
    WheelName,
    parse_variants_json_name,
    parse_wheel_name,
    render_variants_json_name,
    render_wheel_name,
    split_label,
    with_label,
)

BETWEEN = " between dashes, a wheel name has 5 to 7"
PLAIN = "numpy-2.3.2-cp313-cp313t-musllinux_1_2_x86_64.whl"


class TestTheFileNameTemplate:
    """PEP 825: `{distribution}-{version}(-{build tag})?-{python}-{abi}-{platform}(-{label})?.whl`."""

    @pytest.mark.parametrize(
        ("filename", "build", "label"),
        [
            ("a-1-cp313-cp313t-linux_x86_64.whl", (), None),
            ("a-1-cp313-cp313t-linux_x86_64-x86_64_v3.whl", (), "x86_64_v3"),
            ("a-1-cp313-cp313t-linux_x86_64-null.whl", (), "null"),
            ("a-1-cp313-cp313t-linux_x86_64-00000000.whl", (), "00000000"),
            ("a-1-cp313-cp313t-linux_x86_64-cuda12.8.whl", (), "cuda12.8"),
            ("a-1-2-cp313-cp313t-linux_x86_64.whl", (2, ""), None),
            ("a-1-02b-cp313-cp313t-linux_x86_64.whl", (2, "b"), None),
            ("a-1-2-cp313-cp313t-linux_x86_64-x86_64_v3.whl", (2, ""), "x86_64_v3"),
        ],
    )
    def test_all_five_shapes_are_told_apart(
        self, filename: str, build: tuple[int, str] | tuple[()], label: str | None
    ) -> None:
        assert parse_wheel_name(filename) == WheelName(
            name=parse_wheel_name("a-1-py3-none-any.whl").name,
            version=Version("1"),
            build=build,
            tags=("cp313-cp313t-linux_x86_64",),
            label=label,
        )

    def test_compressed_tag_sets_stand_for_every_combination(self) -> None:
        name = parse_wheel_name("A.b_C-1.0-py2.PY3-none-manylinux2014_x86_64.linux_x86_64-cu12.whl")
        assert name.name == "a-b-c"
        assert name.tags == (
            "py2-none-manylinux2014_x86_64",
            "py2-none-linux_x86_64",
            "py3-none-manylinux2014_x86_64",
            "py3-none-linux_x86_64",
        )

    @given(wheel_names())
    def test_a_rendered_name_parses_to_the_same_parts(self, name: WheelName) -> None:
        assert parse_wheel_name(render_wheel_name(name)) == name

    @given(wheel_names())
    def test_packaging_reads_the_same_once_the_label_is_split_off(self, name: WheelName) -> None:
        plain, label = split_label(render_wheel_name(name))
        project, version, build, tags = parse_wheel_filename(plain)
        assert (project, version, build, label) == (
            name.name,
            name.version,
            name.build,
            name.label,
        )
        assert {str(tag) for tag in tags} == set(name.tags)

    @given(wheel_names())
    def test_variantlib_finds_the_same_label(self, name: WheelName) -> None:
        constants = pytest.importorskip("variantlib.constants")
        match = constants.VALIDATION_WHEEL_NAME_REGEX.fullmatch(render_wheel_name(name))
        assert match is not None
        assert match["variant_label"] == name.label

    @pytest.mark.parametrize(
        ("filename", "message"),
        [
            ("a-1-py3-none-any.zip", "`a-1-py3-none-any.zip` does not end in `.whl`"),
            ("a-1-py3-any.whl", "`a-1-py3-any.whl` has 4 parts" + BETWEEN),
            ("a-1-2-py3-none-any-x-y.whl", "`a-1-2-py3-none-any-x-y.whl` has 8 parts" + BETWEEN),
            ("a-1-py3-none-any-CU12.whl", "`a-1-py3-none-any-CU12.whl` has the variant label `CU12`"),
            ("a-1-py3-none-any-.whl", "`a-1-py3-none-any-.whl` has the variant label ``"),
            ("a-1-py3-none-any-é.whl", "`a-1-py3-none-any-é.whl` has the variant label `é`"),
            ("a__b-1-py3-none-any.whl", "`a__b-1-py3-none-any.whl` has an invalid project name"),
            ("../a-1-py3-none-any.whl", "`../a-1-py3-none-any.whl` has an invalid project name"),
            ("-1-py3-none-any.whl", "`-1-py3-none-any.whl` has an invalid project name"),
            ("a-one-py3-none-any.whl", "`a-one-py3-none-any.whl` has an invalid version"),
            ("a-1-3-none-any.whl", "`a-1-3-none-any.whl` has an invalid compatibility tag"),
            ("a-1-py3--any.whl", "`a-1-py3--any.whl` has an invalid compatibility tag"),
            ("a-1-py3-none-any/x.whl", "`a-1-py3-none-any/x.whl` has an invalid compatibility tag"),
            ("a-1-1/-py3-none-any.whl", "`a-1-1/-py3-none-any.whl` has an invalid build tag"),
        ],
    )  # fmt: skip
    def test_other_names_are_refused_and_the_fault_is_named(
        self, filename: str, message: str
    ) -> None:
        with pytest.raises(FormatError, match=re.escape(message)) as caught:
            parse_wheel_name(filename)
        assert caught.value.message == message

    @given(st.text(max_size=40).map(lambda text: f"{text}.whl"))
    def test_any_text_is_a_name_or_a_format_error(self, filename: str) -> None:
        try:
            name = parse_wheel_name(filename)
        except FormatError:
            return
        assert name.tags

    def test_a_build_number_too_long_for_an_integer_is_refused(self) -> None:
        with pytest.raises(FormatError):
            parse_wheel_name(f"a-1-{'9' * 5000}-py3-none-any.whl")


class TestLabels:
    """PEP 825 "Variant label": `^[0-9a-z_.]+$`."""

    @given(wheel_names(), labels)
    def test_a_label_can_be_given_changed_and_taken_away(self, name: WheelName, label: str) -> None:
        filename = render_wheel_name(name)
        labelled = with_label(filename, label)
        assert split_label(labelled) == (with_label(filename, None), label)

    def test_a_label_no_name_can_carry_is_refused(self) -> None:
        with pytest.raises(FormatError) as caught:
            with_label(PLAIN, "a-b")
        assert caught.value.message == f"`{PLAIN}` has the variant label `a-b`"
        assert caught.value.hint == "a label is made of the characters `0-9`, `a-z`, `_` and `.`"

    def test_tags_that_are_no_product_cannot_be_rendered(self) -> None:
        name = parse_wheel_name("a-1-py2.py3-none-any.whl")
        odd = WheelName(
            name=name.name,
            version=name.version,
            build=(),
            tags=("py2-none-any", "py3-none-linux_x86_64"),
            label=None,
        )
        with pytest.raises(FormatError) as caught:
            render_wheel_name(odd)
        assert caught.value.message == (
            "`py2-none-any, py3-none-linux_x86_64` cannot be said in one wheel name"
        )


class TestVariantsJsonNames:
    """PEP 825 "Index-level metadata": normalised as in wheel names."""

    @given(project_names, versions)
    def test_a_rendered_name_parses_to_the_same_project_and_version(
        self, name: str, version: Version
    ) -> None:
        filename = render_variants_json_name(name, version)  # type: ignore[arg-type]
        assert parse_variants_json_name(filename) == (name, version)

    @pytest.mark.parametrize(
        "filename",
        ["a-1-py3-none-any.whl", "variants.json", "-1-variants.json", "a-variants.json", "a-x-variants.json"],
    )  # fmt: skip
    def test_other_files_are_not_taken_for_one(self, filename: str) -> None:
        assert parse_variants_json_name(filename) is None

    def test_names_are_compared_parsed_not_as_strings(self) -> None:
        assert parse_variants_json_name("Scikit_Learn-1.7.0-variants.json") == (
            "scikit-learn",
            Version("1.7"),
        )
