"""Grounds: everything that "nothing to do" rests on, for the shortcut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging import __file__ as packaging_file

from vinstall.formats.simple_api import ARCHIVE_SUFFIXES
from vinstall.values import Row, replace
from vinstall.workflows.configuration import configuration_input
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.pip_configuration import pip_configuration_candidates
from vinstall.workflows.report import Action, InstallReport, Item
from vinstall.workflows.settings import Settings, TargetSettings

_PLAIN = re.compile(r"[A-Za-z0-9][^/\\@:$]*")
"""A requirement that names neither a place nor a variable."""
_HARMLESS = ("--hash", "--index-url", "--extra-index-url", "-i ")
"""Options of requirements files that change nothing where nothing is installed."""


class Grounds(Row):
    """What must be as it is for the answer to be the same."""

    files: tuple[str, ...]
    """Paths whose content, or absence, had a say."""
    sites: tuple[str, ...]
    """The folders of installed distributions."""
    until: float = float("inf")
    """Seconds since the epoch up to which the answer holds."""


def grounds(settings: Settings, invocation: Invocation, report: InstallReport) -> Grounds | None:
    """The grounds of a report on nothing that was changed; None where they cannot be named.

    They can be for plain requirements, of files without further files, and an environment of its
    own.  Either it has all of them, and no index and no provider was asked; or it is a dry run,
    and its plan is a remembered resolution.  Variants have no grounds.
    """
    target = report.target
    named = _is_place(settings.target.python)
    if not (named and _has_grounds(settings, report) and not _goes_further(settings)):
        return None
    files = wanted_files(settings, invocation, report)
    if files is None:
        return None
    files += _environment(settings, invocation)
    prefix, python = target.prefix, target.python
    files += [python, prefix / "pyvenv.cfg", prefix / "bin" / "python", prefix / "bin" / "python3"]
    if any(map(_has_variants, target.site_paths)):
        return None
    paths, sites = tuple(map(str, files)), tuple(map(str, target.site_paths))
    if report.remembered is None:
        return Grounds(paths, sites)
    return Grounds((*paths, *report.remembered.pages), sites, report.remembered.until)


def wanted_files(
    settings: Settings, invocation: Invocation, report: InstallReport
) -> list[Path] | None:
    """The files that had a say in what is wanted; None where these cannot be named, or variants had.

    Those of the environment and the pages of indexes are not among them.
    """
    target = report.target
    plain = all(map(_is_plain_item, report.items))
    own = target.is_virtual and not target.described
    named = (
        *settings.requirement_files,
        *settings.constraint_files,
        *settings.override_files,
        *settings.build_constraint_files,
    )
    if "-" in named or not (plain and own and _only_wants(settings)):
        return None  # standard input, for one, has no stamp
    files = [invocation.folder / Path(name).expanduser() for name in named]
    if not all(map(_is_plain, settings.requirements)) or not all(map(_is_plain_file, files)):
        return None
    return [*files, *_configuration(invocation), Path(packaging_file)]


def _has_grounds(settings: Settings, report: InstallReport) -> bool:
    """Whether what happens rests on files alone."""
    if all(item.action is Action.KEPT for item in report.items):
        return True
    if not settings.dry_run or report.remembered is None:
        return False
    # A size that the index does not list was asked for, and a duration ends a second later.
    sized = all(item.size is not None for item in report.with_action(Action.NEW, Action.REPLACED))
    return sized and settings.exclude_newer is None and not settings.exclude_newer_for


def _is_place(python: str | None) -> bool:
    """Whether `--python` was not given, or is a path and not something to be searched for."""
    return python is None or "/" in python


def _only_wants(settings: Settings) -> bool:
    """Whether the settings do no more than name requirements."""
    demands = (
        settings.editables, settings.groups, settings.only_deps, settings.exact, settings.refresh,
        settings.no_cache, settings.report, settings.variants.reselect, settings.variants.host,
    )  # fmt: skip
    where = replace(settings.target, python=None, break_system_packages=False)
    return not any(demands) and where == TargetSettings()


def _goes_further(settings: Settings) -> bool:
    """Whether more is looked at than what is installed and pages that were remembered."""
    return bool(
        settings.upgrade
        or settings.upgrade_packages
        or settings.reinstall
        or settings.reinstall_packages
        or settings.no_deps
        or settings.sources.find_links
    )


def _is_plain_item(item: Item) -> bool:
    """Whether variants had no say in it: nothing but pages and tags decided on the file."""
    choice = item.pin.choice if item.pin is not None else None
    return item.label is None and (choice is None or choice.is_plain)


def _has_variants(site: Path) -> bool:
    """Whether a variant is installed, asked for or not: it gives way where it no longer fits."""
    return any(True for _ in site.glob("*.dist-info/variant.json"))


def _is_plain(word: str) -> bool:
    return bool(_PLAIN.fullmatch(word)) and not word.lower().endswith(ARCHIVE_SUFFIXES)


def _is_plain_file(path: Path) -> bool:
    """Whether a requirements file has plain requirements and harmless options alone."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return all(map(_is_plain_line, _without_comments(lines)))


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        text = line.strip().rstrip("\\").strip()
        if not text.startswith("#") and text:
            yield text.partition(" #")[0].strip()


def _is_plain_line(line: str) -> bool:
    if "$" in line:  # a variable may stand in any part of it, hashes included
        return False
    if line.startswith("-"):
        return line.startswith(_HARMLESS)
    return _is_plain(line.partition(" --hash=")[0].strip())


def _configuration(invocation: Invocation) -> Iterator[Path]:
    """Files that configure vinstall, those included that are not there."""
    inputs = configuration_input(
        invocation.environ, invocation.folder, invocation.python.parent.parent
    )
    yield inputs.user_folder / "vinstall.toml"
    for folder in (invocation.folder, *invocation.folder.parents):
        yield folder / "vinstall.toml"
        yield folder / "pyproject.toml"
    yield from pip_configuration_candidates(invocation.environ, inputs.prefix)


def _environment(settings: Settings, invocation: Invocation) -> Iterator[Path]:
    """What decides which environment is found, and what it is."""
    named = settings.target.python or invocation.environ.get("VIRTUAL_ENV")
    if named is not None:
        path = invocation.folder / Path(named).expanduser()
        yield from (path, path / "bin" / "python", path / "bin" / "python3")
        yield path.parent.parent / "pyvenv.cfg"
    for folder in (invocation.folder, *invocation.folder.parents):
        yield folder / ".venv" / "pyvenv.cfg"
