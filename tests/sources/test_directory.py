"""An index that is a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from tests.sources.conftest import Heard
from tests.support.wheels import make_wheel
from vinstall.errors import FormatError, SourceError
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.simple_page import render_project_json
from vinstall.sources.directory import Directory, list_files

DEMO = NormalizedName("demo")


def put(root: Path, text: str | bytes, name: str = "demo/index.html") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def files_of(root: Path) -> list[str]:
    page = Directory(root.as_uri()).project(DEMO)
    assert page is not None
    return [file.filename for file in page.files]


class TestPages:
    def test_html_with_links_out_of_its_folder(self, tmp_path: Path, heard: Heard) -> None:
        put(
            tmp_path, '<a href="../../files/demo-1.0.zip#sha256=ab">x</a>', "simple/demo/index.html"
        )
        directory = Directory((tmp_path / "simple").as_uri(), observer=heard)
        assert directory.name == str(tmp_path / "simple")
        assert directory.project(DEMO) == ProjectPage(
            name=DEMO,
            source=str(tmp_path / "simple"),
            files=(
                RemoteFile(
                    "demo-1.0.zip",
                    (tmp_path / "files/demo-1.0.zip").as_uri(),
                    (("sha256", "ab"),),
                ),
            ),
        )
        assert heard.pages == [("demo", str(tmp_path / "simple"), False)]

    def test_links_to_the_web_are_followed_too(self, tmp_path: Path) -> None:
        put(tmp_path, '<a href="https://cdn.example/demo-1.0.zip">x</a>')
        page = Directory(tmp_path.as_uri()).project(DEMO)
        assert page is not None
        assert page.files[0].url == "https://cdn.example/demo-1.0.zip"

    def test_json_says_more_and_is_read_if_it_is_not_older(self, tmp_path: Path) -> None:
        html = put(tmp_path, '<a href="demo-1.0.zip">x</a>')
        page = ProjectPage(
            name=DEMO, source="", files=(RemoteFile("demo-2.0.zip", "demo-2.0.zip"),)
        )
        as_json = put(tmp_path, render_project_json(page), "demo/index.json")
        os.utime(html, (1000, 1000))
        os.utime(as_json, (1000, 1000))
        assert files_of(tmp_path) == ["demo-2.0.zip"]
        os.utime(html, (1001, 1001))
        assert files_of(tmp_path) == ["demo-1.0.zip"]

    def test_json_that_is_something_else_is_passed_over(self, tmp_path: Path) -> None:
        put(tmp_path, "[]", "demo/index.json")
        with pytest.raises(FormatError):
            files_of(tmp_path)
        html = put(tmp_path, '<a href="demo-1.0.zip">x</a>')
        os.utime(html, (1000, 1000))
        assert files_of(tmp_path) == ["demo-1.0.zip"]

    def test_a_folder_without_a_page_is_its_files(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path / "demo")
        put(tmp_path, "{}", "demo/demo-1.0-variants.json")
        put(tmp_path, "hello", "demo/README.txt")
        page = Directory(tmp_path.as_uri()).project(DEMO)
        assert page is not None
        assert page.files == (
            RemoteFile("demo-1.0-py3-none-any.whl", wheel.as_uri(), size=wheel.stat().st_size),
            RemoteFile(
                "demo-1.0-variants.json",
                (tmp_path / "demo/demo-1.0-variants.json").as_uri(),
                size=2,
            ),
        )

    def test_the_name_of_a_folder_need_not_be_normalised(self, tmp_path: Path) -> None:
        put(tmp_path, '<a href="flash_attn-1.0.zip">x</a>', "Flash_Attn/index.html")
        page = Directory(tmp_path.as_uri()).project(NormalizedName("flash-attn"))
        assert page is not None
        assert page.name == "flash-attn"


class TestAbsence:
    def test_a_project_without_folder_is_not_known(self, tmp_path: Path, heard: Heard) -> None:
        directory = Directory(tmp_path.as_uri(), observer=heard)
        assert directory.project(DEMO) is None
        assert heard.warnings == []

    def test_a_root_that_is_not_there_is_said_once(self, tmp_path: Path, heard: Heard) -> None:
        root = tmp_path / "gone"
        directory = Directory(root.as_uri(), observer=heard)
        assert directory.project(DEMO) is None
        assert directory.project(NormalizedName("other")) is None
        assert heard.warnings == [f"the index `{root}` is not used: No such file or directory"]

    def test_a_folder_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError) as caught:
            list(list_files(tmp_path / "gone"))
        assert caught.value.message == (
            f"`{tmp_path / 'gone'}` cannot be read: No such file or directory"
        )


class TestKeptFiles:
    def test_they_change_with_the_answer(self, tmp_path: Path) -> None:
        directory = Directory(tmp_path.as_uri())
        assert directory.kept(DEMO) == ((str(tmp_path), float("inf")),)
        page = put(tmp_path, '<a href="demo-1.0.zip">x</a><a href="https://a.example/b.zip">x</a>')
        directory = Directory(tmp_path.as_uri())
        assert [Path(kept.path) for kept in directory.kept(DEMO)] == [
            page.parent,
            page,
            page.parent / "demo-1.0.zip",
        ]


def test_a_published_index_read_from_its_folder(shared_data: Path) -> None:
    root = shared_data / "real-index/v0.0.3-291c782"
    directory = Directory(root.as_uri())
    page = directory.project(NormalizedName("torch"))
    assert page is not None
    variants = [file for file in page.files if file.filename.endswith("-variants.json")]
    assert [file.filename for file in variants] == [
        "torch-2.10.0-variants.json",
        "torch-2.9.0-variants.json",
        "torch-2.8.0-variants.json",
    ]
    assert all(file.url.startswith(root.as_uri()) for file in variants)
    assert len(page.files) == 1018
