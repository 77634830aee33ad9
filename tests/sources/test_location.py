"""Where the user points to."""

from __future__ import annotations

from pathlib import Path

import pytest

from vinstall.errors import SourceError, UsageError
from vinstall.sources.location import (
    Location,
    parse_location,
    path_url,
    shown,
    url_path,
)

BASE = Path("/work folder")


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("https://index.example/simple/", Location("https://index.example/simple/")),
        (" HTTP://u:p@index.example ", Location("http://u:p@index.example")),
        ("team=https://index.example/", Location("https://index.example/", "team")),
        ("team=./simple", Location("file:///work%20folder/simple", "team")),
        ("file:///srv/simple", Location("file:///srv/simple")),
        ("file:/srv/simple", Location("file:///srv/simple")),
        ("simple", Location("file:///work%20folder/simple")),
        ("../simple", Location("file:///simple")),
        ("/srv/a+b", Location("file:///srv/a%2Bb")),
        ("https://index.example/?a=b", Location("https://index.example/?a=b")),
    ],
)
def test_urls_paths_and_names(text: str, location: Location) -> None:
    assert parse_location(text, base=BASE) == location


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    assert parse_location("~/wheels", base=BASE).url == "file:///home/user/wheels"


@pytest.mark.parametrize("text", ["ftp://u:secret@a.example/", "git+https://a.example/x"])
def test_other_schemes_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_location(text, base=BASE)
    assert (
        caught.value.message
        == f"`{text.replace('u:secret', '****')}` is no address that is followed"
    )


def test_a_path_survives_the_way_to_a_url_and_back() -> None:
    path = Path("/srv/a b/%41#?.whl")
    assert url_path(path_url(path)) == path


def test_a_file_on_another_machine_is_refused() -> None:
    with pytest.raises(SourceError) as caught:
        url_path("file://server/share/demo.whl")
    assert caught.value.message == "`file://server/share/demo.whl` is on another machine"
    assert url_path("file://localhost/srv/demo.whl") == Path("/srv/demo.whl")


def test_what_is_shown_has_no_secret() -> None:
    assert shown("https://user:secret@index.example/simple/") == "https://index.example/simple/"
    assert shown("file:///srv/a%20b/") == "/srv/a b/"
