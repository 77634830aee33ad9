"""Run the plugin script in a process of its own, with limits on time and output.

Both outputs go into nameless files, not pipes: a grandchild that escapes cannot hold up the end,
and nothing has to be read along.  The process leads a session of its own, which is killed as a
whole, whatever happened.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from vinstall.values import frozen

_OUTPUT_LIMIT = 1024 * 1024
_INTERVAL = 0.05

_PASSED_ON = frozenset(
    {
        "PATH",
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "PROGRAMFILES",
        "SYSTEMROOT",
        "WINDIR",
        # Where the tool kits of the vendors say that they are.
        "ASCEND_TOOLKIT_HOME",
        "CUDA_HOME",
        "CUDA_PATH",
        "ROCM_PATH",
    }
)
_PASSED_ON_PART = "_VARIANT_PROVIDER_"


@frozen
class PluginOutcome:
    """How a run ended."""

    answer: bytes
    """What the script wrote; empty where it did not get that far."""
    fault: str | None = None
    """Why there is no answer, completing "the plugin ..."; None where the process ended itself."""


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What a plugin gets to see of `environ`: no secrets, nothing that changes Python's ways."""
    return {
        name: value
        for name, value in environ.items()
        if name.upper() in _PASSED_ON or _PASSED_ON_PART in name
    }


def run_plugin(
    python: Path, request: str, environ: Mapping[str, str], seconds: float
) -> PluginOutcome:
    """Run the plugin script under `python` with `request`; at most `seconds` and 1 MiB of output.

    `environ` is all the process gets to see, apart from a temporary folder that is its home and
    working folder.  Never raises for anything the plugin does.
    """
    script = Path(__file__).with_name("plugin_script.py")
    command = [str(python), "-I", "-S", "-B", "-X", "utf8", str(script), request]
    with (
        tempfile.TemporaryDirectory(prefix="vinstall-plugin-", ignore_cleanup_errors=True) as home,
        tempfile.TemporaryFile() as answer,
        tempfile.TemporaryFile() as noise,
    ):
        variables = {**environ, "HOME": home, "TMPDIR": home, "TEMP": home, "TMP": home}
        try:
            process = _start(command, variables, home, answer, noise)
        except OSError as error:
            return PluginOutcome(answer=b"", fault=f"could not be started: {error.strerror}")
        try:
            fault = _wait(process, time.monotonic() + seconds, seconds, noise)
        finally:
            _kill(process)
        answer.seek(0)
        content = answer.read(_OUTPUT_LIMIT + 1)
    if len(content) > _OUTPUT_LIMIT:
        return PluginOutcome(answer=b"", fault="answered with more than 1 MiB")
    return PluginOutcome(answer=content, fault=fault)


def _start(
    command: Sequence[str],
    variables: Mapping[str, str],
    folder: str,
    answer: IO[bytes],
    noise: IO[bytes],
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=answer,
        stderr=noise,
        start_new_session=True,
    )


def _wait(
    process: subprocess.Popen[bytes], end: float, seconds: float, noise: IO[bytes]
) -> str | None:
    """Wait for the process; what is wrong, or None where it ended well."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return _fault_of(process.wait(_INTERVAL))
        if os.fstat(noise.fileno()).st_size > _OUTPUT_LIMIT:
            return "printed more than 1 MiB"
        if time.monotonic() > end:
            return f"did not answer within {seconds:g} seconds"


def _fault_of(status: int) -> str | None:
    if status < 0:
        return f"was ended by signal {-status}"
    return None if status == 0 else f"ended with exit code {status}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        # The group is there as long as one of its processes is; what is left of it ends here.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
