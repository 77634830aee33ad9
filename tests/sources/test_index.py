"""An index over HTTP: negotiation, the kept page, and what is no page."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import respx
from packaging.utils import NormalizedName

from tests.sources.conftest import Clock, Heard, new_client
from tests.support.server import Reply, Request, Route, redirect, serving
from vinstall.cache.files import Cache
from vinstall.errors import FormatError, NetworkError
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.net.client import HttpClient
from vinstall.net.response import OfflineError
from vinstall.sources.index import ACCEPT, Index

DEMO = NormalizedName("demo")
INDEX = "https://index.example/simple/"
PAGE = INDEX + "demo/"
JSON = "application/vnd.pypi.simple.v1+json"
HTML_BODY = b'<a href="demo-1.0.zip#sha256=ab" data-yanked="bad">demo-1.0.zip</a>'
FILE = RemoteFile("demo-1.0.zip", PAGE + "demo-1.0.zip", (("sha256", "ab"),), yanked="bad")


class TestNegotiation:
    """PEP 691: "Version + Format Selection"."""

    @respx.mock
    def test_json_is_preferred_and_html_taken(self, mocked: HttpClient, cache: Cache) -> None:
        route = respx.get(PAGE).respond(
            200, content=HTML_BODY, headers={"Content-Type": "text/html; charset=utf-8"}
        )
        page = Index(INDEX, client=mocked, cache=cache).project(DEMO)
        assert page == ProjectPage(name=DEMO, source=INDEX, files=(FILE,))
        assert route.calls.last.request.headers["accept"] == ACCEPT
        assert ACCEPT.split(", ") == [
            "application/vnd.pypi.simple.v1+json",
            "application/vnd.pypi.simple.v1+html;q=0.2",
            "text/html;q=0.01",
        ]

    @respx.mock
    @pytest.mark.parametrize("content_type", [JSON, "application/json"])
    def test_json_is_read(self, mocked: HttpClient, cache: Cache, content_type: str) -> None:
        document = {
            "meta": {"api-version": "1.4"},
            "versions": ["1.0"],
            "files": [{"filename": "demo-1.0.zip", "url": "demo-1.0.zip", "size": 3, "hashes": {}}],
            "project-status": {"status": "archived"},
        }
        respx.get(PAGE).respond(
            200, content=json.dumps(document), headers={"Content-Type": content_type}
        )
        assert Index(INDEX, client=mocked, cache=cache).project(DEMO) == ProjectPage(
            name=DEMO,
            source=INDEX,
            files=(RemoteFile("demo-1.0.zip", PAGE + "demo-1.0.zip", size=3),),
            versions=("1.0",),
            status="archived",
        )

    @respx.mock
    def test_a_slash_at_the_end_of_the_index_may_be_missing(
        self, mocked: HttpClient, cache: Cache
    ) -> None:
        respx.get(PAGE).respond(200, content=HTML_BODY)
        assert Index(INDEX[:-1], client=mocked, cache=cache).project(DEMO) is not None

    @respx.mock
    @pytest.mark.parametrize("charset", ["latin-1", "no-such-thing"])
    def test_other_character_sets(self, mocked: HttpClient, cache: Cache, charset: str) -> None:
        body = '<a href="demo-1.0.zip" data-yanked="größer">x</a>'
        content = body.encode("utf-8" if charset == "no-such-thing" else charset)
        headers = {"Content-Type": f'text/html; charset="{charset}"'}
        respx.get(PAGE).respond(200, content=content, headers=headers)
        page = Index(INDEX, client=mocked, cache=cache).project(DEMO)
        assert page is not None
        assert page.files[0].yanked == "größer"

    @respx.mock
    def test_what_is_no_page_is_said(self, mocked: HttpClient, cache: Cache) -> None:
        respx.get(PAGE).respond(200, content=b"PK", headers={"Content-Type": "application/zip"})
        with pytest.raises(FormatError) as caught:
            Index(INDEX, client=mocked, cache=cache).project(DEMO)
        assert caught.value.message == "the page of `demo` has the type `application/zip`"
        assert caught.value.context == (PAGE,)

    def test_links_start_from_where_the_page_was_found(
        self, client: HttpClient, cache: Cache
    ) -> None:
        content: dict[str, Route] = {
            "/simple/demo/": redirect("/moved/demo/"),
            "/moved/demo/": HTML_BODY,
        }
        with serving(content) as server:
            index = Index(server.url + "/simple/", client=client, cache=cache)
            page = index.project(DEMO)
            assert page is not None
            assert page.files[0].url == f"{server.url}/moved/demo/demo-1.0.zip"
            assert page.source == server.url + "/simple/"


class TestUnknownProjects:
    @respx.mock
    @pytest.mark.parametrize("status", [404, 410])
    def test_they_are_none(self, mocked: HttpClient, cache: Cache, status: int) -> None:
        respx.get(PAGE).respond(status)
        assert Index(INDEX, client=mocked, cache=cache).project(DEMO) is None

    @respx.mock
    def test_a_bucket_that_may_not_be_listed_does_not_know_it(
        self, mocked: HttpClient, cache: Cache
    ) -> None:
        respx.get(PAGE).respond(403, headers={"Server": "AmazonS3"})
        assert Index(INDEX, client=mocked, cache=cache).project(DEMO) is None

    @respx.mock
    def test_any_other_refusal_is_an_error(self, mocked: HttpClient, cache: Cache) -> None:
        respx.get(PAGE).respond(403, headers={"Server": "nginx"})
        with pytest.raises(NetworkError) as caught:
            Index(INDEX, client=mocked, cache=cache).project(DEMO)
        assert caught.value.message == "`index.example` refuses: 403 Forbidden"

    @respx.mock
    def test_a_page_without_files_is_a_page(self, mocked: HttpClient, cache: Cache) -> None:
        respx.get(PAGE).respond(200, content=b"<html></html>")
        page = Index(INDEX, client=mocked, cache=cache).project(DEMO)
        assert page == ProjectPage(name=DEMO, source=INDEX, files=())


class TestKeptPages:
    """RFC 9111; ten minutes where the server says nothing."""

    def index(
        self, cache: Cache, clock: Clock, *, refresh: bool = False, offline: bool = False
    ) -> Index:
        """As another run would have it."""
        client = new_client(offline=offline, direct=False)
        return Index(INDEX, client=client, cache=cache, now=clock, refresh=refresh)

    @respx.mock
    def test_a_fresh_page_is_used_without_asking(
        self, cache: Cache, clock: Clock, heard: Heard
    ) -> None:
        route = respx.get(PAGE).respond(200, content=HTML_BODY)
        first = self.index(cache, clock).project(DEMO)
        clock.now += 599
        index = Index(
            INDEX, client=new_client(direct=False), cache=cache, now=clock, observer=heard
        )
        assert index.project(DEMO) == first
        assert index.project(DEMO) == first
        assert route.call_count == 1
        assert heard.pages == [("demo", INDEX, True)]
        clock.now += 2
        assert self.index(cache, clock).project(DEMO) == first
        assert route.call_count == 2

    @respx.mock
    def test_a_stale_page_is_asked_about(self, cache: Cache, clock: Clock) -> None:
        headers = {"ETag": '"1"', "Cache-Control": "max-age=60"}
        route = respx.get(PAGE).mock(
            side_effect=[
                httpx.Response(200, content=HTML_BODY, headers=headers),
                httpx.Response(304, headers={"Cache-Control": "max-age=60"}),
            ]
        )
        first = self.index(cache, clock).project(DEMO)
        for later in (61, 59):
            clock.now += later
            assert self.index(cache, clock).project(DEMO) == first
        assert route.call_count == 2
        assert route.calls.last.request.headers["if-none-match"] == '"1"'

    @respx.mock
    def test_a_changed_page_is_taken(self, cache: Cache, clock: Clock) -> None:
        headers = {"Last-Modified": "then", "Cache-Control": "no-cache"}
        route = respx.get(PAGE).mock(
            side_effect=[
                httpx.Response(200, content=HTML_BODY, headers=headers),
                httpx.Response(200, content=b"<html></html>", headers=headers),
            ]
        )
        self.index(cache, clock).project(DEMO)
        page = self.index(cache, clock).project(DEMO)
        assert page is not None
        assert page.files == ()
        assert route.calls.last.request.headers["if-modified-since"] == "then"

    @respx.mock
    def test_refresh_asks_whatever_the_age(self, cache: Cache, clock: Clock) -> None:
        route = respx.get(PAGE).respond(200, content=HTML_BODY, headers={"ETag": '"1"'})
        self.index(cache, clock).project(DEMO)
        self.index(cache, clock, refresh=True).project(DEMO)
        assert route.call_count == 2
        assert route.calls.last.request.headers["if-none-match"] == '"1"'
        assert route.calls.last.request.headers["cache-control"] == "max-age=0"

    @respx.mock
    def test_offline_takes_what_is_there(self, cache: Cache, clock: Clock) -> None:
        respx.get(PAGE).respond(200, content=HTML_BODY)
        first = self.index(cache, clock).project(DEMO)
        clock.now += 10**9
        assert self.index(cache, clock, offline=True).project(DEMO) == first
        with pytest.raises(OfflineError):
            self.index(cache, clock, offline=True).project(NormalizedName("other"))

    @respx.mock
    def test_that_a_project_is_unknown_is_kept_too(self, cache: Cache, clock: Clock) -> None:
        route = respx.get(PAGE).respond(404)
        for _ in range(2):
            assert self.index(cache, clock).project(DEMO) is None
        assert route.call_count == 1
        index = self.index(cache, clock)
        assert index.project(DEMO) is None
        (kept,) = index.kept(DEMO) or ()
        assert kept.until == clock.now + 600

    @respx.mock
    def test_what_was_unknown_to_an_earlier_run_can_be_asked_again(
        self, cache: Cache, clock: Clock
    ) -> None:
        route = respx.get(PAGE).respond(404)
        self.index(cache, clock).project(DEMO)
        route.respond(200, content=HTML_BODY)
        index = self.index(cache, clock)
        assert index.project(DEMO) is None
        page = index.ask_again(DEMO)
        assert page is not None
        assert page.files[0].filename == "demo-1.0.zip"
        assert route.calls.last.request.headers["Cache-Control"] == "max-age=0"
        assert index.ask_again(DEMO) is index.project(DEMO) is page
        assert self.index(cache, clock).project(DEMO) == page
        assert route.call_count == 2

    @respx.mock
    def test_nobody_is_asked_twice_in_one_run(self, cache: Cache, clock: Clock) -> None:
        route = respx.get(PAGE).respond(404)
        for expected in (1, 2):
            index = self.index(cache, clock)
            assert index.project(DEMO) is None
            assert index.ask_again(DEMO) is None
            assert index.ask_again(DEMO) is None
            assert route.call_count == expected
        assert self.index(cache, clock, offline=True).ask_again(DEMO) is None

    @respx.mock
    def test_a_page_that_is_known_is_not_asked_for_again(self, cache: Cache, clock: Clock) -> None:
        route = respx.get(PAGE).respond(200, content=HTML_BODY)
        for _ in range(2):
            index = self.index(cache, clock)
            index.project(DEMO)
            assert index.ask_again(DEMO) is None
        assert route.call_count == 1

    @respx.mock
    def test_no_store_is_obeyed(self, cache: Cache, clock: Clock) -> None:
        route = respx.get(PAGE).respond(
            200, content=HTML_BODY, headers={"Cache-Control": "no-store"}
        )
        for _ in range(2):
            self.index(cache, clock).project(DEMO)
        assert route.call_count == 2

    @respx.mock
    def test_the_file_of_a_page_changes_with_it(self, cache: Cache, clock: Clock) -> None:
        route = respx.get(PAGE).respond(200, content=HTML_BODY)
        index = self.index(cache, clock)
        assert index.kept(DEMO) is None
        index.project(DEMO)
        (first,) = index.kept(DEMO) or ()
        content = Path(first.path).read_bytes()
        assert first.until == clock.now + 600
        route.respond(200, content=b"<html></html>")
        index = self.index(cache, clock, refresh=True)
        index.project(DEMO)
        assert index.kept(DEMO) == (first,)
        assert Path(first.path).read_bytes() != content

    @respx.mock
    def test_a_page_that_must_not_be_kept_is_in_no_file(self, cache: Cache, clock: Clock) -> None:
        headers = {"Cache-Control": "no-store"}
        respx.get(PAGE).respond(200, content=HTML_BODY, headers=headers)
        index = self.index(cache, clock)
        index.project(DEMO)
        assert index.kept(DEMO) is None

    @respx.mock
    def test_every_field_survives_in_the_cache(self, cache: Cache, clock: Clock) -> None:
        document = {
            "meta": {"api-version": "1.1"},
            "versions": ["1.0"],
            "files": [
                {
                    "filename": "demo-1.0.zip",
                    "url": "https://cdn.example/demo-1.0.zip",
                    "hashes": {"sha256": "ab", "md5": "cd"},
                    "size": 2**40,
                    "requires-python": ">=3.9",
                    "yanked": True,
                    "core-metadata": {"sha256": "ef"},
                    "upload-time": "2026-01-02T03:04:05Z",
                }
            ],
        }
        respx.get(PAGE).respond(200, content=json.dumps(document), headers={"Content-Type": JSON})
        first = self.index(cache, clock).project(DEMO)
        again = self.index(cache, clock).project(DEMO)
        assert first == again
        assert again is not None
        assert isinstance(again.files[0], RemoteFile)

    def test_threads_ask_once(self, client: HttpClient, cache: Cache) -> None:
        with serving({"/demo/": Reply(body=HTML_BODY, delay=0.05)}) as server:
            index = Index(server.url, client=client, cache=cache)
            with ThreadPoolExecutor(8) as pool:
                pages = list(pool.map(lambda _: index.project(DEMO), range(8)))
        assert len({id(page) for page in pages}) == 1
        assert len(server.requests) == 1

    @respx.mock
    def test_not_modified_is_no_answer_to_a_first_question(
        self, cache: Cache, clock: Clock
    ) -> None:
        respx.get(PAGE).respond(304)
        with pytest.raises(NetworkError) as caught:
            self.index(cache, clock).project(DEMO)
        assert caught.value.message == "`index.example` answered 304 Not Modified"


class TestSecrets:
    def test_a_login_is_sent_and_shown_nowhere(
        self, client: HttpClient, cache: Cache, heard: Heard
    ) -> None:
        def page(request: Request) -> Reply:
            return Reply(body=HTML_BODY)

        with serving({"/simple/demo/": page}, auth=("user", "s3cret")) as server:
            url = server.url.replace("//", "//user:s3cret@") + "/simple/"
            index = Index(url, client=client, cache=cache, observer=heard)
            found = index.project(DEMO)
        assert index.name == server.url + "/simple/"
        assert found is not None
        assert "s3cret" not in repr((found, heard.pages))
        kept = b"".join(path.read_bytes() for path in Path(cache.root).rglob("*") if path.is_file())
        assert b"s3cret" not in kept
