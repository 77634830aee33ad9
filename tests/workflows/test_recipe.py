"""A recipe is left where the next run can be told apart from every other, and nowhere else."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from vinstall import __version__
from vinstall.formats.metadata import Metadata
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.resolution.model import Pin, Resolution
from vinstall.selection.reason import Rejection, UnsupportedFeature
from vinstall.selection.release import Choice, Wheel
from vinstall.target.environment import Scheme, Target
from vinstall.values import replace
from vinstall.workflows.express import BUCKET, question
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.kept_answer import answer_path, read_answer
from vinstall.workflows.recipe import Beginning, keep_recipe
from vinstall.workflows.remembered import Remembered
from vinstall.workflows.report import Action, InstallReport, Item
from vinstall.workflows.settings import Settings, SourceSettings, TargetSettings, VariantSettings

SHA = "ab" * 32
URL = "https://index.example/files/demo-1.0-py3-none-any.whl"
FILE = RemoteFile("demo-1.0-py3-none-any.whl", URL, (("sha256", SHA),))
LONG_AGO = 1_700_000_000.123


def item(file: RemoteFile = FILE, **changes: Any) -> Item:
    """A wheel that was installed."""
    name = parse_wheel_name(file.filename)
    pin = Pin(
        name=name.name,
        version=name.version,
        choice=Choice(artifact=Wheel(name=name, file=file, source="index")),
        metadata=Metadata(name=name.name, version=name.version),
        requested=True,
    )
    new = Item(name=name.name, version="1.0", action=Action.NEW, pin=pin, sha256=SHA)
    return replace(new, **changes)


class Left:
    """One run, and what it leaves."""

    def __init__(self, root: Path) -> None:
        self.root = root
        env = root / "env"
        (root / "requirements.txt").write_text("demo\n")
        os.utime(root / "requirements.txt", (LONG_AGO, LONG_AGO))
        (root / "page").write_text("a page")
        os.utime(root / "page", (LONG_AGO, LONG_AGO))
        scheme = Scheme(purelib=env, platlib=env, scripts=env, data=env, headers=env)
        self.words = ["install", "--python", str(env / "bin/python"), "-r", "requirements.txt"]
        self.settings = Settings(
            requirement_files=("requirements.txt",),
            target=TargetSettings(python=str(env / "bin/python")),
        )
        self.target = Target(
            python=env / "bin/python",
            python_version=Version("3.12.1"),
            markers={"platform_python_implementation": "CPython"},
            tags={},
            scheme=scheme,
            site_paths=(env,),
            prefix=env,
            origin="`--python`",
            is_virtual=True,
        )
        self.invocation = Invocation(
            environ={"HOME": str(root), "XDG_CACHE_HOME": str(root / "cache")},
            folder=root,
            python=root / "own/bin/python",
            is_virtual=True,
            time=datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
        )
        self.items: tuple[Item, ...] = (item(),)
        self.remembered: Remembered | None = Remembered(
            Resolution(pins=()), (str(root / "page"),), 99.0
        )
        store = str(root / "cache/vinstall/v1/wheels")
        self.beginning: Beginning | None = Beginning(("kind",), [[], []], store)
        self.started = time.time_ns() + 1_000_000_000  # all of this is long there
        self.summary = "+ demo 1.0\ninstalled 1 project in 0.3 s\n"

    def keep(self) -> bool:
        report = InstallReport(
            target=self.target,
            items=self.items,
            remembered=self.remembered,
            beginning=self.beginning,
        )
        return keep_recipe(
            self.words,
            self.settings,
            self.invocation,
            report,
            started=self.started,
            summary=self.summary,
        )

    @property
    def recipe(self) -> Any:
        asked = question(self.words, self.invocation.environ, __version__)
        assert asked is not None
        return read_answer(answer_path(str(self.root / "cache/vinstall"), BUCKET, asked))


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Left:
    monkeypatch.chdir(tmp_path)
    return Left(tmp_path)


def test_a_recipe_names_everything(left: Left) -> None:
    left.settings = replace(left.settings, link_mode="copy", compile=True)
    assert left.keep()
    asked, until, stamps, kind, listing, load = left.recipe
    assert asked == question(left.words, left.invocation.environ, __version__)
    assert (until, kind, listing) == (99.0, ("kind",), [[], []])
    paths = {path for path, _ in stamps}
    for path in ("requirements.txt", "page", "vinstall.toml", "pyproject.toml"):
        assert str(left.root / path) in paths
    assert any(path.endswith("packaging/__init__.py") for path in paths)
    origin = (
        b'{"archive_info": {"hashes": {"sha256": "' + SHA.encode() + b'"}}, '
        b'"url": "' + URL.encode() + b'"}'
    )
    assert load == {
        "store": str(left.root / "cache/vinstall/v1/wheels"),
        "wheels": [
            ("demo", "1.0", SHA, FILE.filename, True, ("provenance_url.json", origin)),
        ],
        "link_mode": "copy",
        "bytecode": "python-3.12.1",
        "python": "CPython 3.12.1",
        "follows": "",
    }


def test_what_was_ignored_is_kept(left: Left) -> None:
    line = "Ignoring x: markers 'sys_platform == \"win32\"' don't match your environment\n"
    left.summary = line + left.summary
    assert left.keep()
    assert left.recipe[-1]["follows"] == line


def test_colours_are_no_matter(left: Left) -> None:
    left.summary = "\x1b[32m+\x1b[0m demo 1.0\ninstalled 1 project in 0.3 s\n"
    assert left.keep()
    assert left.recipe[-1]["follows"] == ""


@pytest.mark.parametrize(
    "settings",
    [Settings(no_deps=True), Settings(upgrade=True), Settings(upgrade_packages=frozenset({"a"})),
     Settings(reinstall=True), Settings(pre=True), Settings(resolution="lowest"),
     Settings(require_hashes=True), Settings(sources=SourceSettings(find_links=("wheels",)))],
    ids=str,
)  # fmt: skip
def test_what_follows_from_the_words_may_be_asked(left: Left, settings: Settings) -> None:
    left.settings = replace(settings, requirements=("demo",))
    assert left.keep()


UNCLEAR = [
    Settings(requirements=("demo @ file:///demo.whl",)),
    Settings(requirements=("./demo",)),
    Settings(editables=("demo",)),
    Settings(groups=("test",)),
    Settings(requirement_files=("-",)),
    Settings(requirement_files=("absent.txt",)),
    Settings(build_constraint_files=("absent.txt",)),
    Settings(only_deps=True),
    Settings(exact=True),
    Settings(refresh=True),
    Settings(no_cache=True),
    Settings(report="-"),
    Settings(exclude_newer="3 days"),
    Settings(exclude_newer_for=("a=b",)),
    Settings(variants=VariantSettings(host=Path("host.json"))),
    Settings(variants=VariantSettings(reselect=True)),
    Settings(target=TargetSettings(target=Path("x"))),
    Settings(target=TargetSettings(prefix=Path("x"))),
    Settings(target=TargetSettings(root=Path("x"))),
    Settings(target=TargetSettings(user=True)),
    Settings(target=TargetSettings(system=True)),
    Settings(target=TargetSettings(python_platform="linux")),
    Settings(target=TargetSettings(python_version="3.9")),
]


@pytest.mark.parametrize("settings", UNCLEAR, ids=str)
def test_what_is_unclear_leaves_none(left: Left, settings: Settings) -> None:
    left.settings = settings
    assert not left.keep()


HASHLESS = RemoteFile(FILE.filename, URL, (("md5", "00"),))
NOT_PLAIN = {
    "kept": item(action=Action.KEPT),
    "replaced": item(action=Action.REPLACED, previous="0.9"),
    "removed": item(action=Action.REMOVED, pin=None),
    "a variant": item(label="cu13"),
    "no pin": item(pin=None),
    "a hash that the index does not list": item(HASHLESS),
    "another hash than the index lists": item(sha256="cd" * 32),
}


@pytest.mark.parametrize("other", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_new_and_plain_leaves_none(left: Left, other: Item) -> None:
    left.items = (item(), other)
    left.summary = "+ demo 1.0\n+ demo 1.0\ninstalled 2 projects in 0.3 s\n"
    assert not left.keep()
    left.items = (item(), item())
    assert left.keep()


def test_a_plain_wheel_chosen_among_variants_leaves_none(left: Left) -> None:
    """What the machine supports had a say, and may change."""
    plain = item()
    assert plain.pin is not None
    refused = Rejection("demo-1.0-py3-none-any-cu13.whl", "cu13", UnsupportedFeature((), ()))
    table = VariantTable(namespaces=(), variants={})
    changes: tuple[dict[str, Any], ...] = ({"table": table}, {"rejected": (refused,)})
    for changed in changes:
        choice = replace(plain.pin.choice, **changed)
        left.items = (replace(plain, pin=replace(plain.pin, choice=choice)),)
        assert not left.keep()


def test_a_direct_url_leaves_none(left: Left) -> None:
    direct = item()
    assert direct.pin is not None
    left.items = (replace(direct, pin=replace(direct.pin, direct_url=URL)),)
    assert not left.keep()


def test_what_was_resolved_or_not_looked_at_leaves_none(left: Left) -> None:
    left.remembered, before = None, left.remembered
    assert not left.keep()
    left.remembered, left.beginning = before, None
    assert not left.keep()


def test_an_environment_that_is_not_virtual_or_described_leaves_none(left: Left) -> None:
    before = left.target
    left.target = replace(before, is_virtual=False)
    assert not left.keep()
    left.target = replace(before, described=True)
    assert not left.keep()


def test_an_environment_found_in_another_way_leaves_none(left: Left) -> None:
    left.target = replace(left.target, origin="active virtual environment")
    assert not left.keep()
    left.target = replace(left.target, origin="`--python`", python=left.root / "other/bin/python")
    assert not left.keep()


def test_another_cache_than_the_words_name_leaves_none(left: Left) -> None:
    """Configuration may name one that is not looked at so early."""
    assert left.beginning is not None
    left.beginning = left.beginning._replace(store=str(left.root / "configured/v1/wheels"))
    assert not left.keep()


@pytest.mark.parametrize(
    "summary",
    ["note: something\x1b[31m\n+ demo 1.0\ninstalled 1 project in 0.3 s\n",
     "from https://me:secret@index.example/\n+ demo 1.0\ninstalled 1 project in 0.3 s\n",
     "+ demo 1.0 (cu13)\ninstalled 1 project in 0.3 s\n", ""],
)  # fmt: skip
def test_what_would_be_said_otherwise_leaves_none(left: Left, summary: str) -> None:
    left.summary = summary
    assert not left.keep()


@pytest.mark.parametrize("name", ["requirements.txt", "page"])
def test_a_file_that_may_change_once_more_unseen_leaves_none(left: Left, name: str) -> None:
    (left.root / name).write_text("demo\n")
    left.started = time.time_ns()
    assert not left.keep()


def test_no_words_of_ours_leave_none(left: Left) -> None:
    left.words += ["-p", "other"]
    assert not left.keep()
    left.words = left.words[:-2]
    left.invocation = left.invocation._replace(environ={})
    assert not left.keep()
