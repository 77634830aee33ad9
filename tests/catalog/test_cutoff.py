"""`--exclude-newer`: what it means, and which files it hides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from vinstall.catalog.cutoff import Cutoff, parse_cutoff
from vinstall.errors import UsageError
from vinstall.formats.simple_api import ProjectPage, RemoteFile

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LIB = canonicalize_name("lib")
SOURCE = "https://index.example/simple/"


def page(*times: str | None) -> ProjectPage:
    files = tuple(
        RemoteFile(filename=f"lib-{at}-py3-none-any.whl", url="", upload_time=time)
        for at, time in enumerate(times)
    )
    return ProjectPage(name=LIB, source=SOURCE, files=files)


def admitted(cutoff: Cutoff, *times: str | None) -> list[bool]:
    old, new = cutoff.admitted(page(*times))
    assert len(old) + len(new) == len(times)
    return [file in old for file in page(*times).files]


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "time"),
        [
            ("2026-08-01", datetime(2026, 8, 2, tzinfo=UTC)),
            ("2026-08-01T00:00:00Z", datetime(2026, 8, 1, tzinfo=UTC)),
            ("2026-08-01T00:00:00", datetime(2026, 8, 1, tzinfo=UTC)),
            (
                "2026-08-01T02:00:00+02:00",
                datetime(2026, 8, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            ),
            ("3 days", NOW - timedelta(days=3)),
            ("1 day ago", NOW - timedelta(days=1)),
            ("2w", NOW - timedelta(weeks=2)),
            ("36h", NOW - timedelta(hours=36)),
            ("90 min", NOW - timedelta(minutes=90)),
            ("10s", NOW - timedelta(seconds=10)),
            ("P7D", NOW - timedelta(days=7)),
            ("p1w", NOW - timedelta(weeks=1)),
            ("P1DT12H30M5S", NOW - timedelta(days=1, hours=12, minutes=30, seconds=5)),
        ],
    )
    def test_a_date_a_time_or_a_duration(self, text: str, time: datetime) -> None:
        assert parse_cutoff(text, now=NOW) == time

    @pytest.mark.parametrize("text", ["none", "None", " false "])
    def test_an_exemption(self, text: str) -> None:
        assert parse_cutoff(text, now=NOW) is None

    @pytest.mark.parametrize(
        "text", ["", "P", "yesterday", "2026-13-01", "3 fortnights", "99999999999 days", "P1Y"]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError) as raised:
            parse_cutoff(text, now=NOW)
        assert raised.value.message == f"`{text}` is neither a date nor a duration"
        assert raised.value.hint == (
            "write `2026-08-01`, `2026-08-01T12:00:00Z`, `3 days` or `P3D`"
        )

    @given(text=st.text(max_size=20))
    def test_no_text_breaks_it(self, text: str) -> None:
        try:
            parse_cutoff(text, now=NOW)
        except UsageError as error:
            assert "is neither a date nor a duration" in error.message  # noqa: PT017


class TestAdmission:
    LIMIT = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("written", "is_old"),
        [
            ("2026-08-01T11:59:59Z", True),
            ("2026-08-01T11:59:59.999999Z", True),
            ("2026-08-01T12:00:00Z", False),
            ("2026-08-01T12:00:00.000001Z", False),
            ("2026-08-01T13:30:00+02:00", True),
            ("2026-08-01T14:00:00+02:00", False),
            ("2026-08-01T11:00:00", True),
            ("2027-01-01T00:00:00Z", False),
            ("2020-01-01T00:00:00Z", True),
            ("yesterday", False),
            (None, False),
        ],
    )
    def test_what_was_uploaded_before(self, written: str | None, is_old: bool) -> None:
        assert admitted(Cutoff(time=self.LIMIT), written) == [is_old]

    @given(
        uploaded=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),
        limit=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),
        fraction=st.booleans(),
    )
    def test_the_quick_comparison_is_the_exact_one(
        self, uploaded: datetime, limit: datetime, fraction: bool
    ) -> None:
        if not fraction:
            uploaded = uploaded.replace(microsecond=0)
        uploaded, limit = uploaded.replace(tzinfo=UTC), limit.replace(tzinfo=UTC)
        text = uploaded.isoformat().replace("+00:00", "Z")
        assert admitted(Cutoff(time=limit), text) == [uploaded < limit]

    def test_files_of_one_page_part(self) -> None:
        times = ("2026-07-01T00:00:00Z", "2026-09-01T00:00:00Z", "2026-07-02T00:00:00Z")
        assert admitted(Cutoff(time=self.LIMIT), *times) == [True, False, True]

    def test_a_project_may_have_its_own_time(self) -> None:
        cutoff = Cutoff(time=self.LIMIT, projects={LIB: datetime(2020, 1, 1, tzinfo=UTC)})
        assert admitted(cutoff, "2026-07-01T00:00:00Z") == [False]

    def test_a_project_may_be_exempt(self) -> None:
        assert admitted(Cutoff(time=self.LIMIT, projects={LIB: None}), None) == [True]

    def test_a_source_may_be_exempt(self) -> None:
        cutoff = Cutoff(time=self.LIMIT, exempt_sources=frozenset({SOURCE}))
        assert admitted(cutoff, "2027-01-01T00:00:00Z") == [True]

    def test_only_some_projects_may_have_a_time(self) -> None:
        other = canonicalize_name("other")
        assert admitted(Cutoff(projects={other: self.LIMIT}), None) == [True]
