"""The development server."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from tests.workshop.installers import uv_install, vinstall_install
from vinstall.errors import SourceError, UsageError
from vinstall.workshop.index_build import build_index
from vinstall.workshop.serve import HTML_TYPE, JSON_TYPE, IndexServer, negotiate, serve_index

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with one wheel, its index, and things that must not be served."""
    folder = tmp_path / "site"
    make_wheel(folder, "Foo.Bar")
    (folder / ".secret").write_text("secret")
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    build_index(folder)
    return folder


@pytest.fixture
def server(site: Path) -> Iterator[IndexServer]:
    """It runs while the test does."""
    found = serve_index(site)
    with found.running():
        yield found


def get(server: IndexServer, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=sent)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


WHEEL = "/Foo.Bar-1.0-py3-none-any.whl"


class TestPages:
    def test_html_is_what_a_browser_gets(self, server: IndexServer) -> None:
        status, headers, body = get(server, "/simple/foo-bar/", Accept="text/html,*/*;q=0.8")
        assert status == 200
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert b"<a href=" in body

    @pytest.mark.parametrize("path", ["/simple/", "/simple/foo-bar/"])
    def test_json_is_negotiated(self, server: IndexServer, path: str) -> None:
        for accept in (JSON_TYPE, f"{JSON_TYPE}, {HTML_TYPE};q=0.2, text/html;q=0.01"):
            status, headers, body = get(server, path, Accept=accept)
            assert status == 200
            assert headers["Content-Type"] == JSON_TYPE
            assert headers["Vary"] == "Accept, Accept-Encoding"
            assert json.loads(body)["meta"]["api-version"].startswith("1.")

    def test_latest_is_answered_with_the_version_it_is(self, server: IndexServer) -> None:
        accept = "application/vnd.pypi.simple.latest+json"
        assert get(server, "/simple/", Accept=accept)[1]["Content-Type"] == JSON_TYPE

    def test_what_nobody_has_is_not_acceptable(self, server: IndexServer) -> None:
        assert get(server, "/simple/", Accept="image/png")[0] == 406

    def test_folders_and_spellings_lead_to_the_page(self, server: IndexServer) -> None:
        for path in ("/simple/foo-bar", "/simple/Foo_Bar/", "/simple/foo.bar"):
            status, headers, _ = get(server, path)
            assert (status, headers["Location"]) == (301, "/simple/foo-bar/")
        assert get(server, "/")[1]["Location"] == "/simple/"

    @pytest.mark.parametrize(
        ("accept", "chosen"),
        [
            ("", "a/x"),
            ("*/*", "a/x"),
            ("b/y", "b/y"),
            ("a/*;q=0.1, b/y;q=0.2", "b/y"),
            ("a/x;q=0, */*", "b/y"),
            ("a/x;q=x, b/y;q=0.1", "b/y"),
            ("c/z", None),
            ("a/x;q=0", None),
        ],
    )
    def test_negotiation(self, accept: str, chosen: str | None) -> None:
        assert negotiate(accept, ("a/x", "b/y")) == chosen


class TestBytes:
    def test_a_wheel_comes_whole(self, server: IndexServer, site: Path) -> None:
        status, headers, body = get(server, WHEEL, Accept_Encoding="gzip")
        assert status == 200
        assert body == (site / WHEEL[1:]).read_bytes()
        assert "Content-Encoding" not in headers
        assert headers["Accept-Ranges"] == "bytes"
        assert get(server, WHEEL, "HEAD")[1]["Content-Length"] == str(len(body))
        assert get(server, WHEEL, "HEAD")[2] == b""

    def test_pages_are_compressed_on_request(self, server: IndexServer) -> None:
        plain = get(server, "/simple/foo-bar/")
        packed = get(server, "/simple/foo-bar/", Accept_Encoding="br, gzip;q=0.5")
        assert packed[1]["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed[2]) == plain[2]
        assert packed[1]["ETag"] != plain[1]["ETag"]
        assert "Content-Encoding" not in get(server, "/simple/", Accept_Encoding="gzip;q=0")[1]

    def test_files_with_a_hash_are_not(self, server: IndexServer) -> None:
        for path in (WHEEL, WHEEL + ".metadata"):
            assert "Content-Encoding" not in get(server, path, Accept_Encoding="gzip")[1]

    @pytest.mark.parametrize(
        ("wanted", "start", "stop"),
        [
            ("bytes=0-0", 0, 1),
            ("bytes=10-19", 10, 20),
            ("bytes=-5", -5, None),
            ("bytes=7-", 7, None),
        ],
    )
    def test_ranges(
        self, server: IndexServer, site: Path, wanted: str, start: int, stop: int | None
    ) -> None:
        whole = (site / WHEEL[1:]).read_bytes()
        status, headers, body = get(server, WHEEL, Range=wanted)
        assert status == 206
        assert body == whole[start:stop]
        first = start % len(whole)
        assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(whole)}"

    def test_a_range_longer_than_the_file_is_cut(self, server: IndexServer, site: Path) -> None:
        whole = (site / WHEEL[1:]).read_bytes()
        assert get(server, WHEEL, Range="bytes=-999999")[2] == whole
        assert get(server, WHEEL, Range="bytes=5-999999")[2] == whole[5:]

    @pytest.mark.parametrize("wanted", ["bytes=999999-", "bytes=-0"])
    def test_a_range_that_cannot_be_had(self, server: IndexServer, site: Path, wanted: str) -> None:
        status, headers, _ = get(server, WHEEL, Range=wanted)
        assert status == 416
        assert headers["Content-Range"] == f"bytes */{(site / WHEEL[1:]).stat().st_size}"

    @pytest.mark.parametrize("wanted", ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-", "x"])
    def test_other_ranges_give_the_whole(self, server: IndexServer, wanted: str) -> None:
        assert get(server, WHEEL, Range=wanted)[0] == 200

    def test_conditions(self, server: IndexServer) -> None:
        _, headers, _ = get(server, WHEEL)
        tag, modified = headers["ETag"], headers["Last-Modified"]
        assert get(server, WHEEL, If_None_Match=tag)[0] == 304
        assert get(server, WHEEL, If_None_Match=f'"x", W/{tag}')[0] == 304
        assert get(server, WHEEL, If_None_Match='"x"', If_Modified_Since=modified)[0] == 200
        assert get(server, WHEEL, If_Modified_Since=modified)[0] == 304
        assert get(server, WHEEL, Range="bytes=0-1", If_Range=tag)[0] == 206
        assert get(server, WHEEL, Range="bytes=0-1", If_Range='"old"')[0] == 200


class TestLimits:
    @pytest.mark.parametrize(
        "path",
        [
            "/../outside.txt",
            "/simple/../../outside.txt",
            "/%2e%2e/outside.txt",
            "/simple/..%2f..%2foutside.txt",
            "/..%5coutside.txt",
            "/link.txt",
            "/.secret",
            "/.vinstall-index.json",
            "/nothing",
            "/simple/nothing/",
            "//etc/passwd",
            "/foo%00",
            "/" + "a" * 5000,
        ],
    )
    def test_nothing_but_the_site_is_served(self, server: IndexServer, path: str) -> None:
        assert get(server, path)[0] == 404

    def test_other_methods_are_not_implemented(self, server: IndexServer) -> None:
        assert get(server, "/", "POST")[0] == 501

    def test_a_folder_that_is_no_index(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError) as caught:
            serve_index(tmp_path)
        assert caught.value.message == f"`{tmp_path}` is no index"

    def test_an_address_that_cannot_be_had(self, site: Path) -> None:
        with pytest.raises(UsageError, match=r"cannot listen on `256.0.0.1:0`"):
            serve_index(site, host="256.0.0.1")
        with serve_index(site) as first, pytest.raises(UsageError, match="cannot listen on"):
            serve_index(site, port=first.server_address[1])

    def test_requests_are_logged_without_control_characters(self, site: Path) -> None:
        lines: list[str] = []
        found = serve_index(site, log=lines.append)
        with found.running():
            get(found, "/simple/")
        assert lines == ['"GET /simple/ HTTP/1.1" 200 -']

    def test_a_folder_of_pages_alone_is_served_from_its_root(self, site: Path) -> None:
        found = serve_index(site / "simple")
        with found.running() as url:
            assert url.endswith(f":{found.server_address[1]}/")
            assert get(found, "/foo-bar/")[0] == 200


@pytest.mark.uv
def test_uv_and_vinstall_install_from_it(server: IndexServer, tmp_path: Path) -> None:
    uv_install(server.url, tmp_path / "uv", "foo-bar")
    vinstall_install(server.url, tmp_path / "vinstall", "foo-bar")
    for target in ("uv", "vinstall"):
        assert (tmp_path / target / "Foo.Bar" / "__init__.py").is_file()
