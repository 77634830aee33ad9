"""What must be whole is whole, whatever signal comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from vinstall.installation.interruption import held_back


def test_ctrl_c_lets_the_block_end_and_is_forgotten() -> None:
    before = signal.getsignal(signal.SIGINT)
    done = []
    with held_back():
        os.kill(os.getpid(), signal.SIGINT)
        done.append(True)
    assert done
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_deadly_signal_kills_after_the_block(name: str) -> None:
    code = (
        "import os, signal\n"
        "from vinstall.installation.interruption import held_back\n"
        f"signal.signal(signal.{name}, signal.SIG_DFL)\n"  # `nohup` may have ignored it
        "with held_back():\n"
        f"    os.kill(os.getpid(), signal.{name})\n"
        "    print('whole', flush=True)\n"
        "print('not reached')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-getattr(signal, name), "whole\n")


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held_back():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_error_of_the_block_comes_through() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(OSError, match="full"), held_back():
        raise OSError("full")
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_hear_no_signals() -> None:
    seen: list[Callable[..., object] | int | None] = []
    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        with held_back():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
