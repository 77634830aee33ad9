"""The console script: the cheapest answers first, then the commands."""

import sys


def main() -> None:
    """Run vinstall on `sys.argv`; does not return."""
    words = sys.argv[1:]
    if words in (["--version"], ["-V"]):
        from vinstall import __version__

        sys.stdout.write(f"vinstall {__version__}\n")
        raise SystemExit(0)
    from vinstall.cli.running import run

    raise SystemExit(run(words))
