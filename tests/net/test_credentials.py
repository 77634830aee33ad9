"""Which login goes to which server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vinstall.net.credentials import Credentials, Login
from vinstall.observer import Observer

INDEX = "https://index.example/simple/"
FILE = "https://index.example/files/demo.whl"


class Heard(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str, *, hint: str | None = None) -> None:
        self.warnings.append(message)


def credentials(**environ: str) -> Credentials:
    return Credentials(environ={"HOME": "/nonexistent"} | environ)


class TestUrl:
    """A user part in a URL that the user gave."""

    def test_it_is_taken_off_and_sent_to_that_server(self) -> None:
        known = credentials()
        assert known.add("https://user:secret@index.example/simple/") == INDEX
        assert known.for_url(FILE) == Login("user", "secret")

    @pytest.mark.parametrize(
        "url",
        [
            "https://other.example/",
            "https://index.example:8443/",
            "http://index.example/",
            "https://index.example.evil.example/",
        ],
    )
    def test_no_other_server_sees_it(self, url: str) -> None:
        known = credentials()
        known.add("https://user:secret@index.example/simple/")
        assert known.for_url(url) is None

    def test_of_two_logins_for_one_server_the_nearer_path_counts(self) -> None:
        known = credentials()
        known.add("https://one:1@index.example/team-a/simple/")
        known.add("https://two:2@index.example/team-b/simple/")
        assert known.for_url("https://index.example/team-b/files/x.whl") == Login("two", "2")
        assert known.for_url("https://index.example/team-a/simple/x/") == Login("one", "1")

    def test_a_user_alone_may_be_a_token(self) -> None:
        known = credentials()
        known.add("https://token@index.example/simple/")
        assert known.for_url(FILE) == Login("token", "")

    def test_a_login_shows_neither_half(self) -> None:
        assert repr(Login("user", "secret")) == "Login(****)"
        assert Login("user", "secret").header == "Basic dXNlcjpzZWNyZXQ="


class TestVariables:
    @pytest.mark.parametrize("prefix", ["VINSTALL_INDEX", "UV_INDEX"])
    def test_they_are_named_after_the_index(self, prefix: str) -> None:
        known = credentials(
            **{f"{prefix}_TEAM_A_USERNAME": "user", f"{prefix}_TEAM_A_PASSWORD": "secret"}
        )
        known.add(INDEX, name="team-a")
        assert known.for_url(FILE) == Login("user", "secret")

    def test_an_index_without_a_name_goes_by_its_host(self) -> None:
        known = credentials(VINSTALL_INDEX_INDEX_EXAMPLE_PASSWORD="secret")
        known.add("https://user@index.example/simple/")
        assert known.for_url(FILE) == Login("user", "secret")

    def test_a_password_in_the_url_comes_first(self) -> None:
        known = credentials(UV_INDEX_TEAM_USERNAME="other", UV_INDEX_TEAM_PASSWORD="other")
        known.add("https://user:secret@index.example/", name="team")
        assert known.for_url(FILE) == Login("user", "secret")


class TestNetrc:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        path = tmp_path / ".netrc"
        path.write_text("machine index.example login user password secret\n")
        path.chmod(0o600)
        return tmp_path

    def test_it_is_read_from_home(self, home: Path) -> None:
        known = credentials(HOME=str(home))
        assert known.for_url(FILE) == Login("user", "secret")
        assert known.for_url("https://other.example/") is None

    def test_a_variable_names_another_file(self, home: Path) -> None:
        known = credentials(NETRC=str(home / ".netrc"))
        assert known.for_url(FILE) == Login("user", "secret")

    def test_it_completes_a_user_without_password(self, home: Path) -> None:
        known = credentials(HOME=str(home))
        known.add("https://user@index.example/simple/")
        assert known.for_url(FILE) == Login("user", "secret")

    def test_the_entry_of_another_user_is_not_used(self, home: Path) -> None:
        known = credentials(HOME=str(home))
        known.add("https://somebody@index.example/simple/")
        assert known.for_url(FILE) == Login("somebody", "")

    def test_a_broken_one_is_told_and_ignored(self, home: Path) -> None:
        (home / ".netrc").write_text("machine\n")
        heard = Heard()
        known = Credentials(environ={"HOME": str(home)}, observer=heard)
        assert known.for_url(FILE) is None
        assert known.for_url(FILE) is None
        assert len(heard.warnings) == 1
        assert heard.warnings[0].startswith(f"`{home / '.netrc'}` is not used: ")


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for keyring is a shell script")
class TestKeyring:
    def program(self, folder: Path, body: str) -> str:
        path = folder / "keyring"
        path.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n{body}\n')
        path.chmod(0o755)
        return f"{folder}:/usr/bin:/bin"

    def calls(self, folder: Path) -> list[str]:
        path = folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def test_it_is_asked_once_and_only_after_a_refusal(self, tmp_path: Path) -> None:
        path = self.program(tmp_path, 'test "$3" = user && echo secret')
        known = Credentials(environ={"HOME": "/nonexistent", "PATH": path}, keyring=True)
        known.add("https://user@index.example/simple/")
        assert known.for_url(INDEX + "demo/") is None
        assert self.calls(tmp_path) == []
        assert known.after_refusal(INDEX + "demo/") == Login("user", "secret")
        assert known.after_refusal(FILE) == Login("user", "secret")
        assert known.for_url(FILE) == Login("user", "secret")
        assert self.calls(tmp_path) == ["get https://index.example/simple/demo/ user"]

    def test_it_may_know_the_user_too_and_only_the_host(self, tmp_path: Path) -> None:
        path = self.program(tmp_path, 'test "$4" = index.example:8080 && printf "user\\nsecret\\n"')
        known = Credentials(environ={"HOME": "/nonexistent", "PATH": path}, keyring=True)
        url = "http://index.example:8080/simple/demo/"
        assert known.after_refusal(url) == Login("user", "secret")
        assert self.calls(tmp_path) == [
            "--mode creds get http://index.example:8080/simple/demo/",
            "--mode creds get index.example:8080",
        ]

    def test_it_is_not_run_without_permission(self, tmp_path: Path) -> None:
        path = self.program(tmp_path, "echo secret")
        known = Credentials(environ={"HOME": "/nonexistent", "PATH": path})
        known.add("https://user@index.example/simple/")
        assert known.after_refusal(FILE) is None
        assert self.calls(tmp_path) == []

    def test_a_failing_one_answers_nothing(self, tmp_path: Path) -> None:
        path = self.program(tmp_path, "echo secret; exit 1")
        known = Credentials(environ={"HOME": "/nonexistent", "PATH": path}, keyring=True)
        known.add("https://user@index.example/simple/")
        assert known.after_refusal(FILE) is None

    def test_a_missing_one_is_told(self, tmp_path: Path) -> None:
        heard = Heard()
        known = Credentials(environ={"PATH": str(tmp_path)}, keyring=True, observer=heard)
        assert known.after_refusal(FILE) is None
        assert heard.warnings == ["the program `keyring` was not found"]


class TestQuestion:
    def test_the_user_is_asked_once_for_each_server(self) -> None:
        asked: list[tuple[str, str | None]] = []

        def ask(host: str, user: str | None) -> tuple[str, str] | None:
            asked.append((host, user))
            return ("user", "secret") if host == "index.example" else None

        known = Credentials(environ={"HOME": "/nonexistent"}, ask=ask)
        assert known.after_refusal(FILE) == Login("user", "secret")
        assert known.after_refusal(FILE) == Login("user", "secret")
        assert known.after_refusal("https://other.example/") is None
        assert known.after_refusal("https://other.example/x") is None
        assert asked == [("index.example", None), ("other.example", None)]
