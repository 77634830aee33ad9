"""unpacked(): the bytes of a body without its content encoding.  Spec: RFC 9110, 8.4.1."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from vinstall.errors import FormatError

ACCEPTED = "gzip, deflate"
_BLOCK = 1024 * 1024


def unpacked(chunks: Iterator[bytes | memoryview], encoding: str) -> Iterator[bytes | memoryview]:
    """The body's bytes, at most 1 MiB at a time however far they expand.

    Raises FormatError for an encoding that was not asked for, or for bytes that do not follow it.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from chunks
    elif encoding in ("gzip", "x-gzip", "deflate"):
        yield from _inflated(chunks)
    else:
        raise FormatError(f"the content encoding `{encoding}` is not known")


def _inflated(chunks: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    """gzip with one or more members, or zlib's own format."""
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if machine.eof:
                    machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
                yield machine.decompress(rest, _BLOCK)
                rest = machine.unconsumed_tail or machine.unused_data
        yield machine.flush()
    except zlib.error as error:
        raise FormatError(f"the compressed answer is damaged: {error}") from error
    if not machine.eof:
        raise FormatError("the compressed answer is not complete")
