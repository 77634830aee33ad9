"""pyproject.toml: dependencies, extras, groups."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from vinstall.errors import FormatError
from vinstall.formats.pyproject import Pyproject, parse_pyproject, requirements_with_extras
from vinstall.formats.requirement import parse_requirement, render_requirement

TEXT = """
[project]
name = "A_b"
requires-python = ">=3.8"
dynamic = ["version"]
dependencies = ["one>1", "two; os_name == 'nt'"]

[project.optional-dependencies]
Fast_Math = ["three"]
gpu = ["cupy; os_name == 'posix'"]
all = ["a-b[fast.math]", "A.B[gpu] ; python_version > '3'", "one>1", "a-b[all]"]

[dependency-groups]
dev = ["pytest"]
"""
PROJECT = b"[project]\nname = 'a'\n"
NO_EXTRAS = "[project]\nname='a'\ndynamic=['optional-dependencies']"
X, ALL, GPU = (canonicalize_name(name) for name in ("fast-math", "all", "gpu"))


class TestParsing:
    """PEP 621 and PEP 735."""

    def test_finds_all_that_concerns_dependencies(self) -> None:
        found = parse_pyproject(TEXT)
        assert found.name == "a-b"
        assert found.requires_python == SpecifierSet(">=3.8")
        assert found.dependencies == (
            parse_requirement("one>1"),
            parse_requirement("two; os_name == 'nt'"),
        )
        assert set(found.optional_dependencies) == {X, ALL, GPU}
        assert found.dynamic == {"version"}
        assert found.groups == {"dev": ["pytest"]}

    def test_needs_no_project_table(self) -> None:
        assert parse_pyproject(b"[dependency-groups]\na = []\n") == Pyproject(groups={"a": []})
        assert parse_pyproject(b"") == Pyproject()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"\xff", "the text is not valid TOML"),
            (b"project = 1", "project: is not a table"),
            (b"[project]\nversion = '1'", "project.name: is missing"),
            (b"[project]\nname = 1", "project.name: is not a string"),
            (b"[project]\nname = 'a'\ndependencies = 'b'", "project.dependencies: is not a list of strings"),
            (b"[project]\nname = 'a'\ndependencies = [1]", "project.dependencies: is not a list of strings"),
            (b"[project]\nname = 'a'\ndependencies = ['b c']", "project.dependencies: `b c` is no requirement"),
            (b"[project]\nname = 'a'\nrequires-python = 'x'", "project.requires-python: `x` is no set of versions"),
            (PROJECT + b"optional-dependencies.x = ['=']", "project.optional-dependencies.x: `=` is no requirement"),
            (b"dependency-groups = []", "dependency-groups: is not a table"),
        ],
    )  # fmt: skip
    def test_names_the_field_at_fault(self, text: bytes, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            parse_pyproject(text)
        assert caught.value.message == message


class TestExtras:
    def rendered(self, *extras: str) -> list[str]:
        asked = frozenset(canonicalize_name(extra) for extra in extras)
        found = requirements_with_extras(parse_pyproject(TEXT), asked)
        return [render_requirement(requirement) for requirement in found]

    def test_come_after_the_dependencies(self) -> None:
        assert self.rendered() == ["one>1", "two ; os_name == 'nt'"]
        assert self.rendered("fast.math") == ["one>1", "two ; os_name == 'nt'", "three"]

    def test_of_the_project_itself_stand_for_what_they_list(self) -> None:
        assert self.rendered("all") == [
            "one>1",
            "two ; os_name == 'nt'",
            "three",
            "cupy ; (os_name == 'posix') and (python_version > '3')",
        ]

    @pytest.mark.parametrize(
        ("text", "extra", "message"),
        [
            ("", None, "project: is missing"),
            ("[project]\nname='a'\ndynamic=['dependencies']", None, "project.dependencies: is left to the build"),
            (NO_EXTRAS, "x", "project.optional-dependencies: is left to the build"),
            ("[project]\nname='a'", "x", "there is no extra `x`"),
        ],
    )  # fmt: skip
    def test_that_cannot_be_told_are_an_error(
        self, text: str, extra: str | None, message: str
    ) -> None:
        asked = frozenset({canonicalize_name(extra)} if extra else set())
        with pytest.raises(FormatError) as caught:
            requirements_with_extras(parse_pyproject(text), asked)
        assert caught.value.message == message
