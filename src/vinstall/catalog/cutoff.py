"""Cutoff: which files are too new (`--exclude-newer`).  Spec: PEP 700, `upload-time`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from packaging.utils import NormalizedName

from vinstall.errors import UsageError
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.pattern import pattern
from vinstall.values import field, frozen

_ISO_DURATION = pattern(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.IGNORECASE | re.ASCII,
)
_WORDS = pattern(
    r"(?P<number>\d+)\s*(?P<unit>weeks?|w|days?|d|hours?|h|minutes?|min|m|seconds?|s)"
    r"(?:\s+ago)?",
    re.IGNORECASE | re.ASCII,
)
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_EXEMPT = frozenset({"none", "false", "never"})


@frozen
class Cutoff:
    """Files uploaded at this time or later are as if they were not listed."""

    time: datetime | None = None
    """None: no limit, save for the projects below."""
    projects: Mapping[NormalizedName, datetime | None] = field(default_factory=dict)
    """What holds for a project instead; None exempts it."""
    exempt_sources: frozenset[str] = frozenset()
    """Sources, by their name as shown, whose files may have any age."""

    def admitted(self, page: ProjectPage) -> tuple[Sequence[RemoteFile], Sequence[RemoteFile]]:
        """The files of a page that are old enough, and those that are not, in page order.

        A file whose upload time is not known is not old enough: nothing says that it is.
        """
        limit = self.projects.get(page.name, self.time)
        if limit is None or page.source in self.exempt_sources:
            return page.files, ()
        text = _comparable(limit)
        old: list[RemoteFile] = []
        new: list[RemoteFile] = []
        for file in page.files:
            is_old = file.upload_time is not None and _is_before(file.upload_time, limit, text)
            (old if is_old else new).append(file)
        return tuple(old), tuple(new)


def parse_cutoff(text: str, *, now: datetime) -> datetime | None:
    """The time that `text` names; None where it exempts (`none`).

    A date (its end, so that what was uploaded on that day counts), a time as in RFC 3339 (one
    without an offset is UTC), or how long before `now`: `3 days`, `2w`, `P7D`.  Raises UsageError.
    """
    text = text.strip()
    if text.lower() in _EXEMPT:
        return None
    try:
        duration = _duration(text)
        if duration is not None:
            return now - duration
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"`{text}` is neither a date nor a duration",
            hint="write `2026-08-01`, `2026-08-01T12:00:00Z`, `3 days` or `P3D`",
        ) from error
    if len(text) <= len("2026-08-01"):
        time += timedelta(days=1)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _duration(text: str) -> timedelta | None:
    match = _ISO_DURATION.fullmatch(text)
    if match is not None:
        parts = {unit: int(value) for unit, value in match.groupdict().items() if value}
        return timedelta(**parts) if parts else None
    match = _WORDS.fullmatch(text)
    if match is not None:
        unit = _UNITS[match["unit"][0].lower()]
        return timedelta(**{unit: int(match["number"])})
    return None


def _comparable(time: datetime) -> str:
    """The way most indexes write a time, without a fraction: such texts compare as times do."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _is_before(written: str, limit: datetime, limit_text: str) -> bool:
    """Whether an upload time is before the limit; one that cannot be read is not."""
    if written.endswith("Z") and written[:19] != limit_text and written[10:11] == "T":
        return written[:19] < limit_text
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        return False
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)) < limit
