"""0 done, 1 could not, 2 usage, 3 no environment, 4 network, 130 interrupted, 143 terminated."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.scene import Scene
from tests.support.command import clean_environ
from tests.support.server import Reply, serving


def test_done(scene: Scene) -> None:
    scene.wheel("app")
    assert scene.run("app").code == 0


def test_could_not(scene: Scene) -> None:
    scene.wheel("app", requires=["nowhere"])
    ran = scene.run("app")
    assert ran.code == 1
    assert ran.err.splitlines()[1] == "error: nothing is known of a project `nowhere`"
    assert scene.installed() == {}


def test_a_hash_that_is_wrong(scene: Scene) -> None:
    scene.wheel("app")
    (scene.root / "r.txt").write_text(f"app==1.0 --hash=sha256:{'0' * 64}\n")
    ran = scene.run("-r", "r.txt")
    assert ran.code == 1
    assert scene.installed() == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--no-such-option",), "there is no option `--no-such-option`"),
        (("a==",), "`a==` is no requirement"),
        (("-r", "nowhere.txt"), "`nowhere.txt` does not exist"),
        (("--index-strategy", "mine", "app"), "`--index-strategy`: `mine` is none of"),
        (("--index-url", "ftp://index.example/", "app"), "`ftp://index.example/` is no address"),
        (("--host", "nowhere.toml", "app"), "`nowhere.toml` does not exist"),
        (("--prefer", "::", "app"), "`--prefer ::` is no namespace, feature or property"),
        (("--exclude-newer", "soon", "app"), "`soon` is neither a date nor a duration"),
    ],
)
def test_usage(scene: Scene, words: tuple[str, ...], message: str) -> None:
    ran = scene.run_alone(*words, "--python", scene.python)
    assert ran.code == 2
    error = next(line for line in ran.err.splitlines() if line.startswith("error: "))
    assert error.startswith(f"error: {message}")
    assert "Traceback" not in ran.err


def test_no_environment(scene: Scene) -> None:
    ran = scene.run_alone("app", "--python", "nowhere")
    assert ran.code == 3
    assert ran.err.startswith("error: `--python nowhere` names no interpreter\n")


def test_an_environment_that_the_system_manages(scene: Scene) -> None:
    python = Path("/usr/bin/python3")
    if not (python.exists() and list(Path("/usr/lib").glob("python3*/EXTERNALLY-MANAGED"))):
        pytest.skip("no Python here is managed by the system")
    ran = scene.run_alone("app", "--python", python)
    assert ran.code == 3
    assert "is managed by the system's own packages\n" in ran.err
    assert "hint: make a virtual environment (`python3 -m venv .venv`)" in ran.err


def test_a_server_out_of_reach(scene: Scene) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/simple/"
        ran = scene.run_alone("app", "--index-url", url, "--python", scene.python, "--retries", "0")
    assert ran.code == 4
    assert "error: " in ran.err
    assert "Traceback" not in ran.err


def test_a_server_that_refuses(scene: Scene) -> None:
    with serving({"/simple/app/": Reply(status=403)}) as server:
        url = server.url.replace("://", "://user:secret@") + "/simple/"
        ran = scene.run_alone("app", "--index-url", url, "--python", scene.python)
    assert ran.code == 4
    assert "403" in ran.err
    assert "secret" not in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_interrupted(scene: Scene, name: str, code: int) -> None:
    with serving({"/simple/app/": Reply(body=b"", delay=20)}) as server:
        words = ("app", "--index-url", f"{server.url}/simple/", "--python", str(scene.python))
        with subprocess.Popen(
            [sys.executable, "-m", "vinstall", *words],
            env=clean_environ(scene.home),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            deadline = time.monotonic() + 60
            while not server.requests and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(getattr(signal, name))
            _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.splitlines()[-1] == "interrupted: the environment is as it was"
