"""What the rooms tell while they work.  The base class listens to nothing; the command line overrides it.

Methods may be called from several threads at once; an observer that draws has to lock.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class Observer:
    """One method per event; all of them do nothing here."""

    def phase(self, name: str) -> None:
        """A part of the run begins, and the one before it ends: `resolve`, `download`, `link`."""

    def during(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Around something that happens in the midst of the phases: `host`, `unpack`."""
        return nullcontext()

    def target(self, description: str) -> None:
        """Which environment the run is about, and how it was found; one line."""

    def notice(self, message: str) -> None:
        """Something the user should know although nothing failed; one line, shown once."""

    def ignored(self, requirement: str, marker: str) -> None:
        """The user asks for something that `marker` rules out here; for each such requirement once."""

    def warning(self, message: str, *, hint: str | None = None) -> None:
        """Something is wrong and was worked around; shown once per distinct message."""

    def detail(self, message: str) -> None:
        """For `-v`: what was decided and why."""

    @property
    def wants_details(self) -> bool:
        """Whether `detail` does anything; for details that cost something to find out."""
        return type(self).detail is not Observer.detail

    def page_read(self, project: str, source: str, *, from_cache: bool) -> None:
        """A project page was read from `source` (a redacted URL or a path)."""

    def download_started(self, filename: str, size: int | None) -> None:
        """`size` in bytes, or None where the index does not say."""

    def bytes_received(self, filename: str, count: int) -> None:
        """`count` more bytes of `filename` arrived."""

    def download_finished(self, filename: str) -> None:
        """The file is complete and its hashes were right."""

    def installed(self, name: str, version: str) -> None:
        """One distribution was put in place (before the commit of the transaction)."""
