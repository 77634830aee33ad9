"""The order of sources, and that what they say is never mixed."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from vinstall.cache.files import Cache
from vinstall.errors import NetworkError, UsageError
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.net.client import HttpClient
from vinstall.net.response import OfflineError
from vinstall.sources.chain import Chain
from vinstall.sources.chain_builder import SourceChoice, build_chain
from vinstall.sources.default_index import default_index
from vinstall.sources.source import KeptFile

DEMO = NormalizedName("demo")


class FakeListing:
    """A source in memory; counts how often it is asked."""

    def __init__(
        self, name: str, *projects: str, late: tuple[str, ...] = (), error: Exception | None = None
    ) -> None:
        """`late`: projects that are there when it is asked again."""
        self.name = name
        self.projects = projects
        self.late = late
        self.error = error
        self.asked = 0

    def project(self, name: NormalizedName) -> ProjectPage | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self._page(name) if name in self.projects else None

    def ask_again(self, name: NormalizedName) -> ProjectPage | None:
        self.asked += 1
        return self._page(name) if name in self.late else None

    def _page(self, name: NormalizedName) -> ProjectPage:
        files = (RemoteFile(f"{name}-1.0.zip", f"https://{self.name}/{name}-1.0.zip"),)
        return ProjectPage(name=name, source=self.name, files=files)

    def kept(self, name: NormalizedName) -> tuple[KeptFile, ...] | None:
        return None if self.error is not None else (KeptFile(self.name, 7.0),)


def answering(chain: Chain, name: str = "demo") -> list[str]:
    return [page.source for page in chain.pages(NormalizedName(name))]


class TestFirstIndex:
    def test_the_first_that_knows_a_project_answers(self) -> None:
        one, two, three = (
            FakeListing("one"),
            FakeListing("two", "demo"),
            FakeListing("three", "demo"),
        )
        chain = Chain(indexes=[one, two, three])
        assert answering(chain) == ["two"]
        assert (one.asked, two.asked, three.asked) == (1, 1, 0)
        assert chain.asked(DEMO) == ("one", "two", "three")

    def test_nobody_knows(self) -> None:
        assert Chain(indexes=[FakeListing("one"), FakeListing("two")]).pages(DEMO) == ()

    def test_where_nobody_knows_they_are_asked_again(self) -> None:
        one, two = FakeListing("one"), FakeListing("two", late=("demo",))
        three = FakeListing("three", late=("demo",))
        assert answering(Chain(indexes=[one, two, three])) == ["two"]
        assert (one.asked, two.asked, three.asked) == (2, 2, 1)

    def test_nobody_is_asked_again_where_somebody_knows(self) -> None:
        one, two = FakeListing("one", late=("demo",)), FakeListing("two", "demo")
        assert answering(Chain(indexes=[one, two])) == ["two"]
        assert one.asked == 1

    def test_an_index_that_fails_is_not_passed_over(self) -> None:
        broken = FakeListing("one", error=NetworkError("down"))
        with pytest.raises(NetworkError):
            Chain(indexes=[broken, FakeListing("two", "demo")]).pages(DEMO)

    def test_offline_an_index_that_was_never_read_is_passed_over(self) -> None:
        unread = FakeListing("one", error=OfflineError("not in the cache"))
        assert answering(Chain(indexes=[unread, FakeListing("two", "demo")])) == ["two"]
        links = FakeListing("links", "demo")
        assert answering(Chain(indexes=[unread], find_links=[links])) == ["links"]
        with pytest.raises(OfflineError):
            Chain(indexes=[unread, FakeListing("two")]).pages(DEMO)


class TestFindLinks:
    def test_they_come_on_top_of_the_index_that_answers(self) -> None:
        links, more = FakeListing("links", "demo"), FakeListing("more", "demo")
        index, extra = FakeListing("index", "demo"), FakeListing("extra", "demo")
        chain = Chain(indexes=[index, extra], find_links=[links, more])
        assert answering(chain) == ["links", "more", "index"]

    def test_each_source_has_its_own_page(self) -> None:
        chain = Chain(
            indexes=[FakeListing("index", "demo")], find_links=[FakeListing("links", "demo")]
        )
        pages = chain.pages(DEMO)
        assert [[file.url for file in page.files] for page in pages] == [
            ["https://links/demo-1.0.zip"],
            ["https://index/demo-1.0.zip"],
        ]


class TestOtherStrategies:
    @pytest.mark.parametrize("strategy", ["unsafe-first-match", "unsafe-best-match"])
    def test_all_indexes_are_asked(self, strategy: str) -> None:
        indexes = [FakeListing("one", "demo"), FakeListing("two", "demo"), FakeListing("three")]
        assert answering(Chain(indexes=indexes, strategy=strategy)) == ["one", "two"]

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(UsageError) as caught:
            Chain(indexes=[], strategy="best")
        assert caught.value.message == "`best` is no index strategy"


class TestPinnedProjects:
    @pytest.mark.parametrize(
        ("pattern", "project", "source"),
        [
            ("torch*", "torch", "pinned"),
            ("torch*", "torchvision", "pinned"),
            ("Torch_*", "torch-audio", "pinned"),
            ("torch", "torchvision", "index"),
            ("[a-t]orch", "torch", "pinned"),
        ],
    )
    def test_they_are_looked_for_in_one_place(
        self, pattern: str, project: str, source: str
    ) -> None:
        index = FakeListing("index", project)
        links = FakeListing("links")
        pinned = FakeListing("pinned", project)
        chain = Chain(indexes=[index], find_links=[links], pinned=[(pattern, pinned)])
        assert answering(chain, project) == [source]

    def test_the_first_pattern_that_matches_counts(self) -> None:
        chain = Chain(
            indexes=[],
            pinned=[("d*", FakeListing("one")), ("demo", FakeListing("two", "demo"))],
        )
        assert answering(chain) == []
        assert chain.asked(DEMO) == ("one",)


class TestKeptFiles:
    def test_they_are_those_of_every_source_that_was_asked(self) -> None:
        chain = Chain(
            indexes=[FakeListing("one"), FakeListing("two", "demo"), FakeListing("three", "demo")],
            find_links=[FakeListing("links", "demo")],
        )
        kept = chain.kept(DEMO)
        assert kept is not None
        assert [file.path for file in kept] == ["links", "one", "two"]

    def test_one_that_cannot_tell_is_enough(self) -> None:
        asking = FakeListing("one", error=NetworkError("x"))
        assert Chain(indexes=[asking]).kept(DEMO) is None


class TestBuilding:
    def chain(self, choice: SourceChoice, client: HttpClient, cache: Cache) -> Chain:
        return build_chain(choice, base=Path("/srv"), client=client, cache=cache)

    def test_everything_in_its_order(
        self, client: HttpClient, cache: Cache, tmp_path: Path
    ) -> None:
        choice = SourceChoice(
            index_url="https://u:p@one.example/simple",
            extra_index_urls=("simple", "team=https://two.example/", "https://two.example/"),
            find_links=("wheels", "https://files.example/links/"),
            index_for=("torch*=https://torch.example/whl/", "team-*=team"),
        )
        chain = self.chain(choice, client, cache)
        assert chain.asked(DEMO) == (
            "/srv/wheels",
            "https://files.example/links/",
            "https://one.example/simple/",
            "/srv/simple",
            "https://two.example/",
        )
        assert chain.asked(NormalizedName("torchvision")) == ("https://torch.example/whl/",)
        assert chain.asked(NormalizedName("team-x")) == ("https://two.example/",)

    def test_no_index_leaves_the_links(self, client: HttpClient, cache: Cache) -> None:
        choice = SourceChoice(
            no_index=True,
            index_url="https://one.example/",
            find_links=("wheels",),
            index_for=("demo=https://one.example/",),
        )
        assert self.chain(choice, client, cache).asked(DEMO) == ("/srv/wheels",)

    def test_the_default_index_is_pips(self, client: HttpClient, cache: Cache) -> None:
        assert self.chain(SourceChoice(), client, cache).asked(DEMO) == (default_index(),)

    @pytest.mark.parametrize("text", ["torch", "=https://a.example/", "torch="])
    def test_a_pin_needs_both_halves(self, client: HttpClient, cache: Cache, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            self.chain(SourceChoice(index_for=(text,)), client, cache)
        assert caught.value.message == f"`{text}` names no index for a project"
