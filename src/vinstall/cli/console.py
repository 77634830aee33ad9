"""What is printed: data on standard output, talk on standard error, errors in one voice."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, TextIO

from vinstall.errors import SourceError, VinstallError
from vinstall.observer import Observer
from vinstall.pattern import pattern

if TYPE_CHECKING:
    from vinstall.cli.progress import Progress

_WORTH_A_LINE = 1_000_000
"""Bytes of a download that is announced where no bars can be drawn; `-v` announces all."""

_RED, _YELLOW, _GREEN, _BOLD = "31", "33", "32", "1"
_OWN = pattern(rf"\x1b\[(?:0|{_RED}|{_YELLOW}|{_GREEN}|{_BOLD})m")
_COMMANDS = pattern(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What a terminal obeys or cannot show, tabs and ends of lines apart: names and texts of others may
have it."""

_LOGIN = pattern(r"(?<=:/)(/?)[^\s/?#`\"']*:[^\s/?#`\"']*@")
"""User and password of a URL, as they get into messages where a URL is no valid word; one of its
slashes is lost where it was taken for a path."""


DONE = "done"
"""The phase in which nothing is left to do."""


class Console:
    """The two streams of one run, and how much is said on them."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        words: Sequence[str] = (),
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        """`words` is the command line."""
        self.words = tuple(words)
        self._out = stdout or sys.stdout
        self._err = stderr or sys.stderr
        self.verbosity = 0
        """-1 with `-q`, 0, 1 with `-v`, 2 with `-vv`."""
        terminal = self._err.isatty() and environ.get("TERM") != "dumb"
        self._colour = terminal and not (environ.get("NO_COLOR") or "--no-color" in words)
        self._draws = terminal
        self._progress: Progress | None = None
        self._lock = threading.Lock()

    def data(self, text: str) -> None:
        """Print what was asked for, on standard output."""
        text = harmless(text if text.endswith("\n") else text + "\n")
        try:
            try:
                self._out.write(text)
            except UnicodeEncodeError:  # an encoding of few characters
                encoding = self._out.encoding
                self._out.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            # What is left would be tried once more on the way out.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
            raise SourceError(f"the output cannot be written: {error.strerror}") from error

    def say(self, text: str) -> None:
        """Talk: a line on standard error unless `-q`."""
        if self.verbosity >= 0:
            self._print(text)

    def error(self, error: VinstallError) -> None:
        """What happened, where, and what to try; printed even with `-q`."""
        self._print("\n".join(self._error_lines(error)))

    def warning(self, message: str, hint: str | None = None) -> None:
        """Something is wrong and was worked around; printed even with `-q`."""
        self._print(f"{self.style('warning:', _YELLOW)} {message}")
        if hint:
            self._print(f"{self.style('hint:', _BOLD)} {hint}")

    def interrupted(self) -> None:
        """Say that Ctrl-C was heard."""
        self._print(f"{self.style('interrupted:', _RED)} the environment is as it was")

    def added(self, text: str) -> str:
        """`text` styled as something new."""
        return self.style(text, _GREEN)

    def removed(self, text: str) -> str:
        """`text` styled as something taken away."""
        return self.style(text, _RED)

    def style(self, text: str, code: str) -> str:
        """`text` in a colour where colours are welcome."""
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def progress(self) -> Progress | None:
        """The bars of this run, made at the first download; None where nothing may be drawn."""
        if not self._draws or self.verbosity < 0:
            return None
        with self._lock:
            if self._progress is None:
                from vinstall.cli.progress import Progress

                self._progress = Progress(colour=self._colour)
            return self._progress

    def close(self) -> None:
        """Take the bars away."""
        if self._progress is not None:
            self._progress.stop()

    def _error_lines(self, error: VinstallError) -> Iterable[str]:
        yield f"{self.style('error:', _RED)} {error.message}"
        for fact in error.context:
            yield from (f"  {line}" for line in fact.splitlines())
        if error.hint:
            yield f"{self.style('hint:', _BOLD)} {error.hint}"

    def _print(self, text: str) -> None:
        if "@" in text:
            text = _LOGIN.sub(r"\1****@", text)
        if self._colour:
            own = [*_OWN.findall(text), ""]
            parts = zip(_OWN.split(text), own, strict=True)
            text = "".join(harmless(part) + colour for part, colour in parts)
        else:
            text = harmless(text)
        if self._progress is not None and self._progress.active:
            self._progress.print_above(text)
            return
        self._err.write(text + "\n")
        self._err.flush()


class ConsoleObserver(Observer):
    """Tells a run's events on a console.  Thread-safe."""

    def __init__(self, console: Console, *, started: float | None = None) -> None:
        self._console = console
        self._said: set[str] = set()
        self._lock = threading.Lock()
        self._spent: dict[str, float] = {}
        self._phase: tuple[str, float] | None = None
        if started is not None:
            self._phase = ("start", started)
        self.follows: list[str] = []
        """What was told and follows from the question alone: it is to be told again with the answer."""
        self.was_quiet = True
        """Whether nothing happened so far that is worth telling, or that took somebody else."""

    def phase(self, name: str) -> None:
        """With `-vv`: how long the part before took, in milliseconds."""
        now = time.perf_counter()
        with self._lock:
            if self._phase is not None and self._phase[0] == name:
                return
            before, self._phase = self._phase, (name, now)
        if before is not None and self._console.verbosity >= 2:
            self._console.say(f"{before[0]}: {(now - before[1]) * 1000:.0f} ms")
            if name == DONE:
                for part, seconds in self._spent.items():
                    self._console.say(f"{part}, in the midst of these: {seconds * 1000:.0f} ms")

    @contextmanager
    def during(self, name: str) -> Iterator[None]:
        """Seconds are added up; of work in two threads each counts."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._spent[name] = self._spent.get(name, 0.0) + time.perf_counter() - begun

    def target(self, description: str) -> None:
        self._console.say(f"environment: {description}")

    def notice(self, message: str) -> None:
        if self._first_time(message):
            self._console.say(f"note: {message}")

    def ignored(self, requirement: str, marker: str) -> None:
        """In pip's words, with its quotes."""
        if '"' not in marker:
            marker = marker.replace("'", '"')
        line = harmless(f"Ignoring {requirement}: markers '{marker}' don't match your environment")
        self.follows.append(line)
        self._console.say(line)

    def warning(self, message: str, *, hint: str | None = None) -> None:
        if self._first_time(message):
            self._console.warning(message, hint)

    @property
    def wants_details(self) -> bool:
        return self._console.verbosity >= 1

    def detail(self, message: str) -> None:
        if self.wants_details:
            self._console.say(message)

    def page_read(self, project: str, source: str, *, from_cache: bool) -> None:
        self.was_quiet = False
        if self._console.verbosity >= 2:
            cached = " (cached)" if from_cache else ""
            self._console.say(f"read the page of `{project}` from {source}{cached}")

    def download_started(self, filename: str, size: int | None) -> None:
        progress = self._console.progress()
        if progress is not None:
            progress.start(filename, size)
        elif size is None or size >= _WORTH_A_LINE or self._console.verbosity >= 1:
            shown = f" ({render_size(size)})" if size is not None else ""
            self._console.say(f"downloading {filename}{shown}")

    def bytes_received(self, filename: str, count: int) -> None:
        progress = self._console.progress()
        if progress is not None:
            progress.advance(filename, count)

    def download_finished(self, filename: str) -> None:
        progress = self._console.progress()
        if progress is not None:
            progress.finish(filename)

    def installed(self, name: str, version: str) -> None:
        if self._console.verbosity >= 2:
            self._console.say(f"installed {name} {version}")

    def _first_time(self, message: str) -> bool:
        with self._lock:
            if message in self._said:
                return False
            self._said.add(message)
            self.was_quiet = False
            return True


def harmless(text: str) -> str:
    """`text` with everything that a terminal would obey written as in JSON and TOML: `\\u001b`."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def render_size(size: int) -> str:
    """`size` bytes for people, in decimal units: `812 B`, `3.4 kB`, `192.0 MB`."""
    if size < 1000:
        return f"{size} B"
    if size < 999_950:
        return f"{size / 1e3:.1f} kB"
    if size < 999_950_000:
        return f"{size / 1e6:.1f} MB"
    return f"{size / 1e9:.1f} GB"


def render_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()
) -> str:
    """Columns padded to line up, two spaces between them; `right` names the columns set to the right.

    A cell of several lines makes a row of several lines.  Works in a pipe and on a terminal
    alike; nothing is cut off or wrapped.
    """
    table = [line for row in (headers, *rows) for line in _lines_of_row(row)]
    widths = [max(len(line[column]) for line in table) for column in range(len(headers))]
    lines = []
    for line in table:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _lines_of_row(row: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return zip_longest(*(cell.split("\n") for cell in row), fillvalue="")
