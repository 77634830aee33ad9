"""What `--find-links` names."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from tests.sources.conftest import Heard, new_client
from tests.support.server import serving
from tests.support.wheels import make_wheel
from vinstall.cache.files import Cache
from vinstall.net.client import HttpClient
from vinstall.net.response import OfflineError
from vinstall.sources.find_links import FindLinks, project_of
from vinstall.sources.location import parse_location
from vinstall.sources.web_text import WebTexts

DEMO = NormalizedName("demo")


def find_links(text: str, client: HttpClient, cache: Cache) -> FindLinks:
    location = parse_location(text, base=Path("/"))
    return FindLinks(location, client=client, texts=WebTexts(client, cache))


def names(place: FindLinks, project: str = "demo") -> list[str]:
    page = place.project(NormalizedName(project))
    return [] if page is None else [file.filename for file in page.files]


class TestFolder:
    def test_its_files_are_sorted_by_project(
        self, tmp_path: Path, client: HttpClient, cache: Cache
    ) -> None:
        make_wheel(tmp_path, "demo", "2.0", label="cu13")
        make_wheel(tmp_path, "Other.Project", "1.0")
        for name in ("demo-1.0.tar.gz", "demo-2.0-variants.json", "notes.txt", "demo.zip"):
            (tmp_path / name).write_bytes(b"x")
        place = find_links(str(tmp_path), client, cache)
        assert names(place) == [
            "demo-1.0.tar.gz",
            "demo-2.0-py3-none-any-cu13.whl",
            "demo-2.0-variants.json",
        ]
        assert names(place, "other-project") == ["Other.Project-1.0-py3-none-any.whl"]
        assert names(place, "unknown") == []
        assert place.name == str(tmp_path)

    def test_pages_in_it_count_as_well(
        self, tmp_path: Path, client: HttpClient, cache: Cache
    ) -> None:
        (tmp_path / "links.html").write_text('<a href="sub/demo-1.0.zip">x</a>')
        place = find_links(str(tmp_path), client, cache)
        page = place.project(DEMO)
        assert page is not None
        assert page.files[0].url == (tmp_path / "sub/demo-1.0.zip").as_uri()

    def test_what_was_read_of_it_is_told(
        self, tmp_path: Path, client: HttpClient, cache: Cache
    ) -> None:
        wheel = make_wheel(tmp_path)
        (tmp_path / "links.html").write_text('<a href="https://a.example/demo-2.0.zip">x</a>')
        kept = find_links(str(tmp_path), client, cache).kept(DEMO)
        assert kept is not None
        assert [Path(file.path) for file in kept] == [tmp_path, tmp_path / "links.html", wheel]

    def test_one_that_is_not_there_is_told_once(
        self, tmp_path: Path, client: HttpClient, cache: Cache, heard: Heard
    ) -> None:
        location = parse_location(str(tmp_path / "gone"), base=Path("/"))
        place = FindLinks(location, client=client, texts=WebTexts(client, cache), observer=heard)
        assert place.project(DEMO) is None
        assert place.project(NormalizedName("other")) is None
        assert heard.warnings == [
            f"the links in `{tmp_path / 'gone'}` are not used: it is not there"
        ]


class TestPagesAndFiles:
    def test_a_page_on_disk(self, tmp_path: Path, client: HttpClient, cache: Cache) -> None:
        (tmp_path / "links.html").write_text('<a href="demo-1.0.zip#sha256=ab">x</a>')
        page = find_links(str(tmp_path / "links.html"), client, cache).project(DEMO)
        assert page is not None
        assert page.files[0].hashes == (("sha256", "ab"),)

    def test_one_wheel_on_disk(self, tmp_path: Path, client: HttpClient, cache: Cache) -> None:
        wheel = make_wheel(tmp_path)
        assert names(find_links(str(wheel), client, cache)) == [wheel.name]

    def test_one_wheel_on_the_web_is_not_asked_for(self, client: HttpClient, cache: Cache) -> None:
        url = "https://u:p@files.example/demo-1.0-py3-none-any.whl"
        place = find_links(url, client, cache)
        page = place.project(DEMO)
        assert page is not None
        assert page.files[0].url == "https://files.example/demo-1.0-py3-none-any.whl"
        assert place.name == "https://files.example/demo-1.0-py3-none-any.whl"

    def test_a_page_on_the_web_is_read_once(self, client: HttpClient, cache: Cache) -> None:
        with serving({"/links/": b'<a href="demo-1.0.zip">x</a>'}) as server:
            place = find_links(server.url + "/links/", client, cache)
            assert place.kept(DEMO) is None
            assert names(place) == ["demo-1.0.zip"]
            assert names(place, "other") == []
            again = find_links(server.url + "/links/", client, cache)
            assert names(again) == ["demo-1.0.zip"]
            (kept,) = again.kept(DEMO) or ()
            assert Path(kept.path).is_file()
        assert len(server.requests) == 1

    def test_a_page_that_is_gone_is_told_once(
        self, client: HttpClient, cache: Cache, heard: Heard
    ) -> None:
        with serving({}) as server:
            location = parse_location(server.url + "/links/", base=Path("/"))
            place = FindLinks(
                location, client=client, texts=WebTexts(client, cache), observer=heard
            )
            assert place.project(DEMO) is None
            assert place.project(DEMO) is None
        assert heard.warnings == [
            f"the links in `{server.url}/links/` are not used: `127.0.0.1` answered 404 Not Found"
        ]

    def test_offline_takes_the_kept_page(self, client: HttpClient, cache: Cache) -> None:
        with serving({"/links/": b'<a href="demo-1.0.zip">x</a>'}) as server:
            url = server.url + "/links/"
            assert names(find_links(url, client, cache)) == ["demo-1.0.zip"]
        assert names(find_links(url, new_client(offline=True), cache)) == ["demo-1.0.zip"]
        with pytest.raises(OfflineError):
            find_links(server.url + "/new/", new_client(offline=True), cache).project(DEMO)


@pytest.mark.parametrize(
    ("filename", "project"),
    [
        ("Demo_App-1.0-py3-none-any.whl", "demo-app"),
        ("demo-1.0-1-py3-none-any-cu13.whl", "demo"),
        ("demo_app-1.0-variants.json", "demo-app"),
        ("demo-app-1.0.tar.gz", "demo-app"),
        ("demo-1.0.tar.bz2", "demo"),
        ("demo.zip", None),
        ("demo-variants.json", None),
        ("demo.txt", None),
    ],
)
def test_the_project_is_told_by_the_name(filename: str, project: str | None) -> None:
    assert project_of(filename) == project
