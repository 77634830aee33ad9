"""Write the reference pages that are made from the code: `python docs/generate.py`."""

from __future__ import annotations

import importlib
import inspect
import io
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import vinstall as package
from vinstall.cli.commands import vinstall
from vinstall.cli.console import Console
from vinstall.errors import VinstallError

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
| 143 | ended by SIGTERM; as after Ctrl-C the environment is as it was |
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
    lines = [
        f"\n## vinstall {words}",
        "",
        f"`vinstall {words} {usage}`",
        "",
        inspect.cleandoc(command.help or ""),
    ]
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


_ERRORS_HEAD = """\
# Errors

An error says what happened, where (lines that are set in), and what to try (`hint:`).  It goes to standard error,
and the exit code tells its kind.  Whatever could not be done, the environment is as it was.  A traceback is a bug.
"""

_EXAMPLES: dict[str, dict[str, object]] = {
    "UsageError": {
        "message": "there is no option `--index-ulr`",
        "hint": "did you mean `--index-url`?",
    },
    "FormatError": {
        "message": "is not a list",
        "path": "variants.cu13.nvidia.sm_arch",
    },
    "TargetError": {
        "message": "there is no environment to install into",
        "hint": "make one with `python3 -m venv .venv`, activate another, name one with `--python PATH`, "
        "or use `--system`",
    },
    "NetworkError": {
        "message": "`https://index.example/simple/` leads through more than 10 redirects",
    },
    "OfflineError": {
        "message": "`https://index.example/simple/torch/` is not in the cache, and the network is not to be used",
        "hint": "run once without `--offline`",
    },
    "TransferInterrupted": {
        "message": "`https://index.example/simple/torch/` sent nothing for 30 seconds",
    },
    "Refused": {
        "message": "`https://index.example/simple/torch/` answered 403 Forbidden",
        "status": 403,
    },
    "SourceError": {
        "message": "`torch-2.10.0-cp312-cp312-manylinux_2_28_x86_64.whl` is listed, but not to be had: "
        "`https://index.example/torch-2.10.0-cp312-cp312-manylinux_2_28_x86_64.whl` answered 404 Not Found",
    },
    "IntegrityError": {
        "message": "`lib-1.0-py3-none-any-cu12.whl` is not the variant it was chosen as",
        "context": (
            "chosen for `nvidia :: cuda_version_lower_bound :: 13.0`",
            "the wheel says `nvidia :: cuda_version_lower_bound :: 12.0`",
        ),
        "hint": "the index describes another build; tell its maintainers",
    },
    "HashMismatch": {
        "file": "lib-1.0-py3-none-any.whl",
        "algorithm": "sha256",
        "expected": "9f86d081884c7d65...",
        "received": "60303ae22b998861...",
    },
    "InvalidWheel": {"filename": "lib-1.0-py3-none-any.whl"},
    "RecordMismatch": {
        "message": "`lib/__init__.py` is not what RECORD says",
        "context": ("in `lib-1.0-py3-none-any.whl`",),
    },
    "ResolutionError": {
        "message": "there is no release of `torch` that fits `==2.99`",
        "context": ("the newest are 2.10.0, 2.9.1, 2.9.0",),
    },
    "ResolutionFailed": {
        "message": "no release of `lib` that fits can be used here",
        "context": (
            "you asked for `lib`",
            "`lib` 1.0: `cu13` needs CUDA 13.0, the driver offers 12.8",
        ),
    },
    "VariantError": {"message": "the label `cu13` is not compatible with this machine"},
    "InstallationError": {
        "message": "`lib` and `other` both have the file `/srv/env/lib/python3.12/site-packages/shared.py`",
        "hint": "one environment can hold only one of them: leave out `lib`, or uninstall `other`",
    },
    "BuildError": {
        "message": "`lib-1.0.tar.gz` did not build: `build_wheel` failed, exit code 1",
        "context": ("error: command 'gcc' failed: No such file or directory",),
        "hint": "the whole output is in `/home/user/.cache/vinstall/v1/logs/lib-1.0.tar.gz-x1y2.log`",
    },
}
"""For each class what an example of it is made of."""


def render_errors() -> str:
    """The page of all errors: the tree as a table, then an example of each as it is printed."""
    rows = ["", "| error | exit code | means |", "| --- | --- | --- |"]
    examples = []
    for depth, kind in _errors(VinstallError, 0):
        means = (kind.__doc__ or "").splitlines()[0]
        rows.append(
            f"| {'&emsp;' * depth}[{kind.__name__}](#{kind.__name__.lower()}) | {kind.exit_code} | {means} |"
        )
        examples.append(f"\n## {kind.__name__}\n\n{means}\n\n```text\n{_example(kind)}```\n")
    return _ERRORS_HEAD + "\n".join(rows) + "\n" + "".join(examples)


def _errors(root: type[VinstallError], depth: int) -> Iterator[tuple[int, type[VinstallError]]]:
    """The classes below `root` with how far below, a family at a time."""
    import_everything()
    for kind in sorted(root.__subclasses__(), key=lambda kind: kind.__name__):
        yield depth, kind
        yield from _errors(kind, depth + 1)


def import_everything() -> None:
    """Import every module that is no script, so that every class is known."""
    for module in pkgutil.walk_packages(package.__path__, "vinstall."):
        if not module.name.endswith(("__main__", "_script")):
            importlib.import_module(module.name)


def _example(kind: type[VinstallError]) -> str:
    if kind.__name__ not in _EXAMPLES:
        raise SystemExit(f"docs/generate.py has no example of {kind.__name__}")
    parts = dict(_EXAMPLES[kind.__name__])
    positional = [parts.pop(name) for name in ("message", "filename") if name in parts]
    if kind.__name__ == "InvalidWheel":
        positional.append("its `RECORD` does not list `lib/__init__.py`")
    make: Any = kind
    out = io.StringIO()
    Console(environ={}, stderr=out).error(make(*positional, **parts))
    return out.getvalue()


def main() -> None:
    """Write every generated page."""
    (REFERENCE / "commands.md").write_text(render_commands(), "utf-8")
    (REFERENCE / "errors.md").write_text(render_errors(), "utf-8")


if __name__ == "__main__":
    main()
