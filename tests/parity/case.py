"""Case: one thing an installer is asked to do, and what must come of it; read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.parity.sources import Package

FOLDER = Path(__file__).with_name("cases")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must be true once the last command line has ended."""

    result: str = "ok"
    """`ok`, or `failed`: any exit code but 0."""
    installed: tuple[str, ...] | None = None
    """All that is in the environment, as `name==version`; None: that is not looked at."""
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same for other folders, such as the one of `--target`."""
    present: tuple[str, ...] = ()
    """Paths, or patterns of paths, that exist."""
    absent: tuple[str, ...] = ()
    contents: Mapping[str, str] = field(default_factory=dict)
    """Path → a text that stands in the file."""
    json: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Path → what the document holds, at least, by dotted key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case."""

    topic: str
    """The file it stands in."""
    name: str
    origin: str
    """The test of pip's that it goes back to, or `ours`."""
    packages: tuple[Package, ...]
    files: Mapping[str, str]
    variables: Mapping[str, str]
    index: str
    """Where projects come from: `links`, `index`, `page`, `none` (no index, no links) or `nothing said`."""
    before: tuple[str, ...]
    """Command lines that must succeed first; after `!` one for the shell."""
    run: str
    expect: Expectation
    says: tuple[str, ...]
    """Texts that vinstall writes; they are no concern of pip's."""
    silent: tuple[str, ...]
    """Texts that vinstall does not write."""
    differs: str | None
    """Why the outcome is another one than pip's, on purpose."""
    pip: Expectation
    """What pip does."""


def read_cases() -> list[Case]:
    """All cases, in the order of files and lines.  Raises ValueError for a case that makes no sense."""
    return [case for path in sorted(FOLDER.glob("*.toml")) for case in _read_file(path)]


def _read_file(path: Path) -> Iterator[Case]:
    document = tomllib.loads(path.read_text("utf-8"))
    for table in document["case"]:
        shared = {"index": document["index"]} if "index" in document else {}
        try:
            yield _case(path.stem, shared | table)
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f"{path.name}, {table.get('name')!r}: {error}") from error


def _case(topic: str, table: dict[str, Any]) -> Case:
    expect = _expectation(Expectation(), table.pop("expect"))
    pip = _expectation(expect, table.pop("pip", {}))
    case = Case(
        topic=topic,
        name=table.pop("name"),
        origin=table.pop("origin"),
        packages=tuple(_package(key, value) for key, value in table.pop("packages", {}).items()),
        files=table.pop("files", {}),
        variables=table.pop("variables", {}),
        index=table.pop("index", "links"),
        before=tuple(table.pop("before", ())),
        run=table.pop("run"),
        expect=expect,
        says=tuple(table.pop("says", ())),
        silent=tuple(table.pop("silent", ())),
        differs=table.pop("differs", None),
        pip=pip,
    )
    if table:
        raise ValueError(f"unknown keys: {', '.join(table)}")
    if (case.differs is None) != (pip == expect):
        raise ValueError("`differs` and `pip` go together")
    return case


def _package(key: str, value: object) -> Package:
    """`NAME VERSION [KIND]`, and its requirements or a table."""
    name, version, *rest = key.split()
    facts: dict[str, Any] = {"requires": value} if isinstance(value, list) else dict(_table(value))
    for plural in ("requires", "metadata_lines", "build_requires"):
        if plural in facts:
            facts[plural] = tuple(facts[plural])
    if rest and rest[0] in ("sdist", "tree"):
        facts["kind"] = rest[0]
    return Package(name=name, version=version, **facts)


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"neither a list of requirements nor a table: {value!r}")
    return value


def _expectation(base: Expectation, table: Mapping[str, Any]) -> Expectation:
    facts: dict[str, Any] = dict(table)
    for name in ("installed", "present", "absent"):
        if name in facts:
            facts[name] = tuple(facts[name])
    if "elsewhere" in facts:
        facts["elsewhere"] = {path: tuple(names) for path, names in facts["elsewhere"].items()}
    return replace(base, **facts)
