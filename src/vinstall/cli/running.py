"""One run of the command line: words in, exit code out; the only place that catches errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from vinstall.deferred import defer, defer_calls, defer_patterns
from vinstall.pattern import pattern

# Before the first library comes in.
defer("inspect", "subprocess", "sysconfig", "traceback")
defer("fnmatch", "ipaddress", "ntpath", "platform", "packaging._manylinux", "packaging._musllinux")
defer_calls("logging", "getLogger")
defer_patterns(pattern, "packaging.specifiers", "packaging.utils", "packaging.version")

# ruff: noqa: E402
from vinstall.cli.console import Console
from vinstall.cli.entry import INTERRUPTED, TERMINATED, Terminated
from vinstall.cli.plain_words import plain_parameters
from vinstall.errors import UsageError, VinstallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import click

COMPLETION_VARIABLE = "_VINSTALL_COMPLETE"
"""Set by the script of `vinstall completion` when it asks for words."""
BROKEN_PIPE = 141
"""128 + SIGPIPE, what a shell reports for a program whose reader went away."""


_NO_MORE = VinstallError(
    "the system lets vinstall start no further thread or process; nothing has changed",
    hint="end others, or raise the limit: `ulimit -u`, or that of the container",
)


def run(words: Sequence[str]) -> int:
    """Run the command in `words`; the exit code.  0 done, 1 could not, 2 usage, 3 no environment,
    4 network, 130 interrupted, 143 terminated.  A bug shows its trace."""
    if asked := os.environ.get(COMPLETION_VARIABLE):
        from click.shell_completion import shell_complete

        from vinstall.cli.commands import vinstall

        return shell_complete(vinstall, {}, "vinstall", COMPLETION_VARIABLE, asked)
    console = Console(environ=os.environ, words=words)
    try:
        _check_folder()
        code = _obey(words, console)
        sys.stdout.flush()
    except VinstallError as error:
        console.error(error)
        return error.exit_code
    except UnicodeEncodeError as error:
        console.error(_unwritable(error))
        return UsageError.exit_code
    except KeyboardInterrupt as error:
        console.interrupted()
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    except (RuntimeError, BlockingIOError) as error:
        if not _is_at_a_limit(error):
            raise
        console.error(_NO_MORE)
        return _NO_MORE.exit_code
    except BrokenPipeError:
        # The interpreter flushes standard output once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    finally:
        console.close()
    return code


def _obey(words: Sequence[str], console: Console) -> int:
    """The exit code, where it is not an error that tells."""
    parameters = plain_parameters(words)
    if parameters is not None:
        from vinstall.cli.install_run import install

        install(console, parameters)
        return 0
    return _obey_click(words, console)


def _obey_click(words: Sequence[str], console: Console) -> int:
    import click

    from vinstall.cli.commands import vinstall

    try:
        with vinstall.make_context("vinstall", list(words), obj=console) as context:
            vinstall.invoke(context)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        raise usage_error(error) from error
    except click.Abort as error:  # a question that was interrupted
        before = error.__context__
        raise before if isinstance(before, KeyboardInterrupt) else KeyboardInterrupt from error
    return 0


def _is_at_a_limit(error: Exception) -> bool:
    """Whether it says that there are too many threads or processes; the interpreter has but words."""
    return isinstance(error, BlockingIOError) or str(error) == "can't start new thread"


def _check_folder() -> None:
    try:
        os.getcwd()  # noqa: PTH109
    except OSError as error:
        raise UsageError(
            f"the current folder cannot be used: {error.strerror}",
            hint="it may have been removed; change to another one",
        ) from error


def _unwritable(error: UnicodeEncodeError) -> UsageError:
    """Where the locale has few characters and Python was told to follow it."""
    return UsageError(
        f"`{error.object[error.start : error.end]}` is no character of the encoding `{error.encoding}`",
        hint="set the variable `PYTHONUTF8=1`, or a locale of UTF-8",
    )


def usage_error(error: click.ClickException) -> UsageError:
    """What click says about the command line, in our voice."""
    import click

    command = "vinstall"
    if isinstance(error, click.UsageError) and error.ctx is not None:
        command = error.ctx.command_path
    hint = f"`{command} --help` lists what there is"
    if isinstance(error, click.NoSuchOption):
        import difflib

        close = difflib.get_close_matches(error.option_name, error.possibilities or (), 1, 0.0)
        return UsageError(
            f"there is no option `{error.option_name}`",
            hint=f"did you mean `{close[0]}`?" if close else hint,
        )
    text = error.format_message().rstrip(".").replace("'", "`")
    return UsageError(text[:1].lower() + text[1:], hint=hint)
