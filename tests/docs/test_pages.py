"""What the documentation says is true: pages made from code, links, command lines."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from vinstall.cli.commands import vinstall

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """`docs/generate.py`, imported."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestGenerated:
    def test_the_page_of_commands_is_what_the_code_says(self) -> None:
        """In a process of its own: click keeps a command's help option from its first use."""
        code = "import generate, sys; sys.stdout.write(generate.render_commands())"
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", code],
            cwd=ROOT / "docs",
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        page = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
        assert page == done.stdout, "run `python docs/generate.py`"

    def test_the_page_of_errors_is_what_the_code_says(self, generate: ModuleType) -> None:
        """Every class is there with its exit code, and an example as it is printed."""
        page = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
        assert page == generate.render_errors(), "run `python docs/generate.py`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
class TestPages:
    def test_links_lead_somewhere(self, page: Path) -> None:
        broken = [
            target
            for target in _LINK.findall(page.read_text("utf-8"))
            if not (page.parent / target).exists()
        ]
        assert broken == []

    def test_command_lines_have_options_that_exist(self, page: Path) -> None:
        unknown = [
            f"{' '.join(words)}: {word}"
            for words in _command_lines(page)
            for word in words
            if word.startswith("-") and not _is_known(words, word.partition("=")[0])
        ]
        assert unknown == []


def _command_lines(page: Path) -> Iterator[list[str]]:
    """The words after `vinstall` of every line of a listing that calls it."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        match = re.match(r"(?:    |\$ )(?:[A-Z_]+=\S+ )*(?:\S*/)?vinstall (.*)", line)
        if match is not None:
            words = shlex.split(match[1], comments=True)
            ends = [at for at, word in enumerate(words) if word in ("|", "&&", ";", ">", "&")]
            yield words[: ends[0]] if ends else words


def _is_known(words: list[str], option: str) -> bool:
    command = _command(words)
    context = click.Context(command)
    known = {name for param in command.get_params(context) for name in param.opts}
    return option in known or (option[:2] in known and not option.startswith("--"))


def _command(words: list[str]) -> click.Command:
    """The command that `words` call."""
    context = click.Context(vinstall)
    found: click.Command = vinstall
    for word in words:
        inner = found.get_command(context, word) if isinstance(found, click.Group) else None
        if inner is None:
            break
        found = inner
    if found is vinstall and not {"--help", "--version"} & set(words):
        default = vinstall.get_command(context, "install")
        assert default is not None
        found = default
    return found
