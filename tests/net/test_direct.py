"""Connections of the standard library, against servers that say exactly what the test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from tests.support.server import serving
from vinstall.errors import NetworkError
from vinstall.net.client import HttpClient
from vinstall.net.network_settings import NetworkSettings
from vinstall.net.response import TransferInterrupted


class Scripted:
    """A server that sends these bytes, one answer for each request, whatever is asked."""

    def __init__(self, connections: Sequence[Sequence[bytes]]) -> None:
        self.connections = connections
        self.accepted = 0
        self.heads: list[bytes] = []
        self.url = ""

    def run(self, listener: socket.socket) -> None:
        for answers in self.connections:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                self.accepted += 1
                for answer in answers:
                    self.heads.append(self._head(connection))
                    connection.sendall(answer)

    def _head(self, connection: socket.socket) -> bytes:
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            data = connection.recv(65536)
            if not data:
                raise OSError
            received += data
        return received


@contextlib.contextmanager
def scripted(*connections: Sequence[bytes]) -> Iterator[Scripted]:
    server = Scripted(connections)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=(listener,), daemon=True)
        thread.start()
        yield server


def client(*, retries: int = 0, timeout: float = 5.0) -> HttpClient:
    settings = NetworkSettings(retries=retries, timeout=timeout)
    return HttpClient(settings, environ={"HOME": "/nonexistent"}, sleep=lambda seconds: None)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class TestConnectionsAreUsedAgain:
    def test_by_the_next_request(self) -> None:
        with scripted([OK, OK]) as server:
            one = client()
            assert [one.get(server.url + path).content for path in ("/a", "/b")] == [b"ok", b"ok"]
        assert server.accepted == 1
        assert server.heads[1].startswith(b"GET /b HTTP/1.1\r\nHost: 127.0.0.1:")

    def test_one_that_the_server_has_closed_is_replaced(self) -> None:
        with scripted([OK], [OK], [OK]) as server:
            one = client()
            for _ in range(3):
                assert one.get(server.url + "/").content == b"ok"
        assert server.accepted == 3

    def test_not_after_the_server_said_close(self) -> None:
        closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
        with scripted([closing], [OK]) as server:
            one = client()
            assert [one.get(server.url + "/").content for _ in range(2)] == [b"ok", b"ok"]

    def test_not_after_a_body_that_was_not_read(self) -> None:
        with serving({"/big": b"x" * 1_000_000, "/": b"ok"}) as server:
            one = client()
            with one.stream(server.url + "/big") as stream:
                next(stream.chunks())
            assert one.get(server.url + "/").content == b"ok"

    def test_a_closed_client_can_be_used_again(self) -> None:
        with scripted([OK], [OK]) as server:
            one = client()
            one.get(server.url + "/")
            one.close()
            assert one.get(server.url + "/").content == b"ok"
        assert server.accepted == 2


class TestBodies:
    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\nok",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ],
        ids=["chunked", "to the end of the connection", "after a 100"],
    )
    def test_their_end_is_found(self, answer: bytes) -> None:
        with scripted([answer]) as server:
            assert client().get(server.url + "/").content == b"ok"

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "7 bytes are missing"),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok",
                "7 bytes are missing",
            ),
            (b"", "Remote end closed connection without response"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        ],
        ids=["too short", "a chunk too short", "nothing", "another protocol"],
    )
    def test_one_that_breaks_off_is_told(self, answer: bytes, reason: str) -> None:
        with scripted([answer]) as server, pytest.raises(TransferInterrupted) as caught:
            client().get(server.url + "/")
        assert caught.value.message.startswith("the connection to `127.0.0.1` broke: ")
        assert reason in caught.value.message

    def test_a_server_that_says_nothing(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            with pytest.raises(TransferInterrupted) as caught:
                client(timeout=0.1).get(url)
        assert caught.value.message == "`127.0.0.1` did not answer within 0.1 seconds"


class TestTargets:
    @pytest.mark.parametrize(
        ("path", "sent"),
        [
            ("", "/"),
            ("/a%20b%2Bc+d", "/a%20b%2Bc+d"),
            ("/größe x?a=b c", "/gr%C3%B6%C3%9Fe%20x?a=b%20c"),
            ("?token=1", "/?token=1"),
            ("/a#fragment", "/a"),
        ],
    )
    def test_they_are_quoted_where_they_have_to_be(self, path: str, sent: str) -> None:
        with scripted([OK]) as server:
            client().get(server.url + path)
        assert server.heads[0].split(b" ")[1].decode() == sent

    @pytest.mark.parametrize("path", ["/a\r\nX-Injected: 1", "/a\x00", "/\x7f"])
    def test_control_characters_are_not_sent(self, path: str) -> None:
        with scripted([OK]) as server, pytest.raises(NetworkError) as caught:
            client().get(server.url + path)
        assert "cannot be asked for: there is a control character in it" in caught.value.message
        assert server.accepted == 0

    def test_a_host_that_is_none(self) -> None:
        with pytest.raises(NetworkError) as caught:
            client().get(f"http://{'a' * 70}.example/")
        assert caught.value.message == f"the address of `{'a' * 70}.example` could not be found"
