"""vinstall: install the build made for this machine."""

__version__ = "0.1.0"
