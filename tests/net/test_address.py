"""Origins, and the user part of a URL."""

from __future__ import annotations

import pytest

from vinstall.errors import NetworkError
from vinstall.net.address import Origin, parse_origin, split_user, with_slash


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Index.Example/simple/", Origin("https", "index.example", 443)),
        ("http://user:secret@index.example", Origin("http", "index.example", 80)),
        ("https://[::1]:8080/", Origin("https", "::1", 8080)),
        ("file:///srv/simple", Origin("file", "", None)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: Origin) -> None:
    assert parse_origin(url) == origin


@pytest.mark.parametrize("url", ["https://u:secret@a.example:port/", "https://u:secret@[::1/"])
def test_a_broken_url_is_an_error_without_its_secret(url: str) -> None:
    with pytest.raises(NetworkError) as caught:
        parse_origin(url)
    assert caught.value.message == f"`{url.replace('u:secret@', '')}` is not a valid URL"


@pytest.mark.parametrize(
    ("first", "second", "trusted"),
    [
        ("https://a.example/x", "https://a.example:443/y", True),
        ("https://a.example/", "https://b.example/", False),
        ("https://a.example/", "https://a.example:8443/", False),
        ("https://a.example/", "http://a.example/", False),
        ("http://a.example/", "https://a.example/", True),
        ("http://a.example:8080/", "https://a.example/", False),
    ],
)
def test_secrets_stay_with_their_server(first: str, second: str, trusted: bool) -> None:
    assert parse_origin(first).trusts(parse_origin(second)) is trusted


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://a.example/x@y", ("https://a.example/x@y", None, None)),
        ("https://user@a.example", ("https://a.example", "user", None)),
        ("https://u%40b:p%3Aw@a.example/?q", ("https://a.example/?q", "u@b", "p:w")),
        ("https://:token@a.example/", ("https://a.example/", None, "token")),
        ("https://user:@a.example/", ("https://a.example/", "user", "")),
        ("./folder", ("./folder", None, None)),
    ],
)
def test_the_user_part_comes_off(url: str, parts: tuple[str, str | None, str | None]) -> None:
    assert split_user(url) == parts


def test_a_slash_is_put_at_the_end_of_the_path() -> None:
    assert with_slash("https://a.example/simple?x=1") == "https://a.example/simple/?x=1"
    assert with_slash("https://a.example/simple/") == "https://a.example/simple/"
