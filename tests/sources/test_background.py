"""Hashing beside receiving."""

from __future__ import annotations

import hashlib

import pytest

from vinstall.errors import HashMismatch
from vinstall.formats.simple_api import RemoteFile
from vinstall.sources.background import updating
from vinstall.sources.hashing import Checks

BLOCKS = [bytes([number]) * 100_000 for number in range(40)]


def checks(digest: str) -> Checks:
    return Checks(RemoteFile("x.whl", "https://x.example/x.whl", hashes=(("sha256", digest),)))


@pytest.mark.parametrize("apart", [True, False])
class TestUpdating:
    def test_after_the_block_everything_is_hashed(self, apart: bool) -> None:
        digest = hashlib.sha256(b"".join(BLOCKS)).hexdigest()
        one = checks(digest)
        for half in (BLOCKS[:20], BLOCKS[20:]):
            with updating(one, apart=apart) as update:
                for block in half:
                    update(block)
            assert (
                one.sha256
                == hashlib.sha256(b"".join(BLOCKS[: BLOCKS.index(half[-1]) + 1])).hexdigest()
            )
        assert one.finish() == digest

    def test_after_an_error_as_well(self, apart: bool) -> None:
        one = checks("0" * 64)

        def interrupted() -> None:
            with updating(one, apart=apart) as update:
                update(b"abc")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert one.sha256 == hashlib.sha256(b"abc").hexdigest()
        with pytest.raises(HashMismatch):
            one.finish()
