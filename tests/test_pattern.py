"""Patterns that are compiled when they are used."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import vinstall
from vinstall.pattern import pattern

MODULES = sorted(
    ".".join(("vinstall", *path.relative_to(Path(vinstall.__file__).parent).with_suffix("").parts))
    for path in Path(vinstall.__file__).parent.rglob("*.py")
    if " = pattern(" in path.read_text("utf-8")
)


def test_it_does_what_a_compiled_one_does() -> None:
    late, compiled = pattern(r"(?P<name>[a-z]+)-\d", re.IGNORECASE), re.compile("(?i)[A-Z]+-[0-9]")
    text = "Torch-2 numpy-1"
    assert late.findall(text) == ["Torch", "numpy"]
    assert late.sub("*", text) == compiled.sub("*", text) == "* *"
    found = late.match(text)
    assert found is not None
    assert (found["name"], found.re.pattern) == ("Torch", late.pattern)
    assert late.fullmatch("1-torch") is None


def test_a_method_is_looked_up_once() -> None:
    late = pattern("a+")
    first = late.match
    assert late.match is first


def test_what_is_asked_of_every_attribute_compiles_nothing() -> None:
    assert not hasattr(pattern("("), "__isabstractmethod__")


def test_nothing_is_compiled_before() -> None:
    late = pattern("(")
    with pytest.raises(re.error, match=r"^missing \), unterminated subpattern at position 0$"):
        late.match("")


@pytest.mark.parametrize("module", MODULES)
def test_every_pattern_of_ours_compiles(module: str) -> None:
    kind = type(pattern(""))
    found = [one for one in vars(importlib.import_module(module)).values() if type(one) is kind]
    assert found
    assert all(one.flags & re.UNICODE or one.flags & re.ASCII for one in found)
