"""Compressed bodies."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.errors import FormatError
from vinstall.net.encoding import unpacked


def parts(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def whole(content: bytes, encoding: str, size: int = 7) -> bytes:
    return b"".join(unpacked(parts(content, size), encoding))


@given(st.binary(max_size=300), st.integers(1, 50))
def test_every_form_gives_the_content_back(content: bytes, size: int) -> None:
    assert whole(content, "", size) == content
    assert whole(content, "Identity", size) == content
    assert whole(gzip.compress(content, mtime=0), "gzip", size) == content
    assert whole(gzip.compress(content, mtime=0), "x-gzip", size) == content
    assert whole(zlib.compress(content), " deflate", size) == content
    assert (
        whole(gzip.compress(content, mtime=0) + gzip.compress(content, mtime=0), "gzip", size)
        == content * 2
    )


def test_what_expands_far_comes_in_small_blocks() -> None:
    packed = gzip.compress(b"\0" * 50_000_000, mtime=0)
    sizes = [len(block) for block in unpacked(iter([packed]), "gzip")]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 1024 * 1024


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"x", "br", "the content encoding `br` is not known"),
        (b"no gzip", "gzip", "the compressed answer is damaged: "),
        (gzip.compress(b"content", mtime=0)[:-9], "gzip", "the compressed answer is not complete"),
        (b"", "gzip", "the compressed answer is not complete"),
    ],
)
def test_what_does_not_follow_its_encoding_is_refused(
    content: bytes, encoding: str, message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        whole(content, encoding)
    assert caught.value.message.startswith(message)
