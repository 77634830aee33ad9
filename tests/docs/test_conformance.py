"""The page of conformance: every rule has a test that exists, or says why it has none."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reference" / "conformance.md"
_TEST = re.compile(r"`([\w/]+\.py::[\w:]+)`")
_WORDS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "")


class Row(NamedTuple):
    """One rule."""

    section: str
    rule: str
    strength: str
    held_by: str


def rows() -> Iterator[Row]:
    """Every row of every table of the page."""
    section = ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] not in ("Rule", "---"):
            yield Row(section, *cells)


@lru_cache
def defined(path: Path) -> frozenset[str]:
    """The tests of one file: `test`, or `Class::test`."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            found |= {f"{node.name}::{method.name}" for method in methods}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


def is_there(test: str) -> bool:
    """Whether `file::class::test` exists."""
    file, _, name = test.partition("::")
    path = TESTS / file
    return path.is_file() and name in defined(path)


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: f"{row.section}: {row.rule[:50]}")
def test_the_rule_is_held(row: Row) -> None:
    tests = _TEST.findall(row.held_by)
    missing = [test for test in tests if not is_there(test)]
    assert missing == []
    if not tests:
        assert re.match(r"(not applicable|gap): \w.{20,}", row.held_by), row.rule
    else:
        assert row.held_by == " ".join(f"`{test}`" for test in tests), "something beside the tests"


def test_every_draft_has_its_tables() -> None:
    sections = {row.section for row in rows()}
    drafts = {section.partition(":")[0] for section in sections}
    assert drafts == {"PEP 825", "PEP 817", "PEP 850"}
    assert len(list(rows())) > 90


def test_a_rule_says_how_strong_it_is_in_the_words_of_the_draft() -> None:
    odd = {row.strength for row in rows()}.difference(_WORDS)
    assert odd == {"MAY, MUST", "recommended", "out of scope", "cannot"}
