"""git URLs, against a real repository on disk."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.building.checkout import VcsUrl, check_out, parse_vcs_url, redacted
from vinstall.errors import BuildError, FormatError

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "--quiet", "-b", "main")
    for number in (1, 2):
        (folder / "number").write_text(str(number))
        _git(folder, "add", "number")
        _git(folder, "commit", "--quiet", "-m", f"number {number}")
        _git(folder, "tag", f"v{number}")
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git+https://h.example/r.git", VcsUrl(repository="https://h.example/r.git")),
        (
            "git+https://u:p@h.example/r@v1.0#subdirectory=a/b&egg=x",
            VcsUrl(repository="https://u:p@h.example/r", revision="v1.0", subdirectory="a/b"),
        ),
        (
            "git+ssh://git@h.example/r@feature/x",
            VcsUrl(repository="ssh://git@h.example/r", revision="feature/x"),
        ),
    ],
)
def test_urls_are_taken_apart(text: str, expected: VcsUrl) -> None:
    assert parse_vcs_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "git+ext://sh -c true",
        "hg+https://h.example/r",
        "git+https://h.example/r@--upload-pack=x",
        "git+https://h.example/r@a b",
        "git+https://h.example/r#subdirectory=../x",
        "git+https://h.example/r#subdirectory=/x",
    ],
)
def test_what_git_would_misread_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_vcs_url(text)


@given(user=st.text("abcdef", min_size=1), password=st.text("xyz0123", min_size=8))
def test_a_password_is_never_shown(user: str, password: str) -> None:
    assert password not in redacted(f"https://{user}:{password}@h.example/r.git")


@needs_git
@pytest.mark.parametrize(("revision", "content"), [("", "2"), ("@v1", "1"), ("@main", "2")])
def test_branches_tags_and_the_default_are_checked_out(
    repository: Path, tmp_path: Path, revision: str, content: str
) -> None:
    url = parse_vcs_url(f"git+{repository.as_uri()}{revision}")
    done = check_out(url, tmp_path / "mirror", tmp_path / "into")
    assert (done.path / "number").read_text() == content
    assert done.commit == _git(repository, "rev-parse", revision.removeprefix("@") or "HEAD")


@needs_git
def test_a_known_commit_needs_no_repository_any_more(repository: Path, tmp_path: Path) -> None:
    commit = _git(repository, "rev-parse", "v1")
    url = parse_vcs_url(f"git+{repository.as_uri()}@{commit}")
    check_out(url, tmp_path / "mirror", tmp_path / "first")
    shutil.rmtree(repository)
    done = check_out(url, tmp_path / "mirror", tmp_path / "second")
    assert (done.path / "number").read_text() == "1"
    assert done.commit == commit


@needs_git
def test_an_unknown_revision_is_told(repository: Path, tmp_path: Path) -> None:
    url = parse_vcs_url(f"git+{repository.as_uri()}@missing")
    with pytest.raises(BuildError) as caught:
        check_out(url, tmp_path / "mirror", tmp_path / "into")
    assert caught.value.message == f"`{repository.as_uri()}` has no revision `missing`"
