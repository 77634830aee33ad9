"""direct_url.json and provenance_url.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.installation.builders import make_pin
from tests.support.wheels import make_wheel
from vinstall.installation.origin import direct_url_json, origin_file, without_credentials

HASHES = {"sha256": "ab" * 32}


class TestDirectUrl:
    """PEP 610."""

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            (
                "https://x.example/a.whl#sha256=00",
                {
                    "url": "https://x.example/a.whl",
                    "archive_info": {"hash": f"sha256={'ab' * 32}", "hashes": HASHES},
                },
            ),
            (
                "https://x.example/a.tar.gz#subdirectory=py%20x&egg=a",
                {
                    "url": "https://x.example/a.tar.gz",
                    "archive_info": {"hash": f"sha256={'ab' * 32}", "hashes": HASHES},
                    "subdirectory": "py x",
                },
            ),
            ("file:///home/me/a", {"url": "file:///home/me/a", "dir_info": {}}),
            (
                "git+https://me:secret@x.example/r.git@v1#subdirectory=sub",
                {
                    "url": "https://x.example/r.git",
                    "vcs_info": {
                        "vcs": "git",
                        "requested_revision": "v1",
                        "commit_id": "c0ffee",
                    },
                    "subdirectory": "sub",
                },
            ),
            (
                "git+ssh://git@x.example/r.git",
                {
                    "url": "ssh://git@x.example/r.git",
                    "vcs_info": {"vcs": "git", "commit_id": "c0ffee"},
                },
            ),
        ],
    )
    def test_each_kind_has_its_shape(self, url: str, expected: dict[str, object]) -> None:
        assert direct_url_json(url, hashes=HASHES, commit="c0ffee") == expected

    def test_an_editable_folder_says_so(self) -> None:
        found = direct_url_json("file:///a", hashes={}, editable=True)
        assert found == {"url": "file:///a", "dir_info": {"editable": True}}

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://me:secret@x.example/a", "https://x.example/a"),
            ("https://token@x.example:8443/a?b#c", "https://x.example:8443/a?b#c"),
            ("https://${USER}:${PASSWORD}@x.example/a", "https://${USER}:${PASSWORD}@x.example/a"),
            ("git+ssh://git@x.example/r", "git+ssh://git@x.example/r"),
            ("https://git@x.example/r", "https://x.example/r"),
            ("file:///a@b", "file:///a@b"),
        ],
    )
    def test_credentials_are_left_out(self, url: str, expected: str) -> None:
        assert without_credentials(url) == expected


class TestFile:
    def test_an_index_is_provenance(self, tmp_path: Path) -> None:
        pin = make_pin(make_wheel(tmp_path))
        found = origin_file(pin, "ab" * 32, None)
        assert found is not None
        assert found[0] == "provenance_url.json"
        assert json.loads(found[1])["archive_info"] == {"hashes": HASHES}

    def test_a_signed_url_keeps_its_signature_to_itself(self, tmp_path: Path) -> None:
        from vinstall.values import replace

        pin = make_pin(make_wheel(tmp_path))
        artifact = pin.choice.artifact
        file = artifact.file._replace(url="https://me:pw@x.example/a.whl?signature=secret")
        choice = replace(pin.choice, artifact=replace(artifact, file=file))
        found = origin_file(replace(pin, choice=choice), "ab" * 32, None)
        assert found is not None
        assert json.loads(found[1])["url"] == "https://x.example/a.whl"

    def test_a_builder_knows_better(self, tmp_path: Path) -> None:
        pin = make_pin(make_wheel(tmp_path), direct_url="git+https://x.example/r")
        found = origin_file(pin, "ab" * 32, {"url": "https://x.example/r"})
        assert found == ("direct_url.json", b'{"url": "https://x.example/r"}')
