"""What the URL of a requirement names."""

from __future__ import annotations

import pytest
from packaging.version import Version

from vinstall.catalog.direct_file import direct_artifact
from vinstall.errors import FormatError
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.simple_api import RemoteFile
from vinstall.selection.release import SourceDistribution, Wheel


def artifact(text: str, *, editable: bool = False) -> Wheel | SourceDistribution:
    return direct_artifact(parse_requirement(text), editable=editable)


class TestWheels:
    def test_a_wheel_with_a_label_and_hashes(self) -> None:
        found = artifact(
            "lib @ https://user:secret@files.example/a%2Bb/lib-1.0-py3-none-any-cu130.whl"
            "#sha256=ABCD&md5=12"
        )
        assert isinstance(found, Wheel)
        assert (found.name.version, found.name.label) == (Version("1.0"), "cu130")
        assert found.file == RemoteFile(
            filename="lib-1.0-py3-none-any-cu130.whl",
            url="https://user:secret@files.example/a%2Bb/lib-1.0-py3-none-any-cu130.whl",
            hashes=(("sha256", "abcd"), ("md5", "12")),
        )
        assert found.source == "https://****@files.example/a%2Bb/lib-1.0-py3-none-any-cu130.whl"

    def test_a_quoted_local_version(self) -> None:
        found = artifact("lib @ file:///wheels/lib-1.0%2Bcpu-py3-none-any.whl")
        assert found.file.filename == "lib-1.0+cpu-py3-none-any.whl"

    def test_a_wheel_of_another_project(self) -> None:
        with pytest.raises(FormatError) as raised:
            artifact("lib @ https://files.example/other-1.0-py3-none-any.whl")
        assert raised.value.message == "`other-1.0-py3-none-any.whl` is a wheel of `other`"
        assert raised.value.context == ("asked for as `lib`",)

    def test_a_name_that_is_none(self) -> None:
        with pytest.raises(FormatError):
            artifact("lib @ https://files.example/lib.whl")


class TestSources:
    def test_an_archive_keeps_its_fragment(self) -> None:
        url = "https://files.example/lib-1.0.tar.gz#subdirectory=src&sha256=ab"
        found = artifact(f"lib @ {url}")
        assert isinstance(found, SourceDistribution)
        assert found.version is None
        assert found.file == RemoteFile(
            filename="lib-1.0.tar.gz", url=url, hashes=(("sha256", "ab"),)
        )

    def test_an_editable_folder(self) -> None:
        found = artifact("lib @ file:///home/me/lib/", editable=True)
        assert isinstance(found, SourceDistribution)
        assert (found.file.filename, found.editable) == ("lib", True)

    def test_a_repository(self) -> None:
        found = artifact("lib @ git+https://token@git.example/lib.git@v1")
        assert isinstance(found, SourceDistribution)
        assert found.source == "git+https://****@git.example/lib.git@v1"
