"""The line that `freeze` writes for an editable distribution, as pip writes it.

A folder under git's control is written as its repository at the commit checked out; any other
as its path, with a comment that says why.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from vinstall.building.checkout import redacted

_URL = re.compile(r"\w+://")
_SCP = re.compile(r"(?:(\w+)@)?([^:/]+):([^:]*)")


class EditableLine(NamedTuple):
    """What stands after `-e`, and the comments above it."""

    requirement: str
    comments: tuple[str, ...] = ()


def editable_line(
    location: Path, name: str, version: str, environ: Mapping[str, str]
) -> EditableLine:
    """The line for project `name` in the folder `location`.  Runs `git` a few times."""
    path = os.path.normpath(location)
    root = _git(location, "rev-parse", "--show-toplevel", environ=environ)
    if root is None:
        why = f"# Editable install with no version control ({name}=={version})"
        return EditableLine(path, (why,))
    remote = _remote(location, environ)
    if remote is None:
        return EditableLine(path, (f"# Editable Git install with no remote ({name}=={version})",))
    commit = _git(location, "rev-parse", "HEAD", environ=environ)
    url = _as_url(remote)
    if url is None or commit is None:
        return EditableLine(
            path,
            (
                f"# Editable Git install ({name}=={version}) with either a deleted "
                "local remote or invalid URI:",
                f"# '{redacted(remote)}'",
            ),
        )
    inside = location.resolve().relative_to(Path(root).resolve()).as_posix()
    subdirectory = f"&subdirectory={inside}" if inside != "." else ""
    return EditableLine(f"git+{url}@{commit}#egg={name.replace('-', '_')}{subdirectory}")


def _remote(location: Path, environ: Mapping[str, str]) -> str | None:
    """The URL of `origin`, else of the first remote."""
    listed = _git(location, "config", "--get-regexp", r"remote\..*\.url", environ=environ)
    if not listed:
        return None
    lines = listed.splitlines()
    first = next((line for line in lines if line.startswith("remote.origin.url ")), lines[0])
    return first.partition(" ")[2].strip()


def _as_url(remote: str) -> str | None:
    """A remote as a URL; git also takes paths and `user@host:path`."""
    if _URL.match(remote):
        return redacted(remote)
    if Path(remote).exists():
        return Path(remote).resolve().as_uri()
    scp = _SCP.fullmatch(remote)
    if scp is None:
        return None
    user = f"{scp[1]}@" if scp[1] else ""
    return f"ssh://{user}{scp[2]}/{scp[3]}"


def _git(folder: Path, *words: str, environ: Mapping[str, str]) -> str | None:
    """What git answers; None where it fails or is not there."""
    hidden = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    variables = {key: value for key, value in environ.items() if key not in hidden}
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=folder,
            env=variables | {"LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
