"""`freeze`: one requirement for each distribution, and the hashes of all its files."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Reply, serving
from tests.support.wheels import make_wheel
from tests.workflows.environments import Site, variant_json
from vinstall.errors import SourceError
from vinstall.workflows.freeze import FreezeWishes, Frozen, freeze
from vinstall.workflows.settings import SourceSettings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def frozen(site: Site, *, sources: SourceSettings | None = None, **wishes: Any) -> list[Frozen]:
    settings = site.settings(sources=sources or SourceSettings(no_index=True))
    found = freeze(settings, FreezeWishes(**wishes), site.invocation, site.listener)
    return [one for one in found if isinstance(one, Frozen)]


def lines(site: Site, **more: Any) -> list[str]:
    return [line for one in frozen(site, **more) for line in one.lines()]


class TestRequirements:
    def test_in_pips_order(self, site: Site) -> None:
        for name in ("b_b", "A.a", "c"):
            site.put(name)
        assert lines(site) == ["A.a==1.0", "b_b==1.0", "c==1.0"]

    def test_pip_is_left_out_unless_all_is_asked_for(self, site: Site) -> None:
        site.put("pip", "26.3")
        site.put("app")
        assert lines(site) == ["app==1.0"]
        assert lines(site, all=True) == ["app==1.0", "pip==26.3"]
        assert lines(site, all=True, exclude=("APP",)) == ["pip==26.3"]

    @pytest.mark.parametrize(
        ("direct", "requirement"),
        [
            (
                {"url": "https://x.example/a.whl", "archive_info": {"hashes": {"sha256": "12"}}},
                "app @ https://x.example/a.whl#sha256=12",
            ),
            (
                {"url": "https://x.example/a.zip", "archive_info": {"hash": "sha256=12"}},
                "app @ https://x.example/a.zip#sha256=12",
            ),
            (
                {
                    "url": "https://x.example/r.git",
                    "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": COMMIT},
                    "subdirectory": "sub/dir",
                },
                f"app @ git+https://x.example/r.git@{COMMIT}#subdirectory=sub/dir",
            ),
            ({"url": "file:///a/b", "dir_info": {}}, "app @ file:///a/b"),
            ({"dir_info": {}}, "app==1.0"),
        ],
    )
    def test_what_came_from_a_url(
        self, site: Site, direct: dict[str, object], requirement: str
    ) -> None:
        site.put("app", direct=direct)
        assert lines(site) == [requirement]


class TestEditables:
    """pip's lines; `tests/end_to_end/test_commands.py` compares them with pip itself."""

    def put(self, site: Site, inside: str = "") -> Path:
        folder = site.root / "work tree" / inside
        folder.mkdir(parents=True)
        site.put("my-app", direct={"url": folder.as_uri(), "dir_info": {"editable": True}})
        site.environ |= {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}
        return folder

    def git(self, folder: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@x.example", *words],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def test_without_version_control(self, site: Site) -> None:
        folder = self.put(site)
        assert lines(site) == [
            "# Editable install with no version control (my-app==1.0)",
            f"-e {folder}",
        ]
        assert lines(site, exclude_editable=True) == []

    def test_without_git(self, site: Site) -> None:
        folder = self.put(site)
        site.environ["PATH"] = str(site.root)
        assert lines(site)[1] == f"-e {folder}"

    def test_a_repository_without_remote(self, site: Site) -> None:
        folder = self.put(site)
        self.git(folder, "init", "-q")
        assert lines(site) == [
            "# Editable Git install with no remote (my-app==1.0)",
            f"-e {folder}",
        ]

    @pytest.mark.parametrize(
        ("remote", "url"),
        [
            ("https://user:secret@x.example/r.git", "git+https://x.example/r.git"),
            ("git@x.example:group/r.git", "git+ssh://git@x.example/group/r.git"),
        ],
    )
    def test_a_repository_and_a_folder_in_it(self, site: Site, remote: str, url: str) -> None:
        folder = self.put(site, "packages/app")
        root = folder.parents[1]
        self.git(root, "init", "-q")
        self.git(root, "commit", "-q", "--allow-empty", "-m", "x")
        self.git(root, "remote", "add", "other", "https://other.example/")
        self.git(root, "remote", "add", "origin", remote)
        commit = self.git(root, "rev-parse", "HEAD")
        assert lines(site) == [f"-e {url}@{commit}#egg=my_app&subdirectory=packages/app"]

    def test_a_remote_that_is_no_address(self, site: Site) -> None:
        folder = self.put(site)
        self.git(folder, "init", "-q")
        self.git(folder, "commit", "-q", "--allow-empty", "-m", "x")
        self.git(folder, "remote", "add", "origin", "gone")
        assert lines(site) == [
            "# Editable Git install (my-app==1.0) with either a deleted local remote or invalid URI:",
            "# 'gone'",
            f"-e {folder}",
        ]


class TestHashes:
    def fill(self, site: Site) -> tuple[SourceSettings, list[str]]:
        """A release with two labels, a plain wheel and a source distribution, and another release."""
        folder = site.root / "links"
        table = {"nvidia": {"cuda_version_lower_bound": ["12.0"]}}
        files = [
            make_wheel(folder, "app", label="cu12", variant_json=variant_json("cu12", table)),
            make_wheel(folder, "app", label="null", variant_json=variant_json("null", {})),
            make_wheel(folder, "app", tag="cp39-none-win32"),
            folder / "app-1.0.tar.gz",
        ]
        files[-1].write_bytes(b"sdist")
        make_wheel(folder, "app", "2.0")
        digests = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
        return SourceSettings(no_index=True, find_links=(str(folder),)), digests

    def test_every_file_of_the_release_and_no_other(self, site: Site) -> None:
        sources, digests = self.fill(site)
        site.put("app")
        (one,) = frozen(site, sources=sources, hashes=True)
        assert one.hashes == tuple(f"sha256:{digest}" for digest in digests)
        assert list(one.lines()) == [
            " \\\n    ".join(["app==1.0", *(f"--hash=sha256:{digest}" for digest in digests)])
        ]

    def test_what_no_source_has(self, site: Site) -> None:
        sources, _ = self.fill(site)
        for name in ("app", "gone", "lost"):
            site.put(name)
        with pytest.raises(SourceError) as caught:
            frozen(site, sources=sources, hashes=True)
        error = caught.value
        assert error.message == "no source has `gone==1.0`, so its hashes are not known"
        assert error.context == ("nor `lost==1.0`",)
        assert error.hint == (
            "name the index it came from, or leave it out with `--exclude gone --exclude lost`"
        )

    def test_what_came_from_elsewhere_is_told(self, site: Site) -> None:
        site.put("app", direct={"url": "file:///a/b", "dir_info": {}})
        assert lines(site, hashes=True) == ["app @ file:///a/b"]
        assert site.listener.warnings == ["`app` did not come from an index and gets no hash"]

    def test_the_installed_file_is_not_listed_any_more(self, site: Site) -> None:
        sources, digests = self.fill(site)
        known = {"url": "https://x.example/", "archive_info": {"hashes": {"sha256": digests[0]}}}
        site.put("app", provenance=known)
        frozen(site, sources=sources, hashes=True)
        assert site.listener.warnings == []
        known["archive_info"] = {"hashes": {"sha256": "00"}}
        site.put("app", provenance=known)
        frozen(site, sources=sources, hashes=True)
        assert site.listener.warnings == [
            "no source lists the file of `app==1.0` that is installed"
        ]

    def test_hashes_an_index_does_not_list_are_taken_of_the_files(self, site: Site) -> None:
        wheel = make_wheel(site.root / "served", "app")
        site.put("app")
        page = f'<a href="../../{wheel.name}">{wheel.name}</a>'.encode()
        html = Reply(body=page, headers={"Content-Type": "text/html"})
        with serving({"/simple/app/": html, f"/{wheel.name}": wheel.read_bytes()}) as server:
            sources = SourceSettings(index_url=f"{server.url}/simple/")
            (one,) = frozen(site, sources=sources, hashes=True)
        assert one.hashes == (f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}",)
