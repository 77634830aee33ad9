"""Run the tests in the project's own environment; `--lint` looks at the code first.

Further words go to pytest: `python3 .ci/test.py tests/formats -x`.
"""

from __future__ import annotations

import sys

from environment import BIN, PYTHON, make_environment, run


def main() -> None:
    """Set up, look, test; pytest's closing line comes last."""
    words = sys.argv[1:]
    lint = "--lint" in words
    words = [word for word in words if word != "--lint"]
    make_environment()
    groups = ["--group", "test"] + (["--group", "lint"] if lint else [])
    run(PYTHON, "-m", "pip", "install", "--quiet", "--editable", ".", *groups)
    if lint:
        run(BIN / "ruff", "format", "--check", ".")
        run(BIN / "ruff", "check", ".")
        run(BIN / "mypy")
        run(BIN / "lint-imports")
    run(PYTHON, "-m", "pytest", *(words or ["-n", "2", "-q"]))


if __name__ == "__main__":
    main()
