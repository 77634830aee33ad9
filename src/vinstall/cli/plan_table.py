"""What `--dry-run` prints, and the lines that close an installation."""

from __future__ import annotations

from vinstall.cli.console import Console, render_size, render_table
from vinstall.workflows.report import Action, InstallReport, Item, with_label

_HEADERS = ("project", "version", "variant", "chosen for", "size", "from", "action")
_SIZE_COLUMN = 4


def render_plan(report: InstallReport) -> str:
    """A table of everything in the answer, and the totals."""
    if not report.items:
        return "nothing to install"
    rows = [_row(item) for item in report.items]
    return f"{render_table(_HEADERS, rows, right=(_SIZE_COLUMN,))}\n\n{_totals(report)}"


def _row(item: Item) -> tuple[str, ...]:
    stays_or_goes = item.action in (Action.KEPT, Action.REMOVED)
    action = f"replaces {item.previous}" if item.action is Action.REPLACED else item.action.value
    return (
        item.name,
        item.version,
        item.label or "-",
        "\n".join(item.deciding) or "-",
        "-" if stays_or_goes else (render_size(item.size) if item.size is not None else "unknown"),
        item.source or "-",
        action,
    )


def _totals(report: InstallReport) -> str:
    found = [(len(report.with_action(action)), action) for action in Action]
    counts = ", ".join(
        f"{count} {action.value}"
        for count, action in found
        if count or action is not Action.REMOVED
    )
    sizes = [item.size for item in report.with_action(Action.NEW, Action.REPLACED)]
    known = [size for size in sizes if size is not None]
    if not sizes:
        return counts
    if not known:
        return f"{counts}; how much to download is not known"
    at_least = "at least " if len(known) < len(sizes) else ""
    return f"{counts}; {at_least}{render_size(sum(known))} to download"


def render_summary(report: InstallReport, console: Console, *, seconds: float) -> str:
    """One line for each distribution that changed, and one for the whole."""
    changed = report.with_action(Action.NEW, Action.REPLACED, Action.REMOVED)
    kept = len(report.with_action(Action.KEPT))
    if not changed:
        return f"nothing to do: {_projects(kept)} as asked already"
    lines = [_changed_line(item, console) for item in changed]
    removed = len(report.with_action(Action.REMOVED))
    also = f", removed {removed}" if removed else ""
    lines.append(f"installed {_projects(len(changed) - removed)}{also} in {seconds:.1f} s")
    return "\n".join(lines)


def _changed_line(item: Item, console: Console) -> str:
    version = with_label(item.version, item.label)
    if item.action is Action.REPLACED:
        return f"{console.added('~')} {item.name} {item.previous} -> {version}"
    if item.action is Action.REMOVED:
        return f"{console.removed('-')} {item.name} {version}"
    return f"{console.added('+')} {item.name} {version}"


def _projects(count: int) -> str:
    return f"{count} project" if count == 1 else f"{count} projects"
