"""One connection that speaks HTTP/1.1, against a server that says exactly what the test wants."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
import os
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vinstall.net.wire import BadAnswer, Head, Wire


@contextlib.contextmanager
def saying(*parts: bytes) -> Iterator[Wire]:
    """A connection to a server that sends these bytes, each part by itself, and hangs up."""

    def serve() -> None:
        with listener.accept()[0] as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.recv(65536)
            with contextlib.suppress(OSError):
                for part in parts:
                    connection.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        wire = Wire("127.0.0.1", listener.getsockname()[1], timeout=5, context=None)
        try:
            wire.ask("/", {"Accept": "*/*"})
            yield wire
        finally:
            wire.close()
            thread.join()


def answer(*parts: bytes) -> tuple[Head, bytes, bool]:
    """Head and body of what such a server says, and whether the connection can be used again."""
    with saying(*parts) as wire:
        head = wire.read_head()
        return head, b"".join(map(bytes, wire.read_body(head))), wire.is_reusable


class TestHeads:
    def test_names_are_in_lower_case_and_values_without_space(self) -> None:
        head, _, _ = answer(b"HTTP/1.1 200 OK\r\nX-A: \t b c \r\nContent-Length:0\r\n\r\n")
        assert head == Head(200, {"x-a": "b c", "content-length": "0"}, 0, False, True)

    def test_the_last_of_several_counts(self) -> None:
        head, _, _ = answer(b"HTTP/1.1 204 No\r\nA: 1\r\na: 2\r\n\r\n")
        assert head.headers == {"a": "2"}

    def test_folded_values_are_joined(self) -> None:
        head, _, _ = answer(b"HTTP/1.1 204 No\r\nA: 1\r\n  2\r\nnonsense\r\n 3\r\nB: 4\r\n\r\n")
        assert head.headers == {"a": "1 2", "b": "4"}

    def test_lines_may_end_without_a_return(self) -> None:
        _, body, _ = answer(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
        assert body == b"ok"

    def test_what_is_provisional_is_passed_over(self) -> None:
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        head, body, _ = answer(early, early, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert (head.status, body) == (200, b"ok")

    @given(st.data())
    def test_they_may_come_in_pieces(self, data: st.DataObject) -> None:
        whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n"
        cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=4)))
        parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        _, body, reusable = answer(*parts)
        assert (body, reusable) == (b"abc", True)

    @pytest.mark.parametrize(
        ("said", "fault"),
        [
            (b"HTTP/2 200\r\n\r\n", "HTTP/2 200"),
            (b"HTTP/1.1 2OO OK\r\n\r\n", "HTTP/1.1 2OO OK"),
            (b"220 ftp.example ready\r\n", "220 ftp.example ready"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2", "HTTP/1.1 200 OK"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "its length is given as `-1`"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n", "its length is given as `1_0`"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
                "its length is given twice",
            ),
        ],
    )
    def test_what_is_no_answer_is_refused(self, said: bytes, fault: str) -> None:
        with pytest.raises(BadAnswer) as caught:
            answer(said)
        assert str(caught.value) == fault

    def test_one_without_end_is_refused(self) -> None:
        with pytest.raises(BadAnswer) as caught:
            answer(b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 100_000)
        assert str(caught.value) == "HTTP/1.1 200 OK"

    def test_silence_is_a_broken_connection(self) -> None:
        with pytest.raises(ConnectionResetError):
            answer()


class TestBodies:
    @pytest.mark.parametrize(
        ("head", "body", "reusable"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2", b"ok", True),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close", b"ok", False),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 2", b"ok", False),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive", b"ok", True),
            (b"HTTP/1.1 200 OK", b"to the end", False),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", b"to the end", False),
        ],
    )
    def test_the_end_and_what_comes_after(self, head: bytes, body: bytes, reusable: bool) -> None:
        assert answer(head + b"\r\n\r\n", body)[1:] == (body, reusable)

    @pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
    def test_some_answers_have_none(self, status: bytes) -> None:
        said = b"HTTP/1.1 " + status + b"\r\nContent-Length: 10\r\n\r\n"
        assert answer(said)[1:] == (b"", True)

    def test_more_than_was_announced_ends_the_connection(self) -> None:
        _, body, reusable = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 x")
        assert (body, reusable) == (b"ok", False)

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            (b"0x3\r\nabc\r\n0\r\n\r\n", "a chunk of the body has no size"),
            (b"+3\r\nabc\r\n0\r\n\r\n", "a chunk of the body has no size"),
            (b"3\r\nabcd\r\n0\r\n\r\n", "a chunk of the body is longer than it should be"),
            (b"3\r\nabc\r\n", "a chunk of the body is not complete"),
            (b"3" * 10_000, "a chunk of the body is not complete"),
            (b"0\r\n" + b"A: 1\r\n" * 100_000, "there is no end to what follows the body"),
        ],
    )
    def test_chunks_that_are_none_are_refused(self, body: bytes, fault: str) -> None:
        with pytest.raises(BadAnswer) as caught:
            answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body)
        assert str(caught.value) == fault

    @given(st.lists(st.integers(1, 900_000), min_size=1, max_size=5), st.booleans())
    @settings(max_examples=20, deadline=None)
    def test_a_large_one_comes_as_it_was_sent(self, sizes: list[int], in_chunks: bool) -> None:
        whole = os.urandom(sum(sizes))
        places = [0, *itertools.accumulate(sizes)]
        parts = [whole[a:b] for a, b in itertools.pairwise(places)]
        head = b"Content-Length: %d" % len(whole)
        if in_chunks:
            parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b"")]
            head = b"Transfer-Encoding: chunked"
        said = answer(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", *parts)
        assert said[1:] == (whole, True)

    def test_what_came_before_a_break_is_handed_on(self) -> None:
        received = b""
        with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"abcde") as wire:
            head = wire.read_head()
            with pytest.raises(BadAnswer, match="4 bytes are missing"):  # noqa: PT012
                for data in wire.read_body(head):
                    received += data
        assert received == b"abcde"

    def test_and_before_a_silence_that_is_too_long(self) -> None:
        received = b""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            wire = Wire("127.0.0.1", listener.getsockname()[1], timeout=0.2, context=None)
            with listener.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcde")
                wire.ask("/", {})
                head = wire.read_head()
                with pytest.raises(TimeoutError):  # noqa: PT012
                    for data in wire.read_body(head):
                        received += data
            wire.close()
        assert received == b"abcde"


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "a\0b"])
def test_a_header_with_a_line_end_is_not_sent(value: str) -> None:
    with saying() as wire, pytest.raises(ValueError, match="the header `X` has a line end in it"):
        wire.ask("/", {"X": value})


def test_a_host_is_named_as_the_server_knows_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        wire = Wire("localhost", port, timeout=5, context=None)
        with listener.accept()[0] as connection:
            wire.ask("/a", {"B": "c"})
            assert connection.recv(1000) == (
                f"GET /a HTTP/1.1\r\nHost: localhost:{port}\r\nB: c\r\n\r\n".encode()
            )
        wire.close()


# --- beside the standard library ------------------------------------------------------------------


class _Said:
    """A socket for `http.client` from which these bytes come."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What a response reads."""
        return io.BufferedReader(io.BytesIO(self._content))


def _theirs(said: bytes) -> tuple[int, bytes] | None:
    """Status and whole body as `http.client` reads them; None where it refuses or misses some."""
    response = http.client.HTTPResponse(_Said(said), method="GET")  # type: ignore[arg-type]
    try:
        response.begin()
        return response.status, response.read()
    except (http.client.HTTPException, OSError, ValueError):
        return None


def _ours(said: bytes) -> tuple[int, bytes] | None:
    try:
        head, body, _ = answer(said)
    except (BadAnswer, OSError):
        return None
    return head.status, body


@st.composite
def _answers(draw: st.DrawFn) -> bytes:
    body = draw(st.binary(max_size=40))
    lines = [draw(st.sampled_from(["HTTP/1.1 200 OK", "HTTP/1.1 206 ", "HTTP/1.0 404 Not Found"]))]
    lines += draw(st.lists(st.sampled_from(["A: b", "b:  c d ", "C:", "Connection: close"])))
    kind = draw(st.sampled_from(["length", "chunks", "end", "wrong length"]))
    if kind == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif kind == "wrong length":
        lines.append(f"Content-Length: {draw(st.integers(0, 50))}")
    elif kind == "chunks":
        lines.append(
            draw(st.sampled_from(["Transfer-Encoding: chunked", "transfer-encoding:CHUNKED"]))
        )
        body = _in_chunks(draw, body)
    end = draw(st.sampled_from(["\r\n", "\n"]))
    said = (end.join(lines) + 2 * end).encode() + body
    return said[: draw(st.integers(len(said) - 12, len(said)))] if draw(st.booleans()) else said


def _in_chunks(draw: st.DrawFn, body: bytes) -> bytes:
    parts = []
    while body:
        size = draw(st.integers(1, len(body)))
        extension = draw(st.sampled_from(["", ";a=b", " ;x"]))
        parts.append(f"{size:x}{extension}\r\n".encode() + body[:size] + b"\r\n")
        body = body[size:]
    trailer = draw(st.sampled_from(["", "T: 1\r\n"]))
    return b"".join((*parts, b"0\r\n", trailer.encode(), b"\r\n"))


@settings(max_examples=200 * int(os.environ.get("VINSTALL_TEST_SCALE", "1")))
@given(_answers())
def test_the_standard_library_reads_the_same(said: bytes) -> None:
    """Or we refuse: it takes a head that is cut off, or the end of a chunked body, for a whole one."""
    theirs, ours = _theirs(said), _ours(said)
    if ours is None and theirs is not None:
        head, end, _ = said.replace(b"\r", b"").partition(b"\n\n")
        assert not end or (b"chunked" in head.lower() and not said.endswith(b"\r\n\r\n"))
        return
    assert ours == theirs
