"""Every promised hash is checked."""

from __future__ import annotations

import hashlib

import pytest

from vinstall.errors import HashMismatch, IntegrityError
from vinstall.formats.simple_api import RemoteFile
from vinstall.sources.hashing import check_bytes, listed_sha256, strongest

CONTENT = b"content"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


def listed(*hashes: tuple[str, str]) -> RemoteFile:
    return RemoteFile("demo.whl", "https://a.example/demo.whl", hashes)


def test_the_sha256_is_computed_in_any_case() -> None:
    assert check_bytes(listed(), CONTENT) == SHA256
    assert check_bytes(listed(("md5", MD5)), CONTENT) == SHA256


@pytest.mark.parametrize("wrong", ["sha256", "md5"])
def test_all_of_several_hashes_have_to_be_right(wrong: str) -> None:
    hashes = {"sha256": SHA256, "md5": MD5} | {wrong: "00"}
    with pytest.raises(HashMismatch) as caught:
        check_bytes(listed(*hashes.items()), CONTENT)
    assert caught.value.message == f"`demo.whl` does not match its {wrong} hash"


def test_hashes_that_cannot_be_computed_are_no_protection() -> None:
    assert check_bytes(listed(("sha256", SHA256), ("blake3", "00")), CONTENT) == SHA256
    with pytest.raises(IntegrityError) as caught:
        check_bytes(listed(("blake3", "00"), ("shake_128", "00")), CONTENT)
    assert caught.value.message == "`demo.whl` is listed with hashes of unknown kinds only"


def test_a_weak_hash_does_not_stand_for_a_file() -> None:
    assert strongest(listed(("md5", MD5))) is None
    assert strongest(listed(("sha512", "1"), ("sha256", SHA256))) == ("sha512", "1")
    assert listed_sha256(listed(("sha512", "1"), ("sha256", SHA256))) == SHA256
    assert listed_sha256(listed(("sha512", "1"))) is None
