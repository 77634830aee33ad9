"""The request: what was typed, as configuration and settings; and where the answer goes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from vinstall.errors import UsageError
from vinstall.workflows.option_table import OPTIONS, Kind, RawValue, parse_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vinstall.cli.console import Console
    from vinstall.workflows.configuration import Configuration
    from vinstall.workflows.settings import Settings

STARTED = time.perf_counter()
"""When the command line was about to be read, in seconds of the process's own clock."""

_TABLE = {option.name.replace("-", "_"): option for option in OPTIONS}

_CAN_BE_UNSAID = frozenset({"compile"})
"""Flags that have a flag for the contrary."""

_NEVER_EMPTY = frozenset(
    ("python", "target", "prefix", "root", "index-url", "cache-dir", "host", "cert", "client-cert")
)
"""An empty one would quietly mean another place than the one that was to be named."""


def configuration_of(console: Console, parameters: Mapping[str, Any]) -> Configuration:
    """The configuration of this run; sets how much the console says."""
    from vinstall.workflows.configuration import configuration_input, read_configuration

    console.verbosity = -1 if parameters["quiet"] else parameters["verbose"]
    inputs = configuration_input(os.environ, Path.cwd(), Path(sys.prefix))
    return read_configuration(flags(parameters), inputs, isolated=parameters["isolated"])


def settings_of(console: Console, parameters: Mapping[str, Any]) -> Settings:
    """The settings that the options in `parameters` make; sets how much the console says."""
    from vinstall.workflows.settings_builder import build_settings

    return build_settings(
        configuration_of(console, parameters),
        requirements=parameters.get("requirements", ()),
        editables=parameters.get("editable", ()),
        requirement_files=(
            *parameters.get("requirement", ()),
            *parameters.get("requirements_from_script", ()),
        ),
        groups=parameters.get("group", ()),
        extras=parameters.get("extra", ()),
        allow_sources=parameters.get("allow_source", ()),
        dry_run=parameters.get("dry_run", False),
        report=parameters.get("report"),
    )


def put(console: Console, text: str, place: str) -> None:
    """Write `text` to the file `place`, or to standard output where that is `-`."""
    from vinstall.workflows.report import write_report

    if place == "-":
        console.data(text)
    else:
        write_report(Path(place), text)


def flags(parameters: Mapping[str, Any]) -> dict[str, RawValue]:
    """What the command line set, by option name; parameters that are no configuration are left out."""
    found: dict[str, RawValue] = {}
    for name, value in parameters.items():
        option = _TABLE.get(name)
        if option is None or value is None or value == ():
            continue
        if value is False and option.name not in _CAN_BE_UNSAID:
            continue
        if isinstance(value, tuple):
            separates = option.kind is Kind.NAMES
            found[option.name] = tuple(
                item
                for text in value
                for item in (text.split(",") if separates else [text])
                if item
            )
        elif isinstance(value, str):
            if not value and option.name in _NEVER_EMPTY:
                raise UsageError(
                    f"`--{option.name}` is given without a value",
                    hint="is the variable that should hold it empty? Leave the option out for the default",
                )
            try:
                found[option.name] = parse_value(option.kind, value)
            except ValueError as error:
                raise UsageError(f"`--{option.name}`: {error}") from error
        else:
            found[option.name] = value
    return found
