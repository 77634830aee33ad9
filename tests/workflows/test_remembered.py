"""A remembered resolution is used again only while everything it rests on is as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.cache.files import Cache
from vinstall.formats.metadata import Metadata
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.requirement_line import RequirementLine
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.variant_json import VariantTable
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.resolution.model import Kept, Pin, Resolution
from vinstall.selection.labels import Verdict
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice, SourceDistribution, Wheel
from vinstall.sources.chain import Chain
from vinstall.target.environment import Scheme, Target
from vinstall.target.installed import InstalledDistribution
from vinstall.values import field_names, replace
from vinstall.workflows.installed_variants import Standing
from vinstall.workflows.remembered import (
    RESOLUTIONS,
    Key,
    Remembered,
    WatchedPages,
    keep,
    question_key,
    recall,
)
from vinstall.workflows.requirements import Asked
from vinstall.workflows.settings import (
    Settings,
    SourceSettings,
    TargetSettings,
    VariantSettings,
)

DEMO = NormalizedName("demo")
SCHEME = Scheme(
    purelib=Path("/e"), platlib=Path("/e"), scripts=Path("/e"), data=Path("/e"), headers=Path("/e")
)
TARGET = Target(
    python=Path("/e/bin/python"),
    python_version=Version("3.11.7"),
    markers={"sys_platform": "linux", "python_version": "3.11"},
    tags={"cp311-cp311-linux_x86_64": 0, "py3-none-any": 1},
    scheme=SCHEME,
    site_paths=(),
    prefix=Path("/e"),
    origin="`--python`",
)


def line(text: str, **more: Any) -> RequirementLine:
    requirement = parse_requirement(text)
    return RequirementLine(requirement=requirement, name=requirement.name, **more)


ASKED = Asked(requirements=(line("demo>=1"), line("other[x]; python_version > '3'")))


@dataclass
class Asking:
    """The inputs of a question."""

    settings: Settings = field(default_factory=Settings)
    asked: Asked = ASKED
    target: Target = TARGET
    standings: tuple[Standing, ...] = ()
    cutoff: object = None

    def key(self) -> Key | None:
        return question_key(self.settings, self.asked, self.target, self.standings, self.cutoff)


def standing(folder: Path, version: str = "1.0", **more: Any) -> Standing:
    info = folder / f"demo-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Name: demo\nVersion: {version}\n")
    found = InstalledDistribution(name=DEMO, version=Version(version), location=info)
    return Standing(distribution=found, **more)


class TestKey:
    """Everything but the pages is in the key."""

    def test_equal_questions_have_equal_keys(self) -> None:
        assert Asking().key() == Asking().key() is not None

    @pytest.mark.parametrize(
        "changed",
        [
            {"pre": True},
            {"upgrade": True},
            {"upgrade_packages": frozenset(["demo"])},
            {"upgrade_strategy": "eager"},
            {"reinstall": True},
            {"reinstall_packages": frozenset(["demo"])},
            {"no_deps": True},
            {"only_deps": True},
            {"resolution": "lowest"},
            {"require_hashes": True},
            {"only_binary": frozenset([":all:"])},
            {"no_binary": frozenset(["demo"])},
            {"prefer_binary": True},
            {"exact": True},
            {"sources": SourceSettings(index_url="https://other.example/simple/")},
            {"sources": SourceSettings(extra_index_urls=("https://other.example/simple/",))},
            {"sources": SourceSettings(no_index=True)},
            {"sources": SourceSettings(find_links=("links",))},
            {"sources": SourceSettings(index_strategy="unsafe-best-match")},
            {"sources": SourceSettings(index_for=("demo=https://other.example/simple/",))},
            {"sources": SourceSettings(offline=True)},
            {"variants": VariantSettings(variants=False)},
            {"variants": VariantSettings(labels=((None, "cu13"),))},
            {"variants": VariantSettings(prefer=("nvidia",))},
            {"variants": VariantSettings(require=("nvidia",))},
            {"variants": VariantSettings(disable_providers=frozenset(["nvidia"]))},
            {"variants": VariantSettings(host=Path("host.json"))},
        ],
        ids=str,
    )
    def test_a_setting_that_counts(self, changed: dict[str, Any]) -> None:
        assert Asking(settings=Settings(**changed)).key() not in (None, Asking().key())

    @pytest.mark.parametrize(
        "changed",
        [
            {"dry_run": True},
            {"report": "-"},
            {"compile": True},
            {"link_mode": "copy"},
            {"cache_dir": Path("/c")},
            {"refresh": True},
            {"target": TargetSettings(python="/elsewhere/bin/python")},
        ],
        ids=str,
    )
    def test_a_setting_that_does_not_count(self, changed: dict[str, Any]) -> None:
        assert Asking(settings=Settings(**changed)).key() == Asking().key()

    def test_no_setting_is_forgotten(self) -> None:
        """A new option belongs into one of the two tests above, or counts by itself."""
        free = {
            "dry_run", "report", "compile", "link_mode", "cache_dir", "refresh", "target",
            "exclude_newer", "exclude_newer_for", "no_cache",
        }  # fmt: skip
        for option in field_names(Settings()) or ():
            if option in free or option in ("sources", "variants"):
                continue
            old = getattr(Settings(), option)
            new: object
            if isinstance(old, bool):
                new = not old
            elif isinstance(old, tuple | frozenset):
                new = type(old)(["x"])
            else:
                new = "x"
            settings = replace(Settings(), **cast("dict[str, Any]", {option: new}))
            assert Asking(settings=settings).key() != Asking().key(), option

    @pytest.mark.parametrize(
        "asked",
        [
            Asked(requirements=(line("demo>=2"), *ASKED.requirements[1:])),
            Asked(requirements=tuple(reversed(ASKED.requirements))),
            Asked(requirements=(line("demo>=1"), line("other[y]; python_version > '3'"))),
            Asked(requirements=(line("demo>=1"), line("other[x]; python_version > '4'"))),
            Asked(requirements=(line("demo>=1", hashes=(("sha256", "0"),)), ASKED.requirements[1])),
            replace(ASKED, constraints=(line("demo<9", constraint=True),)),
            replace(ASKED, overrides=(parse_requirement("demo<9"),)),
            replace(ASKED, build_constraints=(line("setuptools<9", constraint=True),)),
        ],
        ids=str,
    )
    def test_what_is_asked(self, asked: Asked) -> None:
        assert Asking(asked=asked).key() not in (None, Asking().key())

    @pytest.mark.parametrize(
        "target",
        [
            replace(TARGET, python_version=Version("3.11.8")),
            replace(TARGET, markers={**TARGET.markers, "sys_platform": "darwin"}),
            replace(TARGET, tags={"py3-none-any": 0, "cp311-cp311-linux_x86_64": 1}),
            replace(TARGET, tags={"py3-none-any": 0}),
            replace(TARGET, described=True),
        ],
        ids=str,
    )
    def test_the_target(self, target: Target) -> None:
        assert Asking(target=target).key() not in (None, Asking().key())

    def test_the_same_target_elsewhere_is_the_same(self) -> None:
        other = replace(TARGET, prefix=Path("/f"), python=Path("/f/bin/python"))
        assert Asking(target=other).key() == Asking().key()

    def test_what_is_installed(self, tmp_path: Path) -> None:
        bare = Asking().key()
        first = Asking(standings=(standing(tmp_path),)).key()
        assert first not in (None, bare)
        assert Asking(standings=(standing(tmp_path, "2.0"),)).key() not in (None, first)
        path = tmp_path / "demo-1.0.dist-info" / "METADATA"
        path.write_text("Name: demo\nVersion: 1.0\nRequires-Dist: more\n")
        found = InstalledDistribution(name=DEMO, version=Version("1.0"), location=path.parent)
        edited = Asking(standings=(Standing(distribution=found),)).key()
        assert edited not in (None, first)

    def test_the_same_elsewhere_is_the_same_where_it_is_little(self, tmp_path: Path) -> None:
        keys = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            keys.append(Asking(standings=(standing(tmp_path / name),)).key())
        assert keys[0] == keys[1] is not None
        many = tuple(standing(tmp_path, f"1.{number}") for number in range(9))
        before = Asking(standings=many).key()
        (tmp_path / "demo-1.0.dist-info" / "METADATA").write_text(
            "Name: demo\nVersion: 1.0\nX: y\n"
        )
        assert Asking(standings=many).key() not in (None, before)

    def test_the_time_up_to_which_files_count(self) -> None:
        early, late = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2))
        assert Asking(cutoff=early).key() not in (None, Asking().key(), Asking(cutoff=late).key())

    def test_the_release_of_vinstall_and_of_packaging(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = Asking().key()
        for name in ("__version__", "packaging_version"):
            with monkeypatch.context() as patch:
                patch.setattr(f"vinstall.workflows.remembered.{name}", "99")
                assert Asking().key() != before

    def test_what_has_no_key(self, tmp_path: Path) -> None:
        place = RequirementLine(location="./demo")
        url = line("demo @ https://index.example/demo-1.0-py3-none-any.whl")
        assert Asking(asked=Asked(requirements=(place,))).key() is None
        assert Asking(asked=Asked(requirements=(url,))).key() is None
        assert Asking(asked=replace(ASKED, constraints=(url,))).key() is None
        assert Asking(settings=Settings(no_cache=True)).key() is None
        variant = standing(tmp_path, verdict=Verdict(label="cu13"))
        assert Asking(standings=(variant,)).key() is None
        assert Asking(cutoff=object()).key() is None


# --- pages and answers --------------------------------------------------------------------------

FILE = RemoteFile("demo-1.0-py3-none-any.whl", "https://index.example/d.whl", (("sha256", "0"),))
WHEEL = Wheel(name=parse_wheel_name(FILE.filename), file=FILE, source="https://index.example/")
PIN = Pin(
    name=DEMO,
    version=Version("1.0"),
    choice=Choice(artifact=WHEEL),
    metadata=Metadata(name=DEMO, version=Version("1.0")),
    extras=frozenset([NormalizedName("x")]),
    requested=True,
)
ANSWER = Resolution(
    pins=(PIN,),
    kept=(Kept(name=NormalizedName("other"), version=Version("2.0")),),
    notices=("`demo` 2.0 was passed over",),
)
KEY = ("1", "abc")


class FakeChain:
    """One page, kept in one file."""

    def __init__(self, file: Path, until: float, filename: str = FILE.filename) -> None:
        self._file = file
        self._until = until
        self._filename = filename

    def pages(self, name: NormalizedName) -> tuple[ProjectPage, ...]:
        row = FILE._replace(filename=self._filename)
        return (ProjectPage(name=name, source="", files=(row,)),)

    def kept(self, name: NormalizedName) -> tuple[tuple[str, float], ...] | None:
        return ((str(self._file), self._until),) if self._until else None


class World:
    """A cache and a page in a file."""

    def __init__(self, root: Path) -> None:
        self.cache = Cache(root / "cache")
        self.page = root / "page"
        self.page.write_text("page")

    def keep(self, answer: Resolution = ANSWER, *, until: float = 1e18, **more: Any) -> bool:
        pages = WatchedPages(cast(Chain, FakeChain(self.page, until, **more)))
        pages.pages(DEMO)
        return keep(self.cache, KEY, answer, pages)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_answer_comes_back(world: World) -> None:
    assert world.keep()
    found = recall(world.cache, KEY)
    assert found == Remembered(ANSWER, (str(world.page),), 1e18)
    assert recall(world.cache, ("1", "abd")) is None


def _edit(page: Path) -> None:
    page.write_text("more")
    os.utime(page, ns=(5, 5))


def _replace_by_equal(page: Path) -> None:
    stat = page.stat()
    other = page.with_name("new")
    other.write_text("page")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    page.rename(page.with_name("old"))
    other.rename(page)


@pytest.mark.parametrize("change", [_edit, _replace_by_equal, Path.unlink])
def test_another_page_in_the_cache_is_seen(world: World, change: Callable[[Path], None]) -> None:
    assert world.keep()
    change(world.page)
    assert recall(world.cache, KEY) is None


def test_it_is_used_while_the_pages_are_fresh(world: World) -> None:
    assert world.keep(until=time.time() + 60)
    assert recall(world.cache, KEY) is not None
    assert world.keep(until=time.time() - 1)
    assert recall(world.cache, KEY) is None
    assert recall(world.cache, KEY, offline=True) is not None


def test_pages_that_are_not_kept_are_not_rested_on(world: World) -> None:
    assert not world.keep(until=0)


LABELLED = parse_wheel_name("demo-1.0-py3-none-any-cu13.whl")
SOURCE = SourceDistribution(name=DEMO, version=Version("1.0"), file=FILE, source="")
REFUSED = Rejection(filename="", label="cu13", reason=cast(Any, None))


@pytest.mark.parametrize(
    "pin",
    [
        replace(PIN, direct_url="https://index.example/d.whl"),
        replace(PIN, choice=Choice(artifact=SOURCE)),
        replace(PIN, choice=Choice(artifact=WHEEL._replace(name=LABELLED))),
        replace(PIN, choice=Choice(artifact=WHEEL, table=VariantTable(namespaces=(), variants={}))),
        replace(PIN, choice=Choice(artifact=WHEEL, rejected=(REFUSED,))),
    ],
)
def test_what_more_than_names_and_tags_decided_is_not_remembered(world: World, pin: Pin) -> None:
    assert not world.keep(replace(ANSWER, pins=(pin,)))
    assert recall(world.cache, KEY) is None


def test_a_warning_has_to_be_told_each_time(world: World) -> None:
    assert not world.keep(replace(ANSWER, has_warned=True))


def test_a_damaged_value_counts_as_none(world: World) -> None:
    assert world.keep()
    Path(world.cache.value_file(RESOLUTIONS, KEY)).write_bytes(b"damaged")
    assert recall(world.cache, KEY) is None
