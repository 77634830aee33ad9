"""A wheel that is unpacked while it arrives: installed, interrupted, and gone on with."""

from __future__ import annotations

import contextlib
import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.scene import Scene
from tests.support.command import clean_environ
from tests.support.server import Server, serving
from vinstall.sources.source import WORTH_FOLLOWING

MIB = 1024 * 1024
DATA = random.Random(9).randbytes(WORTH_FOLLOWING + MIB)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")


def begun(scene: Scene, server: Server) -> subprocess.Popen[str]:
    """`vinstall install`, under way."""
    words = ("install", "big", "--index-url", f"{server.url}/", "--python", str(scene.python))
    return subprocess.Popen(
        [sys.executable, "-m", "vinstall", *words],
        env=clean_environ(scene.home, **scene.variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def cached(scene: Scene, pattern: str) -> list[Path]:
    return [path for path in scene.home.rglob(pattern) if path.is_file()]


def largest(scene: Scene, pattern: str) -> int:
    """Bytes; what is moved just now is passed over."""
    sizes = [0]
    for path in cached(scene, pattern):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return max(sizes)


def test_ctrl_c_ends_it_at_once_and_the_next_run_goes_on(scene: Scene) -> None:
    scene.wheel("big", files={"big/__init__.py": "", "big/data.bin": DATA})
    scene.publish()
    with serving(scene.index, rate=9.0 * MIB) as server:
        with begun(scene, server) as process:
            for _ in range(400):
                if largest(scene, "tmp/*") > MIB:
                    break
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=20)[0]
        # It did not wait for the rest, which no compression makes shorter.
        assert 0 < largest(scene, "*") < len(DATA)
        assert process.returncode == 130
        assert "interrupted: the environment is as it was" in said
        assert "Traceback" not in said
        assert scene.installed() == {}
        assert cached(scene, "manifest") == []
        assert cached(scene, "data.bin") == []
        with begun(scene, server) as process:
            assert process.wait(timeout=60) == 0
        wheels = [one.range or "" for one in server.requests if one.path.endswith(".whl")]
        assert any(asked.endswith("-") for asked in wheels)
    code = "import hashlib, pathlib, big; path = pathlib.Path(big.__file__).with_name('data.bin'); "
    code += "print(hashlib.sha256(path.read_bytes()).hexdigest())"
    assert scene.python_says(code).strip() == hashlib.sha256(DATA).hexdigest()
