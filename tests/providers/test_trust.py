"""Naming a plugin that may run, and remembering that it was named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from vinstall.errors import FormatError, SourceError, UsageError
from vinstall.providers.consent import ConsentBook
from vinstall.providers.trust import TrustedPlugin, parse_trust

DIGEST = "0123456789abcdef" * 4
PLUGIN = parse_trust("acme-provider==1.0")


class TestParse:
    @pytest.mark.parametrize(
        ("text", "name", "version", "sha256"),
        [
            ("acme-provider==1.0", "acme-provider", "1.0", None),
            (" Acme.Provider == 1.0.post2 ", "acme-provider", "1.0.post2", None),
            (f"acme==1!2.0+local@sha256:{DIGEST}", "acme", "1!2.0+local", DIGEST),
            (f"acme==1 @ sha256:{DIGEST.upper()}", "acme", "1", DIGEST),
        ],
    )
    def test_name_version_and_hash(
        self, text: str, name: str, version: str, sha256: str | None
    ) -> None:
        plugin = parse_trust(text)
        assert (plugin.name, plugin.version, plugin.sha256) == (name, Version(version), sha256)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "acme",
            "acme>=1.0",
            "acme==",
            "acme==1.*",
            "acme==new",
            "-==1",
            "acme==1.0@sha256:abc",
            f"acme==1.0@md5:{DIGEST}",
            f"acme==1.0@sha256:{DIGEST}0",
            "acme==1.0 other==2.0",
            "../acme==1.0",
        ],
    )
    def test_anything_else_is_the_users_mistake(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            parse_trust(text)
        assert caught.value.message == f"`--trust-provider {text}` does not name a plugin"
        assert caught.value.hint == (
            "write `NAME==VERSION`, or `NAME==VERSION@sha256:` and the 64 digits of its hash"
        )

    @given(
        st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True),
        st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(\.post[0-9])?", fullmatch=True),
        st.none() | st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    )
    def test_what_is_written_is_read_back(
        self, name: str, version: str, sha256: str | None
    ) -> None:
        suffix = "" if sha256 is None else f"@sha256:{sha256}"
        plugin = parse_trust(f"{name}=={version}{suffix}")
        assert parse_trust(f"{plugin}{suffix}") == plugin

    @given(st.text(max_size=30))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            plugin = parse_trust(text)
        except UsageError:
            return
        assert isinstance(plugin, TrustedPlugin)


class TestConsentBook:
    def test_nothing_is_recorded_at_first(self, tmp_path: Path) -> None:
        book = ConsentBook(path=tmp_path / "deep" / "plugins.json")
        assert book.recorded(PLUGIN) is None
        assert not book.path.parent.exists()

    def test_what_is_recorded_is_found_again(self, tmp_path: Path) -> None:
        book = ConsentBook(path=tmp_path / "deep" / "plugins.json")
        other = parse_trust("acme-provider==2.0")
        book.record(PLUGIN, DIGEST)
        book.record(other, "f" * 64)
        assert (book.recorded(PLUGIN), book.recorded(other)) == (DIGEST, "f" * 64)
        assert json.loads(book.path.read_text()) == {
            "format": 1,
            "plugins": [
                {"plugin": "acme-provider==1.0", "sha256": DIGEST},
                {"plugin": "acme-provider==2.0", "sha256": "f" * 64},
            ],
        }
        assert list(book.path.parent.iterdir()) == [book.path]

    def test_the_same_again_writes_nothing(self, tmp_path: Path) -> None:
        book = ConsentBook(path=tmp_path / "plugins.json")
        book.record(PLUGIN, DIGEST)
        before = book.path.stat().st_ino
        book.record(PLUGIN, DIGEST)
        assert book.path.stat().st_ino == before

    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            ("", "the document is not valid JSON"),
            ('{"format": 2}', "format: is not 1"),
            ('{"format": 1, "plugins": {}}', "plugins: is not a list"),
            ('{"format": 1, "plugins": [1]}', "plugins.0: is not a JSON object"),
            ('{"format": 1, "plugins": [{"plugin": 1}]}', "plugins.0.plugin: is not a string"),
        ],
    )
    def test_a_broken_file_is_not_guessed_at(
        self, tmp_path: Path, content: str, fault: str
    ) -> None:
        book = ConsentBook(path=tmp_path / "plugins.json")
        book.path.write_text(content)
        with pytest.raises(FormatError) as caught:
            book.recorded(PLUGIN)
        assert caught.value.message == f"`{book.path}` is no record of trusted plugins: {fault}"
        assert caught.value.hint == "remove the file to start a new one"
        with pytest.raises(FormatError):
            book.record(PLUGIN, DIGEST)
        assert book.path.read_text() == content

    def test_a_path_that_cannot_be_used_is_said_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        book = ConsentBook(path=tmp_path / "file" / "plugins.json")
        with pytest.raises(SourceError) as caught:
            book.recorded(PLUGIN)
        assert caught.value.message == f"`{book.path}` cannot be read: Not a directory"

    @pytest.mark.skipif(
        not getattr(os, "geteuid", int)(), reason="the superuser may write anywhere"
    )
    def test_a_folder_that_cannot_be_written_is_said_so(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        book = ConsentBook(path=tmp_path / "plugins.json")
        with pytest.raises(SourceError) as caught:
            book.record(PLUGIN, DIGEST)
        assert caught.value.message == f"`{book.path}` cannot be written: Permission denied"
