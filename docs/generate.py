"""Write the reference pages that are made from the code: `python docs/generate.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from vinstall.cli.commands import vinstall

REFERENCE = Path(__file__).parent / "reference"

_HEAD = """\
# Commands

`vinstall torch` is `vinstall install torch`: the first word that is no command name is a requirement.
Data goes to standard output, talk to standard error.  Every option may also be set in `vinstall.toml`, in
`[tool.vinstall]` of a `pyproject.toml`, or as a variable: `--index-url` is `index-url` there and
`VINSTALL_INDEX_URL` here; `vinstall config` prints what is set, and where.

| exit code | means |
| --- | --- |
| 0 | done |
| 1 | could not: no solution, a hash, a conflict |
| 2 | the command line or a file of options is wrong |
| 3 | there is no environment to install into, or it must not be changed |
| 4 | a server cannot be reached or refuses |
| 130 | interrupted |
"""


def render_commands() -> str:
    """The page of all commands, each with its options by section."""
    return _HEAD + "".join(_command(words, command) for words, command in _commands(vinstall))


def _commands(group: click.Group, *words: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        path = (*words, name)
        if isinstance(command, click.Group):
            yield " ".join(path), command
            yield from _commands(command, *path)
        else:
            yield " ".join(path), command


def _command(words: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"vinstall {words}")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"\n## vinstall {words}", "", f"`vinstall {words} {usage}`", "", command.help or ""]
    sections: dict[str, list[str]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            names, text = (part.replace("|", "\\|") for part in record)
            sections.setdefault(getattr(parameter, "section", "Help"), []).append(
                f"| `{names}` | {text} |"
            )
    for title, rows in sections.items():
        lines += ["", f"| {title} | |", "| --- | --- |", *rows]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def main() -> None:
    """Write every generated page."""
    (REFERENCE / "commands.md").write_text(render_commands(), "utf-8")


if __name__ == "__main__":
    main()
