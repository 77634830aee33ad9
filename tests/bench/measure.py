"""One process, measured: seconds, processor time, peak memory; and what many of them come to."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple


class Sample(NamedTuple):
    """What one process took, its children included."""

    wall: float
    """Seconds from start to exit."""
    cpu: float
    """Seconds of processor time, user and system."""
    memory: int
    """Bytes: the peak of the process that used most."""


class Failed(Exception):
    """A process that did not exit with 0; the message is the last line it wrote."""


class Launcher:
    """Runs commands one after the other.

    It does so through a small process: the kernel counts the memory of whoever starts a process
    as part of that process's peak.
    """

    def __init__(self) -> None:
        script = Path(__file__).with_name("launch.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> Sample:
        """Run `command` with its output in `log`.  Raises Failed."""
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        print(ascii((list(command), dict(environ), str(log))), file=asked, flush=True)
        status, wall, cpu, memory = answered.readline().split()
        if int(status):
            lines = log.read_text("utf-8", "replace").strip().splitlines() or ["(no output)"]
            raise Failed(f"{Path(command[0]).name}: {lines[-1]}")
        return Sample(float(wall), float(cpu), int(memory) * 1024)

    def close(self) -> None:
        """End the small process."""
        self._process.communicate()


def middle(samples: Sequence[Sample]) -> Sample:
    """The median of each figure."""
    return Sample(
        median(sample.wall for sample in samples),
        median(sample.cpu for sample in samples),
        int(median(sample.memory for sample in samples)),
    )


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample], figure: str = "wall") -> float:
    """The median of the ratios, round by round: a machine that drifts drifts for both."""
    pairs = zip(ours, theirs, strict=False)
    each = [getattr(one, figure) / max(getattr(other, figure), 1e-6) for one, other in pairs]
    return float(median(each))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Facts of the machine that was measured on."""

    processor: str
    cores: int
    memory: int
    """Bytes."""
    system: str
    file_system: str
    """Of the folder worked in."""
    python: str

    def sentence(self) -> str:
        """The facts in one line."""
        return (
            f"{self.processor}, {self.cores} cores, {self.memory / 2**30:.0f} GiB, {self.system}, "
            f"{self.file_system}, CPython {self.python}"
        )


def this_machine(folder: Path) -> Machine:
    """The facts of this machine."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
        file_system=file_system(folder),
        python=platform.python_version(),
    )


def file_system(folder: Path) -> str:
    """The kind of the file system below `folder`."""
    asked = subprocess.run(
        ["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip().replace("ext2/ext3", "ext4") or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
