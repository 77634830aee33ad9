"""write_pages(): a folder of projects as a static index."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable
from pathlib import Path


def write_pages(root: Path) -> None:
    """A PEP 503 page for each project, which is a folder of `root`, and one for the index."""
    projects = sorted(path.name for path in root.iterdir() if path.is_dir())
    for project in projects:
        write_project_page(root / project)
    write_page(root / "index.html", [f'<a href="{name}/">{name}</a><br>' for name in projects])


def write_project_page(folder: Path) -> None:
    """The page of one project: every file in its folder with its hash."""
    lines = []
    for path in sorted(folder.iterdir()):
        if path.name == "index.html":
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f'<a href="{html.escape(path.name)}#sha256={digest}">{path.name}</a><br>')
    write_page(folder / "index.html", lines)


def write_page(path: Path, lines: Iterable[str]) -> None:
    """One page that lists `lines`."""
    head = "<!DOCTYPE html>\n<html><body>\n"
    path.write_text(head + "\n".join(lines) + "\n</body></html>\n")
