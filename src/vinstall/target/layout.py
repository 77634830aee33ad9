"""Where files go in an environment: its own scheme, `--user`, `--target`, `--prefix`, `--root`.

The layouts are pip's.  Pure, except that EXTERNALLY-MANAGED is looked up (PEP 668).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vinstall.errors import TargetError, UsageError
from vinstall.target.environment import Scheme, Target
from vinstall.target.probe import Interpreter


def target_scheme(interpreter: Interpreter, folder: Path) -> Scheme:
    """`--target`: everything below one folder, modules at its top."""
    # pip keeps its convention for headers of virtual environments here, too.
    python = "site/python{}.{}".format(*interpreter.version[:2])
    return Scheme(
        purelib=folder,
        platlib=folder,
        scripts=folder / "bin",
        data=folder,
        headers=folder / "include" / (python if interpreter.is_virtual else "python"),
    )


def prefix_scheme(interpreter: Interpreter, prefix: Path) -> Scheme:
    """`--prefix`: the interpreter's layout below another prefix."""
    return Scheme(**{key: prefix / relative for key, relative in interpreter.prefix_scheme.items()})


def user_scheme(interpreter: Interpreter) -> Scheme:
    """`--user`: the user's own folders.  Raises UsageError where the interpreter ignores them."""
    if interpreter.is_virtual and not interpreter.sees_system_site:
        raise UsageError(
            "`--user` has no effect in a virtual environment",
            context=(f"the environment is `{interpreter.prefix}`",),
            hint="leave out `--user`, or name another interpreter with `--python`",
        )
    if interpreter.user_scheme is None:
        raise UsageError(f"`{interpreter.executable}` has no folder for `--user`")
    return interpreter.user_scheme


def rooted(scheme: Scheme, root: Path) -> Scheme:
    """`--root`: the same paths below another root of the file system."""
    return Scheme(
        purelib=_below(root, scheme.purelib),
        platlib=_below(root, scheme.platlib),
        scripts=_below(root, scheme.scripts),
        data=_below(root, scheme.data),
        headers=_below(root, scheme.headers),
    )


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to(path.anchor)


def externally_managed(interpreter: Interpreter, environ: Mapping[str, str]) -> str | None:
    """The message of the EXTERNALLY-MANAGED marker, in the user's language; None without one.

    Spec: PEP 668.  A virtual environment is never externally managed.
    """
    if interpreter.is_virtual:
        return None
    marker = interpreter.stdlib / "EXTERNALLY-MANAGED"
    try:
        text = marker.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    from configparser import ConfigParser
    from configparser import Error as ConfigError

    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except ConfigError:
        return ""
    names = (environ.get("LC_ALL"), environ.get("LC_MESSAGES"), environ.get("LANG"))
    language = next((name for name in names if name), "").partition(".")[0]
    keys = (f"Error-{language}", f"Error-{language.partition('_')[0]}", "Error")
    messages = (parser.get("externally-managed", key, fallback=None) for key in keys)
    return next((message.strip() for message in messages if message is not None), "")


def refuse_managed(target: Target) -> None:
    """Raises TargetError where the system's own packages manage the target (PEP 668)."""
    if target.externally_managed is None:
        return
    raise TargetError(
        f"the environment of `{target.python}` is managed by the system's own packages",
        context=tuple(line for line in target.externally_managed.splitlines() if line.strip()),
        hint="make a virtual environment (`python3 -m venv .venv`), or, at the risk of breaking "
        "the system, use `--break-system-packages`",
    )
