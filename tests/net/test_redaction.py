"""What may be shown of a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.net.redaction import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://index.example/simple/", "https://index.example/simple/"),
        ("https://user:secret@index.example/", "https://****@index.example/"),
        ("https://token@index.example:8080/", "https://****@index.example:8080/"),
        ("http://user:p@ss@index.example/", "http://****@index.example/"),
        ("see https://u:p@a.example/x and http://v@b.example", "see https://****@a.example/x and http://****@b.example"),
        ("https://a.example/x@1.0.whl", "https://a.example/x@1.0.whl"),
        ("https://a.example/f?X-Amz-Signature=abc&v=1", "https://a.example/f?X-Amz-Signature=****&v=1"),
        ("https://a.example/f?access_token=abc", "https://a.example/f?access_token=****"),
        ("no address: user@host", "no address: user@host"),
        ("a\x1b[31mb\n", "a\\x1b[31mb\\n"),
    ],
)  # fmt: skip
def test_secrets_and_control_characters_are_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(st.text("ab:%.~!$&'()*+,;=-_", min_size=1), st.text("xyz:%.~!$&'()*+,;=-_@", min_size=1))
def test_no_password_is_ever_shown(user: str, password: str) -> None:
    marked = f"S3CR3T{password}T3RC3S"
    shown = redact(f"`https://{user}:{marked}@index.example/simple/` is gone")
    assert shown == "`https://****@index.example/simple/` is gone"
