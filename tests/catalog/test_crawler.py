"""Reading ahead: what is guessed, what is not, and that it changes no answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.support.catalogs import Fake, FakeCatalog, make_target
from vinstall.catalog.crawler import Crawler
from vinstall.errors import NetworkError
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.selection.release import Choice

TABLES = {
    "app": {"2.0": Fake(requires=["lib>=1", "win ; sys_platform == 'win32'"]), "1.0": Fake()},
    "lib": {"3.0rc1": Fake(), "2.0": Fake(requires=["deep"]), "1.0": Fake()},
    "deep": {"1.0": Fake(requires=["lib"], extras={"x": ["more"]})},
    "more": {"1.0": Fake()},
    "win": {"1.0": Fake()},
    "gone": {"2.0": Fake(yanked=""), "1.0": Fake()},
    "sourced": {"1.0": Fake(is_source=True, requires=["lib"])},
    "unusable": {f"{at}.0": Fake(builds=()) for at in range(9)},
}


_MADE: list[Crawler] = []


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """The threads of a test end with it."""
    yield
    while _MADE:
        _MADE.pop().stop()


class Recorder(FakeCatalog):
    """A FakeCatalog whose answers can be held back."""

    def __init__(self) -> None:
        super().__init__(TABLES)
        self.gate = threading.Event()
        self.gate.set()
        self.failing: set[str] = set()
        self.judged: list[Version] = []

    def versions(self, name: NormalizedName) -> Sequence[Version]:
        self.gate.wait(5)
        if name in self.failing:
            raise NetworkError("no connection")
        return super().versions(name)

    def choices(self, name: NormalizedName, version: Version) -> Sequence[Choice]:
        self.judged.append(version)
        return super().choices(name, version)


def requirements(*texts: str) -> list[Requirement]:
    return [parse_requirement(text) for text in texts]


def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen within 5 seconds")


def crawl(recorder: Recorder, *texts: str, leave_out: Sequence[str] = ()) -> Crawler:
    crawler = Crawler(
        recorder,
        markers=make_target().markers,
        leave_out=frozenset(canonicalize_name(name) for name in leave_out),
    )
    _MADE.append(crawler)
    crawler.follow(requirements(*texts))
    return crawler


class TestGuesses:
    def test_the_newest_release_and_what_it_needs_here(self) -> None:
        recorder = Recorder()
        crawl(recorder, "app")
        until(lambda: sorted(recorder.read) == ["app 2.0", "deep 1.0", "lib 2.0"])
        assert sorted(recorder.pages) == ["app", "deep", "lib"]

    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ("lib<2", "lib 1.0"),
            ("lib>=3.0rc1", "lib 3.0rc1"),
            ("gone", "gone 1.0"),
        ],
    )
    def test_the_release_the_requirement_asks_for(self, text: str, read: str) -> None:
        recorder = Recorder()
        crawl(recorder, text)
        until(lambda: read in recorder.read)

    def test_extras_are_followed(self) -> None:
        recorder = Recorder()
        crawl(recorder, "deep[x]")
        until(lambda: "more 1.0" in recorder.read)

    def test_what_is_installed_is_left_out(self) -> None:
        recorder = Recorder()
        crawl(recorder, "app", leave_out=["lib"])
        until(lambda: recorder.read == ["app 2.0"])
        time.sleep(0.05)
        assert recorder.pages == ["app"]

    def test_nothing_is_built_on_a_guess(self) -> None:
        recorder = Recorder()
        crawl(recorder, "sourced")
        until(lambda: recorder.pages == ["sourced"])
        time.sleep(0.05)
        assert recorder.read == []

    def test_few_versions_are_tried(self) -> None:
        recorder = Recorder()
        crawl(recorder, "unusable")
        until(lambda: len(recorder.judged) == 3)
        time.sleep(0.05)
        assert len(recorder.judged) == 3

    def test_a_url_is_not_guessed_at(self) -> None:
        recorder = Recorder()
        crawl(recorder, "lib @ https://files.example/lib-1.0-py3-none-any.whl")
        time.sleep(0.05)
        assert recorder.pages == []

    def test_releases_that_are_named(self) -> None:
        recorder = Recorder()
        crawler = crawl(recorder)
        crawler.read_ahead(canonicalize_name("lib"), [Version("2.0"), Version("1.0")])
        until(lambda: sorted(recorder.read) == ["lib 1.0", "lib 2.0"])
        assert recorder.pages == []


class Waiting(Recorder):
    """One in which every page takes its time; counts how many are waited for at once."""

    def __init__(self, wait: Callable[[], object]) -> None:
        super().__init__()
        self.wait = wait
        self.together = self.most = 0

    def versions(self, name: NormalizedName) -> Sequence[Version]:
        self.together += 1
        self.most = max(self.most, self.together)
        self.wait()
        self.together -= 1
        return super().versions(name)


class TestThreads:
    NAMES = tuple(f"p{number}" for number in range(40))

    def test_a_few_take_turns_where_there_is_nothing_to_wait_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(time, "process_time", time.monotonic)  # as if it never waited
        gate = threading.Event()
        recorder = Waiting(lambda: gate.wait(5))
        crawl(recorder, *self.NAMES)
        until(lambda: recorder.most == 6)
        time.sleep(0.05)
        assert recorder.most == 6
        gate.set()
        until(lambda: len(recorder.pages) == len(self.NAMES))

    def test_many_wait_together_for_a_distant_server(self) -> None:
        gate = threading.Event()
        recorder = Waiting(lambda: gate.wait(5))
        crawler = crawl(recorder, *self.NAMES[:6])
        time.sleep(0.2)
        crawler.follow(requirements(*self.NAMES))
        until(lambda: recorder.most == 24)
        gate.set()
        until(lambda: len(recorder.pages) == len(self.NAMES))


class TestWhenItGoesWrong:
    def test_a_failure_is_left_to_whoever_asks(self) -> None:
        recorder = Recorder()
        recorder.failing.add("lib")
        crawler = crawl(recorder, "app", "deep")
        until(lambda: sorted(recorder.read) == ["app 2.0", "deep 1.0"])
        crawler.stop()

    def test_after_a_conflict_no_guess_rests_on_a_guess(self) -> None:
        recorder = Recorder()
        recorder.gate.clear()
        crawler = crawl(recorder, "app")
        crawler.settle()
        recorder.gate.set()
        until(lambda: recorder.read == ["app 2.0"])
        crawler.follow(requirements("lib"))
        until(lambda: "lib 2.0" in recorder.read)
        time.sleep(0.05)
        assert sorted(recorder.pages) == ["app", "lib"]

    def test_nothing_begins_after_the_end(self) -> None:
        recorder = Recorder()
        crawler = crawl(recorder)
        crawler.stop()
        crawler.follow(requirements("app"))
        time.sleep(0.05)
        assert recorder.pages == []

    def test_without_threads_nothing_is_read_ahead(self) -> None:
        recorder = Recorder()
        crawler = Crawler(recorder, markers=make_target().markers, threads=0)
        crawler.follow(requirements("app"))
        assert recorder.pages == []

    def test_what_the_system_allows_no_thread_for_is_not_read_ahead(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        recorder = Recorder()
        crawler = crawl(recorder, "app", "deep")
        crawler.follow(requirements("lib"))
        crawler.stop()
        assert recorder.pages == []
