"""The HTTP client: retries, redirects, logins, ranges, and what it says when nothing helps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import httpx
import pytest
import respx

from tests.support.server import Reply, Request, Route, redirect, serving
from vinstall.errors import NetworkError
from vinstall.net.client import HttpClient
from vinstall.net.credentials import Credentials
from vinstall.net.network_settings import NetworkSettings
from vinstall.net.response import OfflineError, Part, TransferInterrupted

URL = "https://index.example/simple/"
BODY = bytes(range(256)) * 40


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture(params=["direct", "httpx"])
def client(waits: list[float], request: pytest.FixtureRequest) -> Iterator[HttpClient]:
    """One client for each way to speak HTTP; they are to behave alike."""
    yield from opened(waits, direct=request.param == "direct")


@pytest.fixture
def mocked(waits: list[float]) -> Iterator[HttpClient]:
    """A client whose requests respx answers."""
    with respx.mock:
        yield from opened(waits, direct=False)


def opened(waits: list[float], *, direct: bool) -> Iterator[HttpClient]:
    made = HttpClient(
        NetworkSettings(retries=2),
        environ={"HOME": "/nonexistent"},
        sleep=waits.append,
        direct=direct,
    )
    yield made
    made.close()


def with_login(url: str) -> HttpClient:
    credentials = Credentials(environ={"HOME": "/nonexistent"})
    credentials.add(url)
    return HttpClient(NetworkSettings(retries=0), credentials=credentials)


class TestGet:
    def test_the_whole_answer_comes_back(self, mocked: HttpClient) -> None:
        route = respx.get(URL).respond(200, content=b"page", headers={"ETag": '"1"'})
        response = mocked.get(URL, headers={"Accept": "text/html"})
        assert (response.status, response.url, response.content) == (200, URL, b"page")
        assert response.headers["etag"] == '"1"'
        assert route.calls.last.request.headers["accept"] == "text/html"
        assert route.calls.last.request.headers["user-agent"].startswith("vinstall/")

    def test_who_waits_for_a_request_is_told_once_before_it(self, mocked: HttpClient) -> None:
        told: list[int] = []
        route = respx.get(URL).respond(200)
        mocked.before_request(lambda: told.append(route.call_count))
        mocked.get(URL)
        mocked.get(URL)
        assert told == [0]

    def test_a_status_that_was_not_expected_is_an_error(self, mocked: HttpClient) -> None:
        respx.get(URL).respond(404)
        with pytest.raises(NetworkError) as caught:
            mocked.get(URL)
        assert caught.value.message == "`index.example` answered 404 Not Found"
        assert caught.value.context == (URL,)
        assert mocked.get(URL, accepting=(200, 404)).status == 404

    def test_a_page_without_end_is_given_up(self, mocked: HttpClient) -> None:
        respx.get(URL).respond(200, content=b"x" * 1001)
        with pytest.raises(NetworkError) as caught:
            mocked.get(URL, limit=1000)
        assert caught.value.message == f"`{URL}` sends more than 1000 bytes, which is refused"

    def test_compressed_pages_are_unpacked(self, client: HttpClient) -> None:
        with serving({"/": b"page" * 100}, compress=True) as server:
            response = client.get(server.url + "/")
        assert response.headers["content-encoding"] == "gzip"
        assert response.content == b"page" * 100

    def test_no_cookie_is_kept(self, mocked: HttpClient) -> None:
        route = respx.get(URL).respond(200, headers={"Set-Cookie": "a=b"})
        mocked.get(URL)
        mocked.get(URL)
        assert "cookie" not in route.calls.last.request.headers

    def test_offline_asks_nobody(self) -> None:
        client = HttpClient(NetworkSettings(offline=True))
        with pytest.raises(OfflineError) as caught:
            client.get("https://user:secret@index.example/")
        assert caught.value.message == (
            "`https://****@index.example/` is not in the cache, and the network is not to be used"
        )


class TestRetries:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_a_passing_refusal_is_tried_again(
        self, mocked: HttpClient, waits: list[float], status: int
    ) -> None:
        respx.get(URL).mock(side_effect=[httpx.Response(status), httpx.Response(200, content=b"1")])
        assert mocked.get(URL).content == b"1"
        assert len(waits) == 1
        assert 0.15 <= waits[0] <= 0.3

    def test_a_broken_connection_is_tried_again(
        self, mocked: HttpClient, waits: list[float]
    ) -> None:
        respx.get(URL).mock(
            side_effect=[
                httpx.ConnectError("no"),
                httpx.ReadTimeout("slow"),
                httpx.Response(200, content=b"1"),
            ]
        )
        assert mocked.get(URL).content == b"1"
        assert waits[0] <= 0.3 <= waits[1] <= 0.6

    def test_it_gives_up_in_the_end(self, mocked: HttpClient, waits: list[float]) -> None:
        route = respx.get(URL).respond(503)
        with pytest.raises(NetworkError) as caught:
            mocked.get(URL)
        assert caught.value.message == "`index.example` answered 503 Service Unavailable"
        assert route.call_count == 3
        assert len(waits) == 2

    def test_the_server_may_say_how_long_to_wait(
        self, mocked: HttpClient, waits: list[float]
    ) -> None:
        respx.get(URL).mock(
            side_effect=[httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(200)]
        )
        mocked.get(URL)
        assert waits == [7.0]

    @pytest.mark.parametrize("text", ["²", "-7", "0x7", ""])
    def test_what_is_no_time_is_not_heard(
        self, mocked: HttpClient, waits: list[float], text: str
    ) -> None:
        refused = httpx.Response(429, headers=[(b"Retry-After", text.encode("latin-1"))])
        respx.get(URL).mock(side_effect=[refused, httpx.Response(200)])
        mocked.get(URL)
        assert len(waits) == 1
        assert waits[0] < 1

    def test_the_wait_may_be_a_date(self, mocked: HttpClient, waits: list[float]) -> None:
        past = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
        respx.get(URL).mock(
            side_effect=[
                httpx.Response(429, headers=past),
                httpx.Response(503, headers={"Retry-After": "soon"}),
                httpx.Response(200),
            ]
        )
        mocked.get(URL)
        assert len(waits) == 2
        assert max(waits) < 1

    def test_nobody_waits_for_an_hour(self, mocked: HttpClient, waits: list[float]) -> None:
        respx.get(URL).respond(503, headers={"Retry-After": "3600"})
        with pytest.raises(NetworkError):
            mocked.get(URL)
        assert waits == []

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    def test_a_final_refusal_is_not_tried_again(self, mocked: HttpClient, status: int) -> None:
        route = respx.get(URL).respond(status)
        with pytest.raises(NetworkError):
            mocked.get(URL)
        assert route.call_count == 1

    def test_a_body_that_breaks_off_is_asked_for_again(self, client: HttpClient) -> None:
        with serving({"/": Reply(body=BODY, failures=1, cut=100)}) as server:
            assert client.get(server.url + "/").content == BODY
        assert len(server.requests) == 2


class TestRedirects:
    def test_they_are_followed_and_the_last_url_is_told(self, client: HttpClient) -> None:
        with serving({"/a": redirect("b?x=1"), "/b": redirect("/c", 308), "/c": b"1"}) as server:
            response = client.get(server.url + "/a", headers={"Accept": "text/html"})
        assert (response.url, response.content) == (server.url + "/c", b"1")
        assert server.paths == ["/a", "/b?x=1", "/c"]
        assert server.requests[-1].headers["accept"] == "text/html"

    @pytest.mark.parametrize(
        "target", ["file:///etc/passwd", "ftp://a.example/", "data:text/plain,x"]
    )
    def test_they_do_not_leave_the_web(self, client: HttpClient, target: str) -> None:
        with serving({"/a": redirect(target)}) as server, pytest.raises(NetworkError) as caught:
            client.get(server.url + "/a")
        assert caught.value.message == f"`{server.url}/a` redirects to `{target}`"
        assert caught.value.hint == "only addresses of the web are followed from the web"

    def test_what_is_no_url_leads_nowhere(self, client: HttpClient) -> None:
        with (
            serving({"/a": redirect("http://[::1")}) as server,
            pytest.raises(NetworkError) as caught,
        ):
            client.get(server.url + "/a")
        assert caught.value.message == f"`{server.url}/a` redirects to what is no URL"

    def test_they_do_not_go_on_for_ever(self, client: HttpClient) -> None:
        with serving({"/a": redirect("/a")}) as server, pytest.raises(NetworkError) as caught:
            client.get(server.url + "/a")
        assert caught.value.message == f"`{server.url}/a` leads through more than 10 redirects"
        assert len(server.requests) == 11

    def test_a_login_does_not_go_to_another_server(self) -> None:
        with serving({"/b": b"1"}) as other:
            content = {"/a": redirect(other.url + "/b")}
            with serving(content, auth=("user", "secret")) as server:
                client = with_login(server.url.replace("//", "//user:secret@") + "/a")
                assert client.get(server.url + "/a").content == b"1"
        assert "authorization" in server.requests[0].headers
        assert "authorization" not in other.requests[0].headers

    def test_a_login_does_not_go_to_plain_http(self, mocked: HttpClient) -> None:
        respx.get("https://index.example/a").respond(
            302, headers={"Location": "http://index.example/b"}
        )
        plain = respx.get("http://index.example/b").respond(200)
        mocked.credentials.add("https://user:secret@index.example/")
        mocked.get("https://index.example/a")
        assert "authorization" not in plain.calls.last.request.headers

    def test_a_login_in_the_target_is_not_used(self, mocked: HttpClient) -> None:
        respx.get(URL).respond(302, headers={"Location": "https://u:p@other.example/x"})
        target = respx.get("https://other.example/x").respond(200)
        assert mocked.get(URL).url == "https://other.example/x"
        assert "authorization" not in target.calls.last.request.headers


class TestLogins:
    def test_a_known_one_is_sent_at_once(self) -> None:
        with serving({"/": b"1"}, auth=("user", "secret")) as server:
            client = with_login(server.url.replace("//", "//user:secret@"))
            assert client.get(server.url + "/").content == b"1"
        assert len(server.requests) == 1

    def test_after_a_refusal_the_user_is_asked(self) -> None:
        credentials = Credentials(
            environ={"HOME": "/nonexistent"}, ask=lambda host, user: ("user", "secret")
        )
        client = HttpClient(credentials=credentials)
        with serving({"/": b"1"}, auth=("user", "secret")) as server:
            assert client.get(server.url + "/").content == b"1"
            assert client.get(server.url + "/").content == b"1"
        assert len(server.requests) == 3

    def test_a_refusal_names_the_ways_to_log_in(self, client: HttpClient) -> None:
        content: dict[str, Route] = {"/": b"1"}
        with serving(content, auth=("user", "pw")) as server, pytest.raises(NetworkError) as caught:
            client.get(server.url + "/")
        assert caught.value.message == "`127.0.0.1` wants a login: 401 Unauthorized"
        assert caught.value.hint == (
            "give it in the URL of the index, in a netrc file, as "
            "`VINSTALL_INDEX_127_0_0_1_USERNAME` and `..._PASSWORD`, or let `keyring` be asked"
        )


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (httpx.ReadTimeout("x"), "`index.example` did not answer within 30 seconds"),
            (httpx.ConnectTimeout("x"), "`index.example` did not answer within 30 seconds"),
            (httpx.ConnectError("refused"), "no connection to `index.example`: refused"),
            (
                httpx.RemoteProtocolError("gone"),
                "the connection to `index.example` broke: gone",
            ),
            (
                httpx.ProxyError("407 Proxy Authentication Required"),
                "the proxy wants a login: 407 Proxy Authentication Required",
            ),
            (httpx.ProxyError("502 no"), "the proxy refuses the connection: 502 no"),
        ],
    )
    def test_each_has_its_words(self, mocked: HttpClient, error: Exception, message: str) -> None:
        respx.get(URL).mock(side_effect=error)
        with pytest.raises(NetworkError) as caught:
            mocked.get(URL)
        assert caught.value.message == message
        assert caught.value.exit_code == 4

    def test_a_closed_port(self, client: HttpClient) -> None:
        with pytest.raises(TransferInterrupted) as caught:
            client.get("http://127.0.0.1:9/x")
        assert caught.value.message == "no connection to `127.0.0.1`: connection refused"

    def test_a_host_that_does_not_exist(self, client: HttpClient) -> None:
        with pytest.raises(TransferInterrupted) as caught:
            client.get("http://nowhere.invalid/x")
        assert caught.value.message == "the address of `nowhere.invalid` could not be found"

    def test_a_url_that_cannot_be_sent(self, client: HttpClient) -> None:
        with pytest.raises(NetworkError) as caught:
            client.get("http://index.example/\x00?token=secret")
        assert "secret" not in caught.value.message
        assert caught.value.message.startswith("`http://index.example/\\x00?token=****` cannot")

    def test_a_proxy_of_an_unknown_kind(self) -> None:
        client = HttpClient(NetworkSettings(proxy="gopher://u:secret@p.example"))
        with pytest.raises(NetworkError) as caught:
            client.get(URL)
        assert caught.value.message == "the proxy `gopher://****@p.example` cannot be used"


class TestStream:
    def test_bytes_come_as_they_are(self, client: HttpClient) -> None:
        with serving({"/x.whl": BODY}) as server, client.stream(server.url + "/x.whl") as stream:
            assert b"".join(map(bytes, stream.chunks())) == BODY
            assert stream.headers["content-length"] == str(len(BODY))
            assert stream.validator == stream.headers["etag"]
        assert server.requests[0].headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize(("path", "unpacked"), [("/x.tar.gz", False), ("/x.json", True)])
    def test_an_encoding_that_is_part_of_the_file_stays(
        self, client: HttpClient, path: str, unpacked: bool
    ) -> None:
        import gzip

        packed = gzip.compress(BODY)
        reply = Reply(body=packed, headers={"Content-Encoding": "gzip"})
        with serving({path: reply}) as server, client.stream(server.url + path) as stream:
            assert b"".join(map(bytes, stream.chunks())) == (BODY if unpacked else packed)

    def test_a_break_in_the_middle_is_told_as_such(self, client: HttpClient) -> None:
        with (
            serving({"/": Reply(body=BODY, failures=9, cut=100)}) as server,
            client.stream(server.url + "/") as stream,
            pytest.raises(TransferInterrupted) as caught,
        ):
            list(stream.chunks())
        assert caught.value.message.startswith("the connection to `127.0.0.1` broke: ")


class TestRanges:
    def test_from_a_place(self, client: HttpClient) -> None:
        with serving({"/": BODY}) as server:
            part = client.read_range(server.url + "/", start=5, length=10)
        assert part is not None
        assert (part.start, part.content, part.total) == (5, BODY[5:15], len(BODY))
        assert server.requests[0].range == "bytes=5-14"

    def test_from_the_end(self, client: HttpClient) -> None:
        with serving({"/": BODY}) as server:
            part = client.read_range(server.url + "/", length=10)
        assert part is not None
        assert (part.start, part.content) == (len(BODY) - 10, BODY[-10:])

    def test_a_file_shorter_than_asked_for(self, client: HttpClient) -> None:
        with serving({"/": b"abc"}) as server:
            part = client.read_range(server.url + "/", length=10)
        assert part is not None
        assert (part.start, part.content, part.total) == (0, b"abc", 3)

    def test_a_server_that_does_not_cut(self, client: HttpClient) -> None:
        with serving({"/": BODY, "/small": b"abc"}, ranges=False) as server:
            assert client.read_range(server.url + "/", length=10) is None
            part = client.read_range(server.url + "/small", length=10)
        assert part is not None
        assert (part.start, part.content, part.total) == (0, b"abc", 3)

    def test_a_file_that_changed_in_between(self, client: HttpClient) -> None:
        with serving({"/": BODY}) as server:
            assert client.read_range(server.url + "/", start=0, length=9, validator='"old"') is None
            part = client.read_range(server.url + "/", start=0, length=9)
            assert part is not None
            again = client.read_range(server.url + "/", start=9, length=9, validator=part.validator)
        assert isinstance(again, Part)
        assert again.content == BODY[9:18]

    @pytest.mark.parametrize(
        "content_range",
        ["", "bytes 0-8/*", "bytes 1-9/100", "bytes 0-99/100", "items 0-8/100", "bytes 0-5/100"],
    )
    def test_an_answer_that_does_not_fit_is_no_answer(
        self, client: HttpClient, content_range: str
    ) -> None:
        reply = Reply(status=206, body=b"x" * 9, headers={"Content-Range": content_range})
        with serving({"/": reply}) as server:
            assert client.read_range(server.url + "/", start=0, length=9) is None

    def test_a_place_behind_the_end(self, client: HttpClient) -> None:
        with serving({"/": b"abc"}) as server:
            assert client.read_range(server.url + "/", start=5, length=9) is None


class TestProxy:
    def test_plain_http_goes_through_it(self, waits: list[float]) -> None:
        def answer(request: Request) -> Reply:
            return Reply(body=request.path.encode())

        with serving({"http://index.example/a": answer}) as proxy:
            client = HttpClient(NetworkSettings(proxy=proxy.url.replace("//", "//user:pw@")))
            assert client.get("http://index.example/a").content == b"http://index.example/a"
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic dXNlcjpwdw=="


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import vinstall.net.client", {"httpx", "ssl_context", "click", "rich", "truststore"}),
        (
            "from vinstall.net.client import HttpClient; HttpClient()._opened('direct')",
            {"httpx", "httpcore", "click", "rich", "truststore"},
        ),
        (
            "from vinstall.net.client import HttpClient; HttpClient()._opened('proxied')",
            {"httpx._main", "click", "rich", "pygments", "truststore"},
        ),
    ],
)
def test_nothing_is_imported_before_its_time(code: str, absent: set[str]) -> None:
    program = f"import sys; {code}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_plain()
    )
    assert not absent & set(result.stdout.split())


def _plain() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("PATH", "HOME"))}
