"""LinkMode: how files of the store come into an environment.

A hard link costs no space and no copying, and what is edited in place shows in the store, which
checks for that; a clone (reflink) is a copy on write; symbolic links break when the cache is
cleaned.  What cannot be linked is copied.
"""

from __future__ import annotations

from enum import StrEnum

from vinstall.installation.transfer import default_mode


class LinkMode(StrEnum):
    """`--link-mode`."""

    HARDLINK = "hardlink"
    CLONE = "clone"
    COPY = "copy"
    SYMLINK = "symlink"


def default_link_mode() -> LinkMode:
    """Clones where the usual file system has them (macOS), else hard links."""
    return LinkMode(default_mode())
