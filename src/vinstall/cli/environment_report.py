"""What `list`, `freeze`, `check`, `uninstall` and `download` print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from vinstall.cli.console import Console, render_size

if TYPE_CHECKING:
    from vinstall.workflows.check import EnvironmentCheck
    from vinstall.workflows.download_files import Downloaded
    from vinstall.workflows.freeze import Frozen
    from vinstall.workflows.list_installed import Listed
    from vinstall.workflows.uninstall import UninstallPlan, UninstallReport

_Column = tuple[str, list[str]]
"""Header and cells."""

ALL_IS_WELL = "No broken requirements found."
"""pip's words for it."""


# --- list ---------------------------------------------------------------------------------------


def render_columns(listed: Sequence[Listed], *, verbose: bool) -> str:
    """pip's table, with variants and their properties where any is installed; empty for an empty list."""
    if not listed:
        return ""
    columns: list[_Column] = [
        ("Package", [one.name for one in listed]),
        ("Version", [one.version for one in listed]),
    ]
    if any(one.latest for one in listed):
        columns += [
            ("Latest", [str(one.latest.version) if one.latest else "" for one in listed]),
            ("Type", [one.latest.filetype if one.latest else "" for one in listed]),
        ]
    optional = [
        ("Build", [one.build or "" for one in listed]),
        ("Editable project location", [one.editable_location or "" for one in listed]),
    ]
    if verbose:
        optional += [
            ("Location", [str(one.distribution.site) for one in listed]),
            ("Installer", [one.installer for one in listed]),
        ]
    variants = [one.variant for one in listed]
    optional += [
        ("Variant", [variant.label if variant else "" for variant in variants]),
        ("Properties", [", ".join(variant.properties) if variant else "" for variant in variants]),
    ]
    shown = [*columns, *(column for column in optional if any(column[1]))]
    return _table(shown)


def _table(columns: Sequence[_Column]) -> str:
    """As pip aligns it: one space between columns, dashes below the headers."""
    widths = [max(map(len, (header, *cells))) for header, cells in columns]
    rows = [
        [header for header, _ in columns],
        ["-" * width for width in widths],
        *zip(*(cells for _, cells in columns), strict=True),
    ]
    lines = (
        " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def render_list_freeze(listed: Iterable[Listed], *, verbose: bool) -> str:
    """`name==version`, one a line."""
    return "\n".join(
        f"{one.name}=={one.distribution.version}"
        + (f" ({one.distribution.site})" if verbose else "")
        for one in listed
    )


def render_list_json(listed: Iterable[Listed]) -> str:
    """The fields pip gives with `-v`, and `variant`: label and properties, or null."""
    return _as_json([_listed_json(one) for one in listed], indent=None)


def _listed_json(one: Listed) -> dict[str, object]:
    fields: dict[str, object] = {
        "name": one.name,
        "version": str(one.distribution.version),
        "location": str(one.distribution.site),
        "installer": one.installer,
        "variant": one.variant.as_json() if one.variant else None,
    }
    if one.latest is not None:
        fields["latest_version"] = str(one.latest.version)
        fields["latest_filetype"] = one.latest.filetype
        fields["latest_variant"] = one.latest.label
    if one.editable_location is not None:
        fields["editable_project_location"] = one.editable_location
    return fields


# --- freeze -------------------------------------------------------------------------------------


def render_requirements(frozen: Iterable[Frozen | str]) -> str:
    """A requirements file."""
    return "\n".join(
        line for one in frozen for line in ((one,) if isinstance(one, str) else one.lines())
    )


def render_requirements_json(frozen: Iterable[Frozen | str]) -> str:
    """`name`, `version`, `requirement`, `editable`, `hashes`, `variant` of each; no comments."""
    return _as_json(
        [
            {
                "name": one.name,
                "version": one.version,
                "requirement": one.requirement,
                "editable": one.editable,
                "hashes": list(one.hashes),
                "variant": one.variant.as_json() if one.variant else None,
            }
            for one in frozen
            if not isinstance(one, str)
        ]
    )


# --- check --------------------------------------------------------------------------------------


def render_check(checked: EnvironmentCheck, *, verbose: bool) -> str:
    """A sentence for each fault, and what is installed as which variant; `verbose`: all files."""
    lines = [
        f"{one.name} {one.version} is the variant `{one.variant.label}`"
        f" ({', '.join(one.variant.properties) or 'no properties'})"
        for one in checked.variants
    ]
    for finding in checked.findings:
        lines.append(finding.sentence if finding.is_fault else f"note: {finding.sentence}")
        lines += [f"  {path}" for path in finding.files] if verbose else []
    if not checked.faults:
        lines.append(ALL_IS_WELL)
    return "\n".join(lines)


def render_check_json(checked: EnvironmentCheck) -> str:
    """`ok`, `checked`, `findings` and `variants`."""
    document = {
        "ok": not checked.faults,
        "checked": checked.checked,
        "findings": [finding.as_json() for finding in checked.findings],
        "variants": [
            {
                "name": one.name,
                "version": one.version,
                **one.variant.as_json(),
                "supported": one.against is None,
                "reason": one.against,
            }
            for one in checked.variants
        ],
    }
    return _as_json(document)


# --- uninstall ----------------------------------------------------------------------------------


def tell_uninstall_plan(plan: UninstallPlan, console: Console) -> None:
    """Say what would go, and what would break by it."""
    for removal in plan.leaving:
        one = removal.distribution
        files = "1 file" if len(removal.files) == 1 else f"{len(removal.files)} files"
        console.say(f"{console.removed('-')} {one.name} {one.version} ({files})")
        if console.verbosity > 0:
            for path in removal.files:
                console.say(f"  {path}")
    for need in plan.broken:
        console.warning(
            f"`{need.dependent.name}` {need.dependent.version} needs"
            f" `{need.requirement.name}` and will be broken"
        )


def render_uninstall_summary(report: UninstallReport) -> str:
    """One line."""
    count = len(report.plan.leaving)
    if not report.done:
        return "nothing was removed"
    return f"removed {count} project{'' if count == 1 else 's'}"


def render_uninstall_json(report: UninstallReport) -> str:
    """`environment`, `done`, `removed` with the files of each, `absent`, `broken`."""
    plan = report.plan
    document = {
        "environment": str(plan.target.prefix),
        "done": report.done,
        "removed": [
            {
                "name": removal.distribution.name,
                "version": str(removal.distribution.version),
                "location": str(removal.distribution.site),
                "files": list(removal.files),
            }
            for removal in plan.leaving
        ],
        "absent": list(plan.absent),
        "broken": [
            {
                "name": need.dependent.name,
                "version": str(need.dependent.version),
                "needs": need.requirement.name,
            }
            for need in plan.broken
        ],
    }
    return _as_json(document)


# --- download -----------------------------------------------------------------------------------


def render_downloaded(files: Sequence[Downloaded]) -> str:
    """The path of each file, one a line."""
    return "\n".join(str(one.path) for one in files)


def render_downloaded_json(files: Sequence[Downloaded]) -> str:
    """The files, each with its hash, size and variant."""
    return _as_json([one.as_json() for one in files])


def render_download_summary(files: Sequence[Downloaded]) -> str:
    """How many files, and how large they are together."""
    new = [one for one in files if not one.was_there]
    there = len(files) - len(new)
    kept = f", {there} there already" if there else ""
    size = render_size(sum(one.size for one in new))
    return f"{len(new)} file{'' if len(new) == 1 else 's'} ({size}) saved{kept}"


def _as_json(document: object, *, indent: int | None = 2) -> str:
    import json  # 1.3 ms, and most look at tables

    return json.dumps(document, indent=indent, ensure_ascii=False)
