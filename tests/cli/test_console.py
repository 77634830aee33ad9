"""What is said, how loudly, and where."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.cli.console import Console, ConsoleObserver, render_size, render_table
from vinstall.errors import VinstallError


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def console(
    verbosity: int = 0,
    *,
    terminal: bool = False,
    environ: Mapping[str, str] | None = None,
) -> tuple[Console, io.StringIO]:
    """A console and its standard error."""
    err = _Terminal() if terminal else io.StringIO()
    made = Console(environ=environ or {}, stdout=io.StringIO(), stderr=err)
    made.verbosity = verbosity
    return made, err


class TestHostileText:
    """Names, reasons and texts of others reach people, and never their terminal."""

    TITLE = "\x1b]0;title\x07 \x9b2J \u202egnp.exe \r \udcff"
    SHOWN = r"\u001b]0;title\u0007 \u009b2J \u202egnp.exe \u000d \udcff"

    def test_it_is_escaped_in_talk_and_data(self) -> None:
        out, err = io.StringIO(), io.StringIO()
        made = Console(environ={}, stdout=out, stderr=err)
        made.say(self.TITLE)
        made.data(self.TITLE)
        assert err.getvalue() == out.getvalue() == f"{self.SHOWN}\n"

    def test_it_is_escaped_in_errors(self) -> None:
        made, err = console()
        made.error(VinstallError(self.TITLE, context=("\x1b[2J",), hint="\x1b[31m"))
        assert err.getvalue() == f"error: {self.SHOWN}\n  \\u001b[2J\nhint: \\u001b[31m\n"

    def test_our_own_colours_stay(self) -> None:
        made, err = console(terminal=True)
        made.say(f"{made.added('+')} \x1b[2Jdemo")
        assert err.getvalue() == "\x1b[32m+\x1b[0m \\u001b[2Jdemo\n"

    def test_what_an_encoding_lacks_is_escaped(self) -> None:
        buffer = io.BytesIO()
        out = io.TextIOWrapper(buffer, encoding="ascii")
        Console(environ={}, stdout=out, stderr=io.StringIO()).data("tschüß\ttab")
        assert buffer.getvalue() == b"tsch\\xfc\\xdf\ttab\n"


class TestLogins:
    @pytest.mark.parametrize(
        ("said", "shown"),
        [
            (
                "`https://user:pass@x.example/a@b` is no date",
                "`https://****@x.example/a@b` is no date",
            ),
            ("http:/user:pass@x.example", "http:/****@x.example"),
            ("git+ssh://git@x.example:22/a", "git+ssh://git@x.example:22/a"),
            ("http://x.example:80/a @ b:c@d", "http://x.example:80/a @ b:c@d"),
        ],
    )
    def test_a_password_in_the_wrong_place_is_not_shown(self, said: str, shown: str) -> None:
        made, err = console()
        made.say(said)
        assert err.getvalue() == f"{shown}\n"


class TestObserver:
    def test_a_note_is_said_once(self) -> None:
        made, err = console()
        observer = ConsoleObserver(made)
        observer.notice("an older release was chosen")
        observer.notice("an older release was chosen")
        assert err.getvalue() == "note: an older release was chosen\n"

    def test_quiet_leaves_warnings_alone(self) -> None:
        made, err = console(-1)
        observer = ConsoleObserver(made)
        observer.notice("quiet")
        observer.detail("quiet")
        observer.download_started("a.whl", 10)
        observer.warning("the provider failed", hint="try `--disable-provider`")
        assert err.getvalue() == "warning: the provider failed\nhint: try `--disable-provider`\n"

    @pytest.mark.parametrize(("verbosity", "said"), [(0, ""), (1, "why\n"), (2, "why\n")])
    def test_details_are_for_the_curious(self, verbosity: int, said: str) -> None:
        made, err = console(verbosity)
        ConsoleObserver(made).detail("why")
        assert err.getvalue() == said

    def test_phases_are_timed_for_the_very_curious(self) -> None:
        made, err = console(2)
        observer = ConsoleObserver(made, started=0.0)
        observer.phase("resolve")
        observer.phase("link")
        lines = err.getvalue().splitlines()
        assert [line.partition(":")[0] for line in lines] == ["start", "resolve"]
        assert all(line.endswith(" ms") for line in lines)

    def test_what_happens_in_the_midst_is_added_up(self) -> None:
        made, err = console(2)
        observer = ConsoleObserver(made, started=0.0)
        for _ in range(2):
            with observer.during("host"):
                pass
        observer.phase("done")
        names = [line.partition(":")[0] for line in err.getvalue().splitlines()]
        assert names == ["start", "host, in the midst of these"]

    def test_big_downloads_are_plain_lines_where_nothing_can_be_drawn(self) -> None:
        made, err = console()
        observer = ConsoleObserver(made)
        observer.download_started("small.whl", 999_999)
        observer.download_started("big.whl", 1_000_000)
        observer.bytes_received("big.whl", 1_000_000)
        observer.download_finished("big.whl")
        observer.download_started("unknown.whl", None)
        assert err.getvalue() == "downloading big.whl (1.0 MB)\ndownloading unknown.whl\n"

    def test_the_curious_see_all_downloads(self) -> None:
        made, err = console(1)
        ConsoleObserver(made).download_started("small.whl", 1500)
        assert err.getvalue() == "downloading small.whl (1.5 kB)\n"


class TestColour:
    def test_a_terminal_gets_colours(self) -> None:
        made, err = console(terminal=True)
        made.warning("careful")
        assert err.getvalue() == "\x1b[33mwarning:\x1b[0m careful\n"

    @pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_unless_they_are_not_wanted(self, environ: dict[str, str]) -> None:
        made, err = console(terminal=True, environ=environ)
        made.warning("careful")
        assert err.getvalue() == "warning: careful\n"

    def test_an_empty_no_color_says_nothing(self) -> None:
        made, err = console(terminal=True, environ={"NO_COLOR": ""})
        made.warning("careful")
        assert err.getvalue() == "\x1b[33mwarning:\x1b[0m careful\n"


class TestSize:
    @pytest.mark.parametrize(
        ("size", "text"),
        [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (192_000_000, "192.0 MB"),
            (999_949_999, "999.9 MB"),
            (2_500_000_000, "2.5 GB"),
        ],
    )
    def test_units(self, size: int, text: str) -> None:
        assert render_size(size) == text


class TestTable:
    def test_columns_line_up(self) -> None:
        rows = [("torch", "2.10.0", "192.0 MB"), ("six", "1.16", "9.1 kB")]
        assert render_table(("project", "version", "size"), rows, right=(2,)) == (
            "project  version      size\ntorch    2.10.0   192.0 MB\nsix      1.16       9.1 kB"
        )

    @given(st.lists(st.tuples(st.text("abc"), st.text("abc"))))
    def test_no_line_ends_in_spaces(self, rows: list[tuple[str, str]]) -> None:
        lines = render_table(("one", "two"), rows).split("\n")
        assert len(lines) == len(rows) + 1
        assert all(line == line.rstrip() for line in lines)
