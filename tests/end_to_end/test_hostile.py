"""What hostile servers and files, careless users and bad moments must not do."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.end_to_end.scene import NO_GPU, Scene
from tests.support.command import Ran, clean_environ
from tests.support.server import Reply, redirect, serving
from tests.support.wheels import make_wheel

COMMANDS = "\x1b]0;title\x07\x1b[31m"
"""A terminal would obey this."""
DIGITS = "9" * 5000
INFO = "evil-1.0.dist-info"
WHEEL = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment, to be copied."""
    made = Scene(tmp_path_factory.mktemp("fresh"))
    made.make_environment()
    return made.env


@pytest.fixture
def scene(tmp_path: Path, fresh: Path) -> Scene:
    """As everywhere, with a copy for its environment, for there are many."""
    made = Scene(tmp_path)
    shutil.copytree(fresh, made.env, symlinks=True)
    made.variables.update(NO_GPU)
    return made


def evil_wheel(scene: Scene, files: Mapping[str, str], metadata: str = "") -> None:
    """A wheel on the index whose RECORD is right, whatever its files are."""
    content = {path: text.encode() for path, text in files.items()}
    content.setdefault(
        f"{INFO}/METADATA", f"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n{metadata}".encode()
    )
    content[f"{INFO}/WHEEL"] = WHEEL
    rows = [f'"{path}",sha256={_digest(data)},{len(data)}\n' for path, data in content.items()]
    content[f"{INFO}/RECORD"] = "".join([*rows, f"{INFO}/RECORD,,\n"]).encode()
    folder = scene.index / "evil"
    folder.mkdir()
    with zipfile.ZipFile(folder / "evil-1.0-py3-none-any.whl", "w") as archive:
        for path, data in content.items():
            archive.writestr(path, data)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def everything(scene: Scene) -> dict[str, bytes]:
    """Each file of the environment, bytecode apart."""
    return {
        str(path.relative_to(scene.env)): path.read_bytes()
        for path in sorted(scene.env.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def check_refused(ran: Ran, *codes: int) -> None:
    """An error in words, that no terminal obeys."""
    assert ran.code in codes
    assert "Traceback" not in ran.err
    assert ran.err.count("\nerror: ") + ran.err.startswith("error: ") == 1, ran.err
    assert "\x1b" not in ran.err + ran.out
    assert "\x07" not in ran.err + ran.out


class TestWheels:
    @pytest.mark.parametrize(
        "path",
        [
            "evil-1.0.data/scripts/python",
            f"evil-1.0.data/scripts/python3.{sys.version_info.minor}",
            "evil-1.0.data/scripts/activate",
            "evil-1.0.data/data/pyvenv.cfg",
            "evil-1.0.data/data/bin/python",
            "evil-1.0.data/data/lib",
            "evil-1.0.data/data/.vinstall-abc/journal",
            f"evil-1.0.data/{COMMANDS}/x",
            "evil-1.0.data/nowhere/x",
            "victim-1.0.dist-info/METADATA",
            "../evil",
            "/evil",
        ],
    )
    def test_no_file_lands_where_none_belongs(self, scene: Scene, path: str) -> None:
        evil_wheel(scene, {path: "#!python\n", "evil.py": ""})
        before = everything(scene)
        check_refused(scene.run("evil"), 1)
        assert everything(scene) == before

    @pytest.mark.parametrize(
        "line",
        [
            "python = evil:main",
            "python3 = evil:main",
            "../x = evil:main",
            f"a{COMMANDS} = evil:main",
            "a = evil:main;import os",
            "a = evil:main() or x",
            "a" * 300 + " = evil:main",
        ],
    )
    def test_no_script_is_made_that_none_should_be(self, scene: Scene, line: str) -> None:
        evil_wheel(scene, {f"{INFO}/entry_points.txt": f"[console_scripts]\n{line}\n"})
        before = everything(scene)
        check_refused(scene.run("evil"), 1)
        assert everything(scene) == before

    @pytest.mark.parametrize(
        "metadata",
        [
            f"Requires-Dist: {COMMANDS} bad (\n",
            f"Requires-Dist: victim>={DIGITS}\n",
            f"Requires-Dist: victim; {'(' * 3000}\n",
            f"Requires-Dist: {'v' * 5000}\n",
            f'Requires-Dist: victim; python_version > "{DIGITS}"\n',
            "Requires-Dist: victim @ file:///nonexistent/victim-1.0-py3-none-any.whl\n",
            "Requires-Dist: victim @ git+ext::sh%20-c%20id@x\n",
        ],
    )
    def test_bad_requirements_are_told(self, scene: Scene, metadata: str) -> None:
        evil_wheel(scene, {"evil.py": ""}, metadata)
        scene.wheel("victim")
        before = everything(scene)
        check_refused(scene.run("evil"), 1, 2)
        assert everything(scene) == before

    @pytest.mark.parametrize("version", [f"2.0{COMMANDS}", DIGITS])
    def test_bad_versions_are_told(self, scene: Scene, version: str) -> None:
        metadata = f"Metadata-Version: 2.1\nName: evil\nVersion: {version}\n"
        evil_wheel(scene, {f"{INFO}/METADATA": metadata})
        check_refused(scene.run("evil"), 1)

    def test_metadata_of_another_encoding_stands_in_nobodys_way(self, scene: Scene) -> None:
        folder = scene.index / "evil"
        path = make_wheel(folder, "evil", metadata_lines=["Summary: caf\N{LATIN SMALL LETTER E}"])
        text = zipfile.ZipFile(path).read(f"{INFO}/METADATA").replace(b"cafe", b"caf\xe9")
        path.unlink()
        (folder).rmdir()
        evil_wheel(scene, {f"{INFO}/METADATA": text.decode("latin-1")})
        assert scene.run("evil").code == 0

    def test_a_bad_wheel_among_good_ones_changes_nothing(self, scene: Scene) -> None:
        for number in range(10):
            needs = [f"p{number + 1}"] if number < 9 else []
            scene.wheel(f"p{number}", requires=needs)
        (bad,) = (scene.index / "p5").glob("*.whl")
        with zipfile.ZipFile(bad, "a") as archive:
            archive.writestr("p5/unlisted.py", "")
        before = everything(scene)
        check_refused(scene.run("p0"), 1)
        assert everything(scene) == before


def page_of(*files: Mapping[str, object], **more: object) -> Reply:
    """A page of the project `demo`."""
    document = {"meta": {"api-version": "1.1"}, "name": "demo", "files": files, **more}
    return json_reply(json.dumps(document))


def json_reply(text: str) -> Reply:
    """A page as it comes over the wire."""
    kind = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
    return Reply(body=text.encode(), headers=kind)


def listed(**more: object) -> dict[str, object]:
    """One file of a page."""
    name = "demo-1.0-py3-none-any.whl"
    return {"filename": name, "url": f"/files/{name}", "hashes": {}, **more}


PAGES = {
    "yanked": page_of(listed(yanked=COMMANDS)),
    "requires-python": page_of(listed(**{"requires-python": f">={DIGITS}"})),
    "filename": page_of(listed(filename=f"demo-1.0{COMMANDS}-py3-none-any.whl")),
    "version": page_of(listed(filename=f"demo-{DIGITS}-py3-none-any.whl")),
    "url": page_of(listed(url=f"http://x{COMMANDS}/demo")),
    "file-url": page_of(listed(url="file:///etc/passwd")),
    "broken-url": page_of(listed(url="http://[::1")),
    "port": page_of(listed(url="http://127.0.0.1:99999/x")),
    "api-version": page_of(listed(), meta={"api-version": f"9.0{COMMANDS}"}),
    "nested": json_reply("[" * 200_000),
    "digits": json_reply('{"files": [], "size": ' + "9" * 5000 + "}"),
    "surrogate": page_of(listed(yanked="\ud800", url="/\ud800")),
    "redirect": redirect("file:///etc/passwd"),
    "damaged": Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}),
    "error": Reply(status=500, body=COMMANDS.encode()),
}


class TestServers:
    @pytest.mark.parametrize("name", PAGES)
    def test_a_hostile_page_ends_in_words(self, scene: Scene, name: str) -> None:
        with serving({"/demo/": PAGES[name]}) as server:
            index = ("--index-url", f"{server.url}/", "--retries", "0", "--timeout", "5")
            ran = scene.run_alone("demo", *index, "--python", scene.python, "-v")
            check_refused(ran, 1, 4)
            explained = scene.run_alone("explain", "demo", *index, "--python", scene.python)
        assert "Traceback" not in explained.err
        assert "\x1b" not in explained.out + explained.err
        assert scene.installed() == {}

    def test_credentials_do_not_follow_to_another_host(self, scene: Scene) -> None:
        wheel = make_wheel(scene.root / "wheels", "demo").read_bytes()
        with serving({"/demo.whl": wheel}, host="localhost") as other:
            routes = {
                "/demo/": page_of(listed()),
                "/files/demo-1.0-py3-none-any.whl": redirect(f"{other.url}/demo.whl"),
            }
            with serving(routes, auth=("user", "hunter2")) as server:
                url = server.url.replace("//", "//user:hunter2@")
                words = ("demo", "--index-url", f"{url}/", "--python", scene.python, "-vv")
                ran = scene.run_alone(*words)
        assert ran.code == 0, ran.err
        assert other.requests
        assert not any("authorization" in request.headers for request in other.requests)
        assert "hunter2" not in ran.err + ran.out

    @pytest.mark.parametrize("front", ["", "demo @ "])
    def test_the_login_of_a_url_that_is_asked_for_is_used(self, scene: Scene, front: str) -> None:
        path = make_wheel(scene.root / "wheels", "demo")
        with serving({f"/{path.name}": path.read_bytes()}, auth=("user", "hunter2")) as server:
            url = server.url.replace("//", "//user:hunter2@")
            ran = scene.run_alone(f"{front}{url}/{path.name}", "--python", scene.python, "-vv")
            frozen = scene.run_alone("freeze", "--python", scene.python)
            locked = scene.run_alone("lock", f"{front}{url}/{path.name}", "--python", scene.python)
        assert (ran.code, scene.installed()) == (0, {"demo": "1.0"}), ran.err
        assert "hunter2" not in ran.err + ran.out + frozen.err + frozen.out
        assert locked.code == 0
        assert server.url in (scene.root / "pylock.toml").read_text()
        kept = [path for path in scene.root.rglob("*") if path.is_file()]
        assert [path for path in kept if b"hunter2" in path.read_bytes()] == []


class TestWords:
    @pytest.mark.parametrize(
        "words",
        [
            ("install", ""),
            ("install", " "),
            ("install", "d\xe9mo"),
            ("install", COMMANDS),
            ("install", "-r", ""),
            ("install", "-r", "missing"),
            ("install", "-r", "."),
            ("install", "demo==" + DIGITS),
            ("install", "demo", "--index-url", ""),
            ("install", "demo", "--target", ""),
            ("list", "--format", COMMANDS),
            ("explain", ""),
            ("lock", ""),
        ],
    )
    def test_odd_words_end_in_words(self, scene: Scene, words: tuple[str, ...]) -> None:
        check_refused(scene.run_alone(*words, "--python", scene.python), 2)

    def test_a_name_too_long_for_a_file_system(self, scene: Scene) -> None:
        check_refused(scene.run("a" * 5000), 1)

    def test_a_report_that_has_no_place_is_told_first(self, scene: Scene) -> None:
        scene.wheel("demo")
        check_refused(scene.run("demo", "--report", scene.root / "none" / "report.json"), 2)
        assert scene.installed() == {}

    def test_an_empty_python_is_no_environment_at_all(self, scene: Scene) -> None:
        ran = scene.run_alone("install", "demo", "--python", "")
        assert (ran.code, ran.err) == (
            2,
            "error: `--python` is given without a value\n"
            "hint: is the variable that should hold it empty? Leave the option out for the default\n",
        )

    @pytest.mark.parametrize("descriptor", [0, 1, 2])
    def test_closed_streams_are_no_obstacle(self, scene: Scene, descriptor: int) -> None:
        scene.wheel("demo")
        scene.publish()
        words = [sys.executable, "-m", "vinstall", "demo", "--python", str(scene.python)]
        command = ["sh", "-c", f'exec "$@" {descriptor}>&-', "sh", *words]
        ran = subprocess.run(
            [*command, "--index-url", str(scene.index)],
            env=clean_environ(scene.home, **scene.variables),
            cwd=scene.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, "Traceback" in ran.stderr) == (0, False)
        assert scene.installed() == {"demo": "1.0"}


class TestMoments:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_leaves_all_or_nothing(self, scene: Scene, number: signal.Signals) -> None:
        scale = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
        files = {f"many/m{index}.py": "" for index in range(300)}
        scene.wheel("many", files=files, requires=["more"])
        scene.wheel("more")
        scene.publish()
        words = ["install", "many", "--index-url", str(scene.index), "--python", str(scene.python)]
        for round_ in range(4 * scale):
            process = subprocess.Popen(
                [sys.executable, "-m", "vinstall", *words],
                env=clean_environ(scene.home, **scene.variables),
                cwd=scene.root,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            time.sleep(0.25 + 0.15 * (round_ % 4))
            process.send_signal(number)
            _, talk = process.communicate(timeout=60)
            assert "Traceback" not in talk
            modules = len(list(scene.env.glob("lib/python*/site-packages/many/m*.py")))
            assert (len(scene.installed()), modules) in ((0, 0), (2, 300))
            scene.run_alone("uninstall", "-y", "many", "more", "--python", scene.python)
            assert scene.installed() == {}

    def test_a_cache_of_garbage_is_as_none(self, scene: Scene) -> None:
        scene.wheel("demo", requires=["lib"])
        scene.wheel("lib")
        assert scene.run("demo").code == 0
        kept = [path for path in (scene.home / ".cache").rglob("*") if path.is_file()]
        for path in kept:
            if path.name != "CACHEDIR.TAG" and path.suffix != ".lock":
                path.write_bytes(b"\xe9\xff\xff\xff\x7f garbage")
        ran = scene.run("demo", "--reinstall")
        assert (ran.code, scene.installed()) == (0, {"demo": "1.0", "lib": "1.0"})
        shutil.rmtree(scene.home / ".cache")

    def test_a_disk_that_takes_nothing_leaves_all_as_it_was(self, scene: Scene) -> None:
        scene.wheel("demo")
        (Path(scene.root) / "file").write_text("")
        for option in ("--target", "--prefix", "--root"):
            check_refused(scene.run("demo", option, scene.root / "file"), 1, 3)
        assert (scene.root / "file").read_text() == ""
