"""The number of heaps, as glibc counts them."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from vinstall.installation.heaps import share_heaps

COUNTED = """
import ctypes, os, sys, threading
from vinstall.installation.heaps import share_heaps
if sys.argv[1] == "shared":
    share_heaps()
ready = threading.Barrier(7)
def work():
    held = [bytes(100_000) for _ in range(10)]
    ready.wait()
    ready.wait()
for _ in range(6):
    threading.Thread(target=work, daemon=True).start()
ready.wait()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
os._exit(0)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
class TestGlibc:
    def heaps(self, how: str) -> int:
        """How many a process with six busy threads has."""
        command = [sys.executable, "-c", COUNTED, how]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.count("<heap nr=")

    def test_threads_share_two(self) -> None:
        assert self.heaps("shared") == 2

    def test_else_each_has_its_own(self) -> None:
        assert self.heaps("own") > 2


class TestElsewhere:
    def test_a_library_that_cannot_be_told_is_left_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
        share_heaps()

    def test_it_is_not_even_asked_on_other_systems(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[object] = []
        monkeypatch.setattr(ctypes, "CDLL", asked.append)
        monkeypatch.setattr(sys, "platform", "darwin")
        share_heaps()
        assert asked == []
