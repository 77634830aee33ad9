"""Install vinstall into its own environment and let it choose builds from the demo index in fixtures/."""

from __future__ import annotations

from environment import BIN, PYTHON, ROOT, make_environment, run

INDEX = (ROOT / "fixtures" / "index").as_uri()


def main() -> None:
    """Set up, show what there is to choose from, install, run what was installed."""
    make_environment()
    run(PYTHON, "-m", "pip", "install", "--quiet", ".")
    demo = ("--isolated", "--index-url", INDEX, "--python", PYTHON)
    run(BIN / "vinstall", "explain", *demo, "demo-kernels")
    run(BIN / "vinstall", *demo, "--dry-run", "demo-app")
    run(BIN / "vinstall", *demo, "demo-app")
    run(BIN / "demo-app")


if __name__ == "__main__":
    main()
