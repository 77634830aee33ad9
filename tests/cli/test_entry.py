"""The cheapest answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import run_vinstall
from vinstall import __version__


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_the_version_is_data(tmp_path: Path, word: str) -> None:
    assert run_vinstall(word, home=tmp_path) == (0, f"vinstall {__version__}\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no `/dev/full`")
def test_a_full_disk_is_told_without_a_trace() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "vinstall", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "error: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_the_version_loads_nothing_but_the_entry() -> None:
    code = (
        "import sys; before = set(sys.modules); sys.argv[1:] = ['--version']\n"
        "from vinstall.cli.entry import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "['gc', 'vinstall', 'vinstall.cli', 'vinstall.cli.entry']"


def test_without_words_the_help_is_shown(tmp_path: Path) -> None:
    ran = run_vinstall(home=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: vinstall [OPTIONS] [COMMAND] [ARGS]...\n")


class TestTheEnd:
    """The script ends at once where nobody would notice the difference."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (
                "import builtins; builtins.it = type('T', (), {'__del__': lambda _: print('x')})()",
                "",
            ),
            ("import atexit; atexit.register(print, 'told')", "told\n"),
            (
                "import threading, time\n"
                "def work(): time.sleep(0.2); print('worked')\n"
                "threading.Thread(target=work).start()",
                "worked\n",
            ),
        ],
    )
    def test_who_asked_to_be_told_or_works_is_heard(self, before: str, after: str) -> None:
        code = (
            f"import sys\n{before}\nsys.argv[1:] = ['--version']\n"
            "from vinstall.cli.entry import script; script()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout == f"vinstall {__version__}\n{after}"
