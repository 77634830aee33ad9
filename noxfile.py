"""Sessions: tests on every Python found, lint, docs, bench."""

from __future__ import annotations

import shutil

import nox

nox.options.sessions = ["lint", "tests"]
nox.needs_version = ">=2024.10"

PYTHONS = [
    version for version in ("3.11", "3.12", "3.13", "3.14") if shutil.which(f"python{version}")
]


def _install(session: nox.Session, *groups: str) -> None:
    session.install("--upgrade", "pip>=25.1")
    session.install("--editable", ".", *(word for group in groups for word in ("--group", group)))


@nox.session(python=PYTHONS or None)
def tests(session: nox.Session) -> None:
    """The whole suite; words after `--` go to pytest."""
    _install(session, "test")
    session.run("pytest", *(session.posargs or ["-n", "2", "-q"]))


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, mypy and the import contracts."""
    _install(session, "test", "lint")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """The generated reference pages written anew, and every page checked."""
    _install(session, "test")
    session.run("python", "docs/generate.py")
    session.run("pytest", "-q", "tests/docs")


@nox.session
def bench(session: nox.Session) -> None:
    """vinstall beside uv and pip on a loopback mirror; nothing is asserted on times."""
    _install(session, "test", "lint")
    session.run("python", "-m", "tests.bench", *session.posargs)
