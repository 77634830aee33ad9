"""The console script: the cheapest answers first, then the commands."""

import os
import sys

from vinstall import __version__


def main() -> None:
    """Run vinstall on `sys.argv`; does not return."""
    words = sys.argv[1:]
    if words in (["--version"], ["-V"]):
        sys.stdout.write(f"vinstall {__version__}\n")
        raise SystemExit(0)
    if words:
        from vinstall.workflows.shortcut import recall

        said = recall(words, os.environ, __version__)
        if said is not None:
            sys.stderr.write(said[1])
            sys.stdout.write(said[0])
            raise SystemExit(0)
    import gc

    from vinstall.cli.running import run

    # Pages make a hundred thousand tuples and no cycles: looking for some takes a tenth of a run.
    gc.set_threshold(200_000, 50, 100)

    raise SystemExit(run(words))
