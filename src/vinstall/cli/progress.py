"""Download bars on a terminal; the only user of rich, imported when the first download starts."""

from __future__ import annotations

import threading

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text


class Progress:
    """One bar for each file under way; bars go when their file is there.  Thread-safe."""

    def __init__(self, *, colour: bool) -> None:
        self._rich = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=RichConsole(stderr=True, no_color=not colour, highlight=False),
            refresh_per_second=4,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self.active = False

    def start(self, filename: str, size: int | None) -> None:
        """A bar for `filename`, `size` bytes long where that is known."""
        with self._lock:
            if not self.active:
                self._rich.start()
                self.active = True
            if filename not in self._tasks:
                # Name and version: the tags of a wheel would leave the bar no room.
                shown = "-".join(filename.split("-")[:2])
                self._tasks[filename] = self._rich.add_task(shown, total=size)

    def advance(self, filename: str, count: int) -> None:
        """`count` more bytes."""
        task = self._tasks.get(filename)
        if task is not None:
            self._rich.advance(task, count)

    def finish(self, filename: str) -> None:
        """Take the bar of `filename` away; the last one takes the display with it."""
        with self._lock:
            task = self._tasks.pop(filename, None)
            if task is not None:
                self._rich.remove_task(task)
            if not self._tasks and self.active:
                self._rich.stop()
                self.active = False

    def print_above(self, text: str) -> None:
        """Print a line above the bars."""
        self._rich.console.print(Text.from_ansi(text))

    def stop(self) -> None:
        """Take everything away."""
        with self._lock:
            if self.active:
                self._rich.stop()
                self.active = False
