"""`python -m vinstall`."""

from vinstall.cli.entry import main

if __name__ == "__main__":
    main()
