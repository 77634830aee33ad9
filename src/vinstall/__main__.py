"""`python -m vinstall`."""

from vinstall.cli.entry import script

if __name__ == "__main__":
    script()
