"""Exit codes, and errors in one voice."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from vinstall.cli import commands
from vinstall.cli.console import Console
from vinstall.cli.entry import Terminated
from vinstall.cli.running import run, usage_error
from vinstall.errors import (
    HashMismatch,
    NetworkError,
    SourceError,
    TargetError,
    UsageError,
    VinstallError,
)


class _Failing(click.Command):
    def __init__(self, error: BaseException) -> None:
        super().__init__("failing")
        self.error = error

    def invoke(self, ctx: click.Context) -> None:
        raise self.error


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], int]:
    """Runs a command that raises."""

    def fail(error: BaseException) -> int:
        monkeypatch.setattr(commands, "vinstall", _Failing(error))
        return run([])

    return fail


class TestLimitsOfTheSystem:
    @pytest.mark.parametrize(
        "error", [RuntimeError("can't start new thread"), BlockingIOError(11, "try again")]
    )
    def test_too_many_threads_are_told_without_a_trace(
        self,
        error: Exception,
        failing: Callable[[BaseException], int],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert failing(error) == 1
        assert capsys.readouterr().err == (
            "error: the system lets vinstall start no further thread or process; nothing has changed\n"
            "hint: end others, or raise the limit: `ulimit -u`, or that of the container\n"
        )

    def test_another_error_is_a_bug(self, failing: Callable[[BaseException], int]) -> None:
        with pytest.raises(RuntimeError, match="something else"):
            failing(RuntimeError("something else"))


class TestExitCodes:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (VinstallError("x"), 1),
            (UsageError("x"), 2),
            (TargetError("x"), 3),
            (NetworkError("x"), 4),
            (KeyboardInterrupt(), 130),
            (BrokenPipeError(), 141),
        ],
    )
    def test_each_kind_of_failure_has_its_code(
        self,
        failing: Callable[[BaseException], int],
        error: BaseException,
        code: int,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: os.PathLike[str],
    ) -> None:
        with open(os.path.join(tmp_path, "out"), "w") as out:
            monkeypatch.setattr(sys, "stdout", out)
            assert failing(error) == code

    def test_a_bug_shows_its_trace(self, failing: Callable[[BaseException], int]) -> None:
        with pytest.raises(ZeroDivisionError):
            failing(ZeroDivisionError())


class TestVoice:
    def test_message_context_and_hint(
        self, failing: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        failing(HashMismatch(file="a.whl", algorithm="sha256", expected="12", received="34"))
        assert capsys.readouterr() == (
            "",
            "error: `a.whl` does not match its sha256 hash\n"
            "  expected 12\n"
            "  received 34\n"
            "hint: the file changed after it was listed, or a proxy altered it; try `--no-cache`\n",
        )

    def test_a_locale_of_few_characters(
        self, failing: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert failing(UnicodeEncodeError("ascii", "/a/\xfc", 3, 4, "too large")) == 2
        assert capsys.readouterr().err == (
            "error: `\xfc` is no character of the encoding `ascii`\n"
            "hint: set the variable `PYTHONUTF8=1`, or a locale of UTF-8\n"
        )

    def test_a_folder_that_is_gone(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert run(["list"]) == 2
        assert capsys.readouterr().err == (
            "error: the current folder cannot be used: No such file or directory\n"
            "hint: it may have been removed; change to another one\n"
        )

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no `/dev/full`")
    def test_a_full_disk_behind_the_output(self) -> None:
        err = io.StringIO()
        with Path("/dev/full").open("w") as out, pytest.raises(SourceError) as caught:
            Console(environ={}, stdout=out, stderr=err).data("text")
        assert caught.value.message == "the output cannot be written: No space left on device"

    def test_an_interrupted_run_says_so(
        self, failing: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        failing(KeyboardInterrupt())
        assert capsys.readouterr().err == "interrupted: the environment is as it was\n"

    @pytest.mark.parametrize(
        ("reason", "code"), [(KeyboardInterrupt, 130), (Terminated, 143), (EOFError, 130)]
    )
    def test_a_question_that_is_interrupted(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        reason: type[BaseException],
        code: int,
    ) -> None:
        def ask(_prompt: str = "") -> str:
            raise reason

        monkeypatch.setattr("click.termui.visible_prompt_func", ask)
        question = click.Command("asking", callback=lambda: click.confirm("sure?"))
        monkeypatch.setattr(commands, "vinstall", question)
        assert run([]) == code
        assert capsys.readouterr().err.endswith("interrupted: the environment is as it was\n")

    def test_an_unknown_option_names_the_nearest(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["--index-ulr", "x"]) == 2
        assert capsys.readouterr() == (
            "",
            "error: there is no option `--index-ulr`\nhint: did you mean `--index-url`?\n",
        )

    def test_a_missing_value_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["demo", "--index-url"]) == 2
        assert capsys.readouterr().err == (
            "error: option `--index-url` requires an argument\n"
            "hint: `vinstall install --help` lists what there is\n"
        )

    def test_a_malformed_value_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["demo", "--timeout", "soon"]) == 2
        assert capsys.readouterr().err == "error: `--timeout`: `soon` is not a number of seconds\n"

    def test_other_complaints_of_click_keep_their_words(self) -> None:
        error = usage_error(click.UsageError("Got unexpected extra argument 'x'."))
        assert (error.message, error.hint) == (
            "got unexpected extra argument `x`",
            "`vinstall --help` lists what there is",
        )


def test_data_goes_to_standard_output_and_nothing_else_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["config", "--isolated"]) == 0
    assert capsys.readouterr() == ("nothing is configured\n", "")


def test_a_reader_that_went_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        os.execv(sys.executable, [sys.executable, "-m", "vinstall", "install", "--help"])
    os.close(writer)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 141
