"""Modules that libraries import for what few runs do: loaded when something of them is used.

click lays out help pages with `inspect`, logging shows traces with `traceback`, packaging asks
macOS and musl with `subprocess` and `sysconfig`, and Linux about its C library, pathlib knows the
paths of Windows, urllib the addresses of the newer Internet.  Loading these, and what they load,
takes a tenth of the time before a command begins.
"""

from __future__ import annotations

import sys
from importlib import import_module
from threading import Lock
from types import ModuleType


class Deferred(ModuleType):
    """Stands where a module will be, and passes on what is asked of it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__dict__["_lock"] = Lock()

    def __getattr__(self, name: str) -> object:
        own: str = self.__dict__["__name__"]
        with self.__dict__["_lock"]:
            if sys.modules.get(own) is self:
                if name.startswith("__"):
                    raise AttributeError(name)  # asked by the import system, of every module
                del sys.modules[own]
        return getattr(import_module(own), name)


def defer(*names: str) -> None:
    """Let the modules `names` wait until they are used; nothing happens to those that are loaded.

    Whoever imports one gets its place holder or the module, which serve alike.
    """
    for name in names:
        sys.modules.setdefault(name, Deferred(name))
