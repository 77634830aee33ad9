"""`vinstall lock`, installs from locks, `vinstall sync`.  Spec: PEP 751, PEP 825."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.scene import CU12, CU13, Scene
from tests.support.command import Ran, clean_environ
from tests.support.pages import write_pages
from tests.support.server import Reply, Request, serving

CUDA_13 = {"nvidia": {"cuda_version_lower_bound": ["13.0", "12.0"]}}
HOSTS: dict[str, dict[str, dict[str, list[str]]]] = {
    "gpu": CUDA_13,
    "older": {"nvidia": {"cuda_version_lower_bound": ["12.0"]}},
    "cpu": {},
}


def host_file(folder: Path, name: str) -> Path:
    """A host file of one of HOSTS."""
    lines = ['[metadata]\ncreated-by = "tests"\nversion = "0.1"\n']
    for namespace, features in HOSTS[name].items():
        lines.append(f'[[provider]]\nnamespace = "{namespace}"\nresolved = ["p==1"]\n')
        lines.append("[provider.properties]\n")
        lines += [f"{feature} = {json.dumps(values)}\n" for feature, values in features.items()]
    path = folder / f"{name}.toml"
    path.write_text("provider = []\n" * (not HOSTS[name]) + "".join(lines))
    return path


@pytest.fixture
def torch(scene: Scene) -> Scene:
    """A torch whose dependencies differ by label, as the real one's do."""
    requires = (
        "filelock",
        "cublas==13.0; variant_label == 'cu13'",
        "cublas==12.0; variant_label == 'cu12'",
        "triton; 'nvidia' in variant_namespaces",
    )
    labels = {"cu13": CU13, "cu12": CU12, "null": {}}
    scene.variants("torch", "2.10", labels, requires=requires)
    for version in ("12.0", "13.0"):
        scene.wheel("cublas", version)
    scene.wheel("triton")
    scene.wheel("filelock", "3.0")
    return scene


def planned(scene: Scene, *words: str | Path) -> list[tuple[str, str, str | None]]:
    """Name, version and label of what a dry run would install."""
    ran = scene.run_alone(
        "install", *words, "--dry-run", "--report", "-", "--python", scene.python, "-q"
    )
    assert ran.code == 0, ran.err
    items = json.loads(ran.out)["install"]
    return sorted(
        (
            item["metadata"]["name"],
            item["metadata"]["version"],
            item["variant"]["label"] if item.get("variant") else None,
        )
        for item in items
    )


class TestManyHosts:
    """One lock, written once, for machines that differ."""

    @pytest.fixture
    def locked(self, torch: Scene) -> Scene:
        files = [word for name in HOSTS for word in ("--host", host_file(torch.root, name))]
        ran = torch.run("lock", "torch", *files)
        assert ran.code == 0, ran.err
        return torch

    @pytest.mark.parametrize("name", HOSTS)
    def test_each_host_gets_what_an_install_there_would_give(
        self, locked: Scene, name: str
    ) -> None:
        host = ("--host", locked.root / f"{name}.toml")
        index = ("--index-url", locked.index)
        assert planned(locked, "-r", "pylock.toml", *host) == planned(
            locked, "torch", *host, *index
        )

    def test_the_lock_tells_who_can_read_it(self, locked: Scene) -> None:
        ran = locked.run("lock", "torch")
        assert (
            "note: `torch` lists variant wheels; installers without variants refuse such a lock "
            "(`--pip-compatible` avoids it)" in ran.err
        )

    def test_locking_again_changes_no_byte(self, locked: Scene) -> None:
        before = (locked.root / "pylock.toml").read_bytes()
        files = [word for name in HOSTS for word in ("--host", f"{name}.toml")]
        ran = locked.run("lock", "torch", *files)
        assert (locked.root / "pylock.toml").read_bytes() == before
        assert "is unchanged" in ran.err

    def test_a_newer_release_waits_until_it_is_asked_for(self, locked: Scene) -> None:
        locked.wheel("filelock", "4.0")
        files = [word for name in HOSTS for word in ("--host", f"{name}.toml")]
        locked.run("lock", "torch", *files)
        assert 'version = "3.0"' in (locked.root / "pylock.toml").read_text()
        locked.run("lock", "torch", *files, "-P", "filelock")
        assert 'version = "3.0"' not in (locked.root / "pylock.toml").read_text()

    def test_no_index_is_asked(self, torch: Scene) -> None:
        write_pages(torch.index)
        with serving(torch.index) as server:
            lock = torch.run_alone(
                "lock", "torch", "--host", host_file(torch.root, "gpu"), "--index-url", server.url,
                "--python", torch.python,
            )  # fmt: skip
            assert lock.code == 0, lock.err
            server.requests.clear()
            torch.forget_cache()
            ran = torch.run_alone(
                "-r", "pylock.toml", "--host", "gpu.toml", "--python", torch.python,
                "--index-url", f"{server.url}/nowhere/",
            )  # fmt: skip
            assert ran.code == 0, ran.err
            assert {Path(request.path).suffix for request in server.requests} == {".whl"}
        assert torch.installed() == {
            "cublas": "13.0", "filelock": "3.0", "torch": "2.10 (cu13)", "triton": "1.0",
        }  # fmt: skip

    def test_versions_that_only_one_host_can_have_are_shared(self, scene: Scene) -> None:
        """The newest release has no build for the older host: both get the one before."""
        scene.variants("demo", "2.0", {"cu13": CU13})
        scene.variants("demo", "1.0", {"cu13": CU13, "cu12": CU12})
        files = [
            word for name in ("gpu", "older") for word in ("--host", host_file(scene.root, name))
        ]
        ran = scene.run("lock", "demo", *files)
        assert ran.code == 0, ran.err
        for name, label in (("gpu", "cu13"), ("older", "cu12")):
            found = planned(scene, "-r", "pylock.toml", "--host", f"{name}.toml")
            assert found == [("demo", "1.0", label)]

    def test_hosts_no_lock_can_serve_are_named_with_their_versions(self, scene: Scene) -> None:
        scene.variants("demo", "2.0", {"cu13": CU13})
        properties = {"cuda_version_lower_bound": ["12.0"], "sm_arch": ["50_real"]}
        scene.variants("demo", "1.0", {"cu12": {"nvidia": properties}})
        (scene.root / "old.toml").write_text(
            '[metadata]\ncreated-by = "tests"\nversion = "0.1"\n[[provider]]\nnamespace = "nvidia"\n'
            'resolved = ["p==1"]\n[provider.properties]\ncuda_version_lower_bound = ["12.0"]\n'
            'sm_arch = ["50_real"]\n'
        )
        ran = scene.run(
            "lock", "demo", "--host", host_file(scene.root, "gpu"), "--host", "old.toml"
        )
        assert ran.code == 1
        assert "error: one lock cannot serve all of these hosts" in ran.err
        assert f"`{scene.root / 'gpu.toml'}`: demo 2.0" in ran.err
        assert "`old.toml`: demo 1.0" in ran.err
        assert not (scene.root / "pylock.toml").exists()


class TestAttestations:
    """PEP 740 `provenance`, PEP 751 `attestation-identities`."""

    def _lock(self, scene: Scene, provenance: bytes, *words: str) -> Ran:
        wheel = scene.wheel("demo").read_bytes()
        name = "demo-1.0-py3-none-any.whl"
        page = {
            "meta": {"api-version": "1.3"},
            "name": "demo",
            "files": [
                {
                    "filename": name,
                    "url": f"../../files/{name}",
                    "hashes": {"sha256": hashlib.sha256(wheel).hexdigest()},
                    "provenance": "PLACE/provenance",
                }
            ],
        }

        def project(request: Request) -> Reply:
            text = json.dumps(page).replace("PLACE", f"http://{request.headers['host']}")
            kind = {"content-type": "application/vnd.pypi.simple.v1+json"}
            return Reply(body=text.encode(), headers=kind)

        routes: dict[str, Any] = {
            "/simple/demo/": project,
            f"/files/{name}": wheel,
            "/provenance": provenance,
        }
        with serving(routes) as server:
            index: tuple[str | Path, ...] = ("--index-url", f"{server.url}/simple/")
            return scene.run_alone("lock", "demo", *index, "--python", scene.python, *words)

    def test_who_built_a_file_is_recorded_when_asked(self, scene: Scene) -> None:
        publisher = {"kind": "GitHub", "repository": "a/b", "environment": None}
        document = {"version": 1, "attestation_bundles": [{"publisher": publisher}]}
        ran = self._lock(scene, json.dumps(document).encode(), "--attestations")
        assert ran.code == 0, ran.err
        package = tomllib.loads((scene.root / "pylock.toml").read_text())["packages"][0]
        assert package["attestation-identities"] == [{"kind": "GitHub", "repository": "a/b"}]

    def test_nothing_is_recorded_unasked(self, scene: Scene) -> None:
        ran = self._lock(scene, b"never read")
        assert ran.code == 0, ran.err
        assert "attestation" not in (scene.root / "pylock.toml").read_text()

    def test_a_provenance_that_cannot_be_read_writes_no_lock(self, scene: Scene) -> None:
        ran = self._lock(scene, b"{}", "--attestations")
        assert ran.code == 1
        assert "the provenance of `demo-1.0-py3-none-any.whl` cannot be read" in ran.err
        assert not (scene.root / "pylock.toml").exists()


class TestExtrasAndGroups:
    """PEP 751: `extras`, `dependency-groups`, and markers that ask for them."""

    @pytest.fixture
    def project(self, scene: Scene) -> Scene:
        for name in ("always", "shared", "plotting", "testing"):
            scene.wheel(name)
        scene.wheel("runner", requires=["shared", "testing"])
        (scene.root / "pyproject.toml").write_text(
            '[project]\nname = "mine"\nversion = "1"\ndependencies = ["always", "shared"]\n'
            '[project.optional-dependencies]\nplot = ["plotting"]\n'
            '[dependency-groups]\ntest = ["runner"]\n'
        )
        ran = scene.run("lock", "-r", "pyproject.toml", "--extra", "plot", "--group", "test")
        assert ran.code == 0, ran.err
        return scene

    @pytest.mark.parametrize(
        ("words", "names"),
        [
            ((), {"always", "shared"}),
            (("--extra", "plot"), {"always", "shared", "plotting"}),
            (("--group", "test"), {"always", "shared", "runner", "testing"}),
        ],
    )
    def test_what_is_asked_for_is_installed(
        self, project: Scene, words: tuple[str, ...], names: set[str]
    ) -> None:
        ran = project.run_alone("-r", "pylock.toml", *words, "--python", project.python)
        assert ran.code == 0, ran.err
        assert set(project.installed()) == names

    def test_an_extra_the_lock_does_not_have_is_named(self, project: Scene) -> None:
        ran = project.run_alone("-r", "pylock.toml", "--extra", "sound", "--python", project.python)
        assert ran.code == 1
        assert "error: `pylock.toml` has no extra `sound`" in ran.err


class TestSync:
    """The environment becomes exactly the lock."""

    def test_what_is_not_listed_is_removed_in_the_same_transaction(self, scene: Scene) -> None:
        for name in ("stays", "leaves"):
            scene.wheel(name)
        scene.wheel("changes", "1.0")
        scene.run("install", "stays", "leaves", "changes")
        scene.wheel("changes", "2.0")
        scene.run("lock", "stays", "changes")
        ran = scene.run_alone("sync", "--python", scene.python)
        assert ran.code == 0, ran.err
        assert scene.installed() == {"changes": "2.0", "stays": "1.0"}

    def test_a_dry_run_only_tells(self, scene: Scene) -> None:
        for name in ("stays", "leaves"):
            scene.wheel(name)
        scene.run("install", "stays", "leaves")
        scene.run("lock", "stays")
        ran = scene.run_alone("sync", "--python", scene.python, "--dry-run")
        assert ran.code == 0, ran.err
        assert "leaves" in ran.out
        assert scene.installed() == {"leaves": "1.0", "stays": "1.0"}

    def test_a_lock_stands_alone(self, scene: Scene) -> None:
        scene.wheel("demo")
        scene.run("lock", "demo")
        ran = scene.run("install", "demo", "-r", "pylock.toml")
        assert (ran.code, ran.err.splitlines()[-2:]) == (
            2,
            [
                "error: `pylock.toml` is a lock and stands alone",
                "hint: install other requirements in a run of their own, or lock them together",
            ],
        )


def _corrupt(text: str) -> dict[str, tuple[str, str]]:
    """Name to a corrupt lock and what is said about it."""
    digest = text.partition('sha256 = "')[2][:64]
    return {
        "truncated": (text[: len(text) // 2], "`pylock.toml` is no lock: the file is not TOML"),
        "wrong type": (
            text.replace('\nversion = "1.0"\n', "\nversion = 1\n", 1),
            "expected a string, found an integer",
        ),
        "path escape": (
            text.replace('path = "index/', 'path = "../../index/'),
            "may not be read",
        ),
        "duplicate": (text + text[text.index("[[packages]]") :], "is listed twice with the same marker"),
        "bad digest": (text.replace(digest, "zz"), "is not a sha256 digest in hexadecimal"),
        "other digest": (text.replace(digest, "0" * 64), "does not match its sha256 hash"),
        "marker": (
            text.replace('name = "demo"', 'name = "demo"\nmarker = "' + "(" * 500 + '"', 1),
            "packages[0].marker",
        ),
        "major version": (text.replace('lock-version = "1.0"', 'lock-version = "2.0"'), "lock-version"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    ["truncated", "wrong type", "path escape", "duplicate", "bad digest", "other digest", "marker", "major version"],
)  # fmt: skip
def test_a_corrupt_lock_is_refused_and_nothing_installed(scene: Scene, fault: str) -> None:
    scene.wheel("demo")
    scene.run("lock", "demo")
    path = scene.root / "pylock.toml"
    text, message = _corrupt(path.read_text())[fault]
    path.write_text(text)
    ran = scene.run_alone("-r", "pylock.toml", "--python", scene.python)
    assert ran.code == 1
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert scene.installed() == {}


class TestOtherTools:
    """A lock without labelled wheels is everybody's."""

    @pytest.fixture
    def plain(self, scene: Scene) -> Scene:
        scene.wheel("demo", requires=["other>=1"])
        scene.wheel("other", "1.5")
        ran = scene.run("lock", "demo")
        assert ran.code == 0, ran.err
        return scene

    def _environment(self, scene: Scene, name: str) -> Path:
        command = [sys.executable, "-m", "venv", "--without-pip", str(scene.root / name)]
        subprocess.run(command, check=True, capture_output=True)
        return scene.root / name

    def _names(self, environment: Path) -> list[str]:
        infos = environment.glob("lib/python*/site-packages/*.dist-info")
        return sorted(info.name for info in infos)

    def test_pip_installs_it(self, plain: Scene) -> None:
        environment = self._environment(plain, "pip-env")
        command = [sys.executable, "-m", "pip", "--python", str(environment), "install", "-r"]
        done = subprocess.run(
            [*command, "pylock.toml"],
            cwd=plain.root,
            env=clean_environ(plain.home),
            capture_output=True,
            text=True,
            check=False,
        )
        if "no such option" in done.stderr or "pylock" not in done.stderr + done.stdout:
            pytest.skip("this pip reads no locks")
        assert done.returncode == 0, done.stderr
        assert self._names(environment) == ["demo-1.0.dist-info", "other-1.5.dist-info"]

    @pytest.mark.uv
    def test_uv_installs_it(self, plain: Scene) -> None:
        uv = shutil.which("uv", path=str(Path(sys.executable).parent))
        if uv is None:
            pytest.skip("uv is not installed")
        environment = self._environment(plain, "uv-env")
        done = subprocess.run(
            [uv, "pip", "sync", "--preview-features", "pylock", "-p", str(environment), "pylock.toml"],
            cwd=plain.root, env=clean_environ(plain.home), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert self._names(environment) == ["demo-1.0.dist-info", "other-1.5.dist-info"]

    @pytest.mark.uv
    def test_a_lock_of_uv_is_installed_as_uv_does(self, scene: Scene) -> None:
        uv = shutil.which("uv", path=str(Path(sys.executable).parent))
        if uv is None:
            pytest.skip("uv is not installed")
        scene.wheel("demo", requires=["other>=1", "never; sys_platform == 'win32'"])
        scene.wheel("other", "1.5")
        scene.wheel("never")
        write_pages(scene.index)
        with serving(scene.index) as server:
            (scene.root / "wanted.in").write_text("demo\n")
            command: list[Any] = [
                uv,
                "pip",
                "compile",
                "wanted.in",
                "--universal",
                "-o",
                "pylock.toml",
            ]
            done = subprocess.run(
                [*command, "--index-url", server.url, "-p", scene.python],
                cwd=scene.root, env=clean_environ(scene.home), capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            ran = scene.run_alone("-r", "pylock.toml", "--python", scene.python)
        assert ran.code == 0, ran.err
        assert scene.installed() == {"demo": "1.0", "other": "1.5"}
