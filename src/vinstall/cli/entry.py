"""The console script: the cheapest answers first, then the commands."""

import gc
import os
import sys

from vinstall import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
else:
    try:
        import _signal as signal  # without the enumerations, which take longer to load
    except ImportError:
        import signal

INTERRUPTED, TERMINATED = 130, 143
"""128 and the number of the signal, as shells have it."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: somebody ends this, a scheduler or a container that stops."""


def script() -> None:
    """As `main`, for a process that is there for nothing else.

    It ends at once, unless somebody has to be told or waited for: Python takes apart on its way
    out, piece by piece, what the system frees as a whole.
    """
    try:
        main()
    except SystemExit as end:
        threads = sys.modules.get("threading")
        is_awaited = threads is not None and threads.active_count() > 1
        is_watched = sys.gettrace() is not None or sys.getprofile() is not None
        if not (is_awaited or is_watched or "atexit" in sys.modules) and _is_all_said():
            os._exit(end.code if isinstance(end.code, int) else 1)
        raise


def _is_all_said() -> bool:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


def main() -> None:
    """Run vinstall on `sys.argv`; does not return."""
    _open_streams()
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    # Pages make a hundred thousand tuples and no cycles: looking for some takes a tenth of a run.
    gc.set_threshold(200_000, 50, 100)
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt as error:  # before there was anybody to say so
        sys.stderr.write("interrupted: the environment is as it was\n")
        code = TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    gc.freeze()  # else all of it is looked at twice on the way out
    raise SystemExit(code)


def _terminate(number: int, _frame: "FrameType | None") -> None:
    """What is half done is put right on the way out, as after Ctrl-C; a second signal kills."""
    signal.signal(number, signal.SIG_DFL)
    raise Terminated


def _open_streams() -> None:
    """Streams that were closed lead nowhere; else files of ours would get their numbers."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115


def _run(words: list[str]) -> int:
    if words in (["--version"], ["-V"]):
        return _repeat(f"vinstall {__version__}\n", "")
    if words:
        from vinstall.workflows.shortcut import recall

        said = recall(words, os.environ, __version__)
        if said is not None:
            return _repeat(*said)
        from vinstall.workflows.express import travel

        talk = travel(words, os.environ, __version__, terminal=sys.stderr.isatty())
        if talk is not None:
            return _repeat("", talk)
    from vinstall.cli.running import run

    return run(words)


def _repeat(output: str, talk: str) -> int:
    """Say what an earlier run said, or would say; the exit code."""
    try:
        sys.stderr.write(talk)
        sys.stdout.write(output)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes standard output once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # a full disk, in the words of the console
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"error: the output cannot be written: {error.strerror}\n")
        return 1
    return 0
