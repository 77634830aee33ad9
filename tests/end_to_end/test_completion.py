"""The scripts of `vinstall completion`, in the shells they are for."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time

import pytest

from tests.end_to_end.scene import NO_GPU, Scene
from tests.support.command import clean_environ

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no terminal to be had")

_LONG = 60.0
"""Seconds after which a shell has failed."""
_TYPED_AT = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(vinstall completion bash)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -u -D; eval "$(vinstall completion zsh)"',
    ),
}
_WORDS = [
    ("vinstall unin", "vinstall uninstall"),
    ("vinstall uninstall -p {python} no", "vinstall uninstall -p {python} nothing-else"),
    ("vinstall freeze --hash", "vinstall freeze --hashes"),
    ("vinstall cache pru", "vinstall cache prune"),
    ("vinstall install -r req", "vinstall install -r requested.txt"),
    ("vinstall install --target hom", "vinstall install --target home"),
]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """An environment with one project, and `vinstall` on the PATH."""
    scene = Scene(tmp_path_factory.mktemp("shells"))
    scene.make_environment()
    scene.variables.update(NO_GPU)
    (scene.root / "requested.txt").touch()
    (scene.root / "home.txt").touch()
    scene.wheel("nothing-else")
    assert scene.run("nothing-else").code == 0
    command = scene.root / "bin" / "vinstall"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vinstall "$@"\n')
    command.chmod(0o755)
    return scene


def environ(scene: Scene) -> dict[str, str]:
    path = f"{scene.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return clean_environ(scene.home, PATH=path, TERM="xterm", PS1="$ ", **NO_GPU)


class Terminal:
    """A shell on a terminal, and what it wrote."""

    def __init__(self, command: list[str], scene: Scene) -> None:
        self.fd, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 1000, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=other,
            stdout=other,
            stderr=other,
            env=environ(scene),
            cwd=scene.root,
            start_new_session=True,
        )
        os.close(other)
        self.said = ""

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait for what matches, and forget what stands before its end."""
        end = time.monotonic() + _LONG
        while (found := re.search(pattern, self.said)) is None:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{pattern!r} did not come: {self.said!r}"
            self.said += os.read(self.fd, 65536).decode("utf-8", "replace")
        self.said = self.said[found.end() :]
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


@pytest.mark.parametrize("shell", _TYPED_AT)
def test_the_tabulator_completes(scene: Scene, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    command, setup = _TYPED_AT[shell]
    terminal = Terminal(command, scene)
    try:
        terminal.type(f"{setup}; echo rea''dy\n")
        terminal.expect("[\r\n]ready[\r\n]")
        for typed, wanted in _WORDS:
            line = typed.format(python=scene.python)
            # To the beginning of the line, and let the shell say what the whole of it is now.
            terminal.type(f"{line}\t\x01echo GO''T \n")
            found = terminal.expect("[\r\n]GOT ([^\r\n]*)[\r\n]")
            # zsh takes the slash of a folder back when one goes on elsewhere, bash does not.
            assert found[1].rstrip(" /") == wanted.format(python=scene.python)
    finally:
        terminal.close()


@pytest.mark.parametrize(("typed", "wanted"), _WORDS)
def test_fish_completes(scene: Scene, typed: str, wanted: str) -> None:
    if shutil.which("fish") is None:
        pytest.skip("there is no fish here")
    line = typed.format(python=scene.python)
    code = f"vinstall completion fish | source; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", code],
        capture_output=True,
        text=True,
        env=environ(scene),
        cwd=scene.root,
        timeout=_LONG,
        check=False,
    )
    found = [row.partition("\t")[0].rstrip("/") for row in done.stdout.splitlines()]
    assert (found, done.stderr) == ([wanted.format(python=scene.python).split()[-1]], "")
