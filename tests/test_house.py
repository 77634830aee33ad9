"""The rules of the house that no linter holds."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "vinstall"
MODULES = sorted(PACKAGE.rglob("*.py"))

STAND_ALONE = {"compile_script.py", "plugin_script.py", "probe_script.py"}
"""Scripts that run under another interpreter and answer on standard output."""

DRAWERS = {"utils", "misc", "helpers", "common", "manager"}

DOORS = {"cpuinfo": "cpu", "pynvml": "nvidia"}
"""Hardware libraries, each with the one module that may import it."""


def syntax(path: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(path.read_text("utf-8"), str(path))


def place(path: Path, node: ast.AST) -> str:
    """`file:line` for a message."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def tracked_files() -> list[Path]:
    """What is under version control, or skip where that cannot be asked."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


class TestFiles:
    def test_every_file_name_stands_once(self) -> None:
        names = Counter(path.name for path in MODULES if path.name != "__init__.py")
        assert [name for name, count in names.items() if count > 1] == []

    def test_no_module_is_a_drawer(self) -> None:
        assert [path.name for path in MODULES if path.stem in DRAWERS] == []

    def test_no_module_is_longer_than_450_lines(self) -> None:
        lengths = {path.name: path.read_text("utf-8").count("\n") for path in MODULES}
        assert {name: length for name, length in lengths.items() if length > 450} == {}

    def test_no_function_is_longer_than_60_lines(self) -> None:
        long = [
            f"{place(path, node)} {node.name}"
            for path in MODULES
            for node in ast.walk(syntax(path))
            if isinstance(node, ast.FunctionDef)
            and (node.end_lineno or node.lineno) - node.lineno >= 60
        ]
        assert long == []

    def test_every_module_says_what_it_is(self) -> None:
        assert [path.name for path in MODULES if not ast.get_docstring(syntax(path))] == []


class TestOutput:
    """Only the top floor prints."""

    def test_no_room_below_cli_prints(self) -> None:
        prints = [
            place(path, node)
            for path in MODULES
            if path.parent.name != "cli" and path.name not in STAND_ALONE
            for node in ast.walk(_without_script(syntax(path)))
            if (isinstance(node, ast.Name) and node.id == "print")
            or (
                isinstance(node, ast.Attribute)
                and node.attr in ("stdout", "stderr")
                and _is_sys(node)
            )
        ]
        assert prints == []


def _without_script(tree: ast.Module) -> ast.Module:
    """The module without what it does when it is run as a script."""
    tree.body = [node for node in tree.body if "__main__" not in ast.dump(node)]
    return tree


def _is_sys(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "sys"


class TestValues:
    """Values do not change, and cost nothing at import: `vinstall.values`.  A private class may gather one up."""

    def test_public_classes_of_fields_are_values(self) -> None:
        wrong = [
            f"{place(path, node)} {node.name}"
            for path in MODULES
            if path.name not in STAND_ALONE
            for node in ast.walk(syntax(path))
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            for decorator in node.decorator_list
            if _is_dataclass(decorator)
        ]
        assert wrong == []

    def test_no_function_changes_a_global(self) -> None:
        changed = [
            place(path, node)
            for path in MODULES
            if path.name not in STAND_ALONE
            for node in ast.walk(syntax(path))
            if isinstance(node, ast.Global)
        ]
        assert changed == []


def _is_dataclass(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id == "dataclass"


class TestDoors:
    @pytest.mark.parametrize("library", sorted(DOORS))
    def test_a_hardware_library_is_imported_by_one_module(self, library: str) -> None:
        importing = {path.stem for path in MODULES if library in set(_imported(syntax(path)))}
        assert importing <= {DOORS[library]}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


class TestThePlan:
    """`docs/explanation/house.md` is always true."""

    def test_it_lists_the_rooms_there_are(self) -> None:
        text = (ROOT / "docs" / "explanation" / "house.md").read_text("utf-8")
        listed = re.findall(r"^\| \d \| `([a-z_]+)/?`", text, re.MULTILINE)
        there = [
            path.stem
            for path in PACKAGE.iterdir()
            if (path.is_dir() and (path / "__init__.py").is_file())
            or (path.suffix == ".py" and not path.stem.startswith("__"))
        ]
        assert sorted(listed) == sorted(there)


class TestNeutrality:
    def test_no_registry_is_named_anywhere(self) -> None:
        hosts = ("py" + "pi.org", "python" + "hosted.org", "anaconda" + ".org")
        naming = [
            f"{path.relative_to(ROOT)}: {host}"
            for path in tracked_files()
            for host in hosts
            if host.encode() in path.read_bytes()
        ]
        assert naming == []
