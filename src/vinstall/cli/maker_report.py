"""What the makers' commands print: a wheel described, an index judged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vinstall.cli.console import render_size, render_table

if TYPE_CHECKING:
    from vinstall.workshop.fault import Fault
    from vinstall.workshop.index_check import CheckReport
    from vinstall.workshop.inspection import Inspection

_FORM_VERSION = 1
"""Raised when a key of the JSON forms changes its meaning or goes."""


def render_inspection(found: Inspection) -> str:
    """A wheel for people: what it is, what is in it, what is wrong with it."""
    blocks = ["\n".join(_facts(found))]
    blocks.append(
        render_table(
            ("kind", "files", "unpacked", "in the wheel"),
            [
                (
                    kind.kind,
                    str(kind.files),
                    render_size(kind.size),
                    render_size(kind.compressed_size),
                )
                for kind in found.kinds
            ],
            right=(1, 2, 3),
        )
    )
    if found.libraries:
        rows = [
            (path, f"{library.format} {library.machine}", ", ".join(library.needed or ()) or "-")
            for path, library in found.libraries.items()
        ]
        blocks.append(render_table(("compiled file", "kind", "needs"), rows))
    blocks.append(_render_faults(found.faults))
    return "\n\n".join(blocks)


def _facts(found: Inspection) -> Iterable[str]:
    yield f"{found.path.name}  {render_size(found.size)}"
    name = found.name
    facts: list[tuple[str, Iterable[str]]] = []
    if name is not None:
        build = f", build {''.join(map(str, name.build))}" if name.build else ""
        facts.append(("project", [f"{name.name} {name.version}{build}"]))
        facts.append(("tags", name.tags))
        facts.append(("label", [name.label or "none, a plain wheel"]))
    if found.properties is not None:
        facts.append(("properties", map(str, sorted(found.properties))))
    if found.table is not None:
        facts.append(("namespaces", [", ".join(found.table.namespaces)]))
        facts.append(("schema", [found.table.schema]))
    facts.append(("python", [found.requires_python] if found.requires_python else []))
    facts.append(("requires", found.requirements))
    facts.append(("sha256", [found.sha256]))
    for title, values in facts:
        for number, value in enumerate(values):
            yield f"  {title if number == 0 else '':<11} {value}"


def _render_faults(faults: tuple[Fault, ...]) -> str:
    if not faults:
        return "no faults"
    return "\n".join(f"{fault.severity}: {fault.sentence()}" for fault in faults)


def render_inspection_json(found: Inspection) -> str:
    """A wheel for programs."""
    name, table = found.name, found.table
    properties = found.properties
    document = {
        "version": _FORM_VERSION,
        "file": found.path.name,
        "size": found.size,
        "sha256": found.sha256,
        "name": name and name.name,
        "release": name and str(name.version),
        "build": name and list(name.build),
        "tags": name and list(name.tags),
        "label": name and name.label,
        "properties": None if properties is None else [str(prop) for prop in sorted(properties)],
        "namespaces": table and list(table.namespaces),
        "schema": table and table.schema,
        "requires-python": found.requires_python,
        "requires-dist": list(found.requirements),
        "kinds": [
            {
                "kind": kind.kind,
                "files": kind.files,
                "size": kind.size,
                "compressed-size": kind.compressed_size,
            }
            for kind in found.kinds
        ],
        "compiled-files": [
            {
                "path": path,
                "format": library.format,
                "machine": library.machine,
                "needed": None if library.needed is None else list(library.needed),
                "soname": library.soname,
                "search": list(library.search),
            }
            for path, library in found.libraries.items()
        ],
        "faults": _faults_json(found.faults),
    }
    return json.dumps(document, indent=2)


def render_check(report: CheckReport) -> str:
    """A check for people: one breach a line, then the count."""
    warnings = len(report.faults) - report.errors
    lines = [f"{fault.severity}: {fault.sentence()}" for fault in report.faults]
    lines.append(
        f"{report.files} files of {report.releases} releases of {report.projects} projects: "
        f"{report.errors} errors, {warnings} warnings"
    )
    return "\n".join(lines)


def render_check_json(report: CheckReport) -> str:
    """A check for programs."""
    document = {
        "version": _FORM_VERSION,
        "projects": report.projects,
        "releases": report.releases,
        "files": report.files,
        "faults": _faults_json(report.faults),
    }
    return json.dumps(document, indent=2)


def _faults_json(faults: Iterable[Fault]) -> list[dict[str, str]]:
    from vinstall.workshop.fault import RULES

    return [
        {
            "rule": fault.rule,
            "severity": fault.severity,
            "file": fault.file,
            "message": fault.message,
            "source": RULES[fault.rule].source,
        }
        for fault in faults
    ]
