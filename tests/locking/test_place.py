"""What the paths and URLs of a lock may reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from vinstall.errors import SourceError
from vinstall.locking.place import LockPlace


@pytest.fixture
def place(tmp_path: Path) -> LockPlace:
    return LockPlace(name="pylock.toml", folder=tmp_path / "project")


class TestDefault:
    """The web, and what lies below the lock's folder."""

    @pytest.mark.parametrize("path", ["files/a.whl", "./files/a.whl", "files\\a.whl"])
    def test_a_path_below_the_lock(self, place: LockPlace, tmp_path: Path, path: str) -> None:
        expected = (tmp_path / "project" / "files" / "a.whl").as_uri()
        assert place.url(None, path, where="x") == expected

    @pytest.mark.parametrize("path", ["../a.whl", "/etc/passwd", "files/../../a.whl", "..\\a.whl"])
    def test_a_path_that_leaves_the_folder(self, place: LockPlace, path: str) -> None:
        with pytest.raises(SourceError) as caught:
            place.url(None, path, where="package `demo`")
        assert caught.value.context == (
            "`pylock.toml`, package `demo`",
            "it is outside the folder of the lock",
        )

    def test_a_link_that_leaves_the_folder(self, place: LockPlace, tmp_path: Path) -> None:
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "link").symlink_to(tmp_path)
        with pytest.raises(SourceError, match="may not be read"):
            place.url(None, "link/a.whl", where="x")

    def test_a_file_url_is_a_path(self, place: LockPlace) -> None:
        with pytest.raises(SourceError, match="`/etc/passwd` may not be read"):
            place.url("file:///etc/passwd", None, where="x")

    @pytest.mark.parametrize("url", ["ftp://h.example/a.whl", "data:,x", "gopher://h.example/"])
    def test_another_scheme(self, place: LockPlace, url: str) -> None:
        with pytest.raises(SourceError, match="may not be read"):
            place.url(url, None, where="x")

    def test_a_lock_from_the_web_names_no_path(self) -> None:
        web = LockPlace(name="https://h.example/pylock.toml", folder=None)
        assert web.url("https://f.example/a.whl", None, where="x") == "https://f.example/a.whl"
        for url, path in ((None, "a.whl"), ("file:///a.whl", None)):
            with pytest.raises(SourceError, match="may not be read"):
                web.url(url, path, where="x")

    def test_a_password_is_not_shown(self, place: LockPlace) -> None:
        with pytest.raises(SourceError) as caught:
            place.url("ftp://user:hunter2@h.example/a.whl", None, where="x")
        assert "hunter2" not in caught.value.message


class TestAllowed:
    """`--allow-source`: nothing else."""

    @pytest.mark.parametrize(
        ("url", "is_allowed"),
        [
            ("https://f.example/simple/a.whl", True),
            ("https://f.example/simple/x/a.whl", True),
            ("https://f.example/simple-evil/a.whl", False),
            ("https://f.example/simple/../a.whl", False),
            ("https://f.example/simple/%2e%2e/a.whl", False),
            ("https://f.example:444/simple/a.whl", False),
            ("https://f.example.evil.example/simple/a.whl", False),
            ("https://f.example@evil.example/simple/a.whl", False),
            ("http://f.example/simple/a.whl", False),
        ],
    )
    def test_a_url_by_its_prefix(self, tmp_path: Path, url: str, is_allowed: bool) -> None:
        place = LockPlace(name="l", folder=tmp_path, allowed=("https://f.example/simple/",))
        if is_allowed:
            assert place.url(url, None, where="x") == url
        else:
            with pytest.raises(SourceError, match="may not be read"):
                place.url(url, None, where="x")

    def test_a_folder(self, tmp_path: Path) -> None:
        place = LockPlace(name="l", folder=tmp_path / "lock", allowed=(str(tmp_path / "wheels"),))
        assert place.url(None, "../wheels/a.whl", where="x") == (tmp_path / "wheels/a.whl").as_uri()
        with pytest.raises(SourceError, match="may not be read"):
            place.url(None, "a.whl", where="x")
