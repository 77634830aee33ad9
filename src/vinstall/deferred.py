"""Modules that libraries import for what few runs do: loaded when something of them is used.

click lays out help pages with `inspect`, packaging asks macOS and musl with `subprocess` and
`sysconfig`, and Linux about its C library, and has a logger for what goes wrong there; pathlib
knows the paths of Windows, urllib the addresses of the newer Internet.  Loading these, and what they load,
takes a tenth of the time before a command begins.

So does compiling the patterns of packaging, which knows most versions without them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from threading import Lock
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

    Compile = Callable[[str, int], re.Pattern[str]]


class Deferred(ModuleType):
    """Stands where a module will be, and passes on what is asked of it."""

    def __init__(self, name: str, calls: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.__dict__["_lock"] = Lock()
        self.__dict__["_calls"] = calls

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__dict__["__name__"]) is self:
            if name.startswith("__") and name != "__path__":
                raise AttributeError(name)  # asked by the import system, of every module
            if name in self.__dict__["_calls"]:
                return partial(_Result, self, name)
        return getattr(_loaded(self), name)


class _Result:
    """Stands where the result of a function will be, and passes on what is asked of it."""

    def __init__(self, module: Deferred, function: str, *given: str) -> None:
        self._call = module, function, given

    def __getattr__(self, name: str) -> object:
        module, function, given = self._call
        return getattr(getattr(_loaded(module), function)(*given), name)


def _loaded(place: Deferred) -> ModuleType:
    """The module that `place` stands for."""
    name: str = place.__dict__["__name__"]
    with place.__dict__["_lock"]:
        if sys.modules.get(name) is place:
            del sys.modules[name]
    return import_module(name)


def defer(*names: str) -> None:
    """Let the modules `names` wait until they are used; nothing happens to those that are loaded.

    Whoever imports one gets its place holder or the module, which serve alike.
    """
    for name in names:
        sys.modules.setdefault(name, Deferred(name))


def defer_calls(name: str, *functions: str) -> None:
    """As `defer`, of a module that others call these functions of as soon as they are loaded.

    These are called with texts, and equal calls have the same result.
    """
    sys.modules.setdefault(name, Deferred(name, functions))


def defer_patterns(late: Compile, *names: str) -> None:
    """Let what the modules `names` compile with `re` while they are loaded be compiled by `late`."""
    sys.meta_path.insert(0, _PatternDeferrer(late, frozenset(names)))


class _PatternDeferrer:
    """Finds some modules, and has a word with their loaders."""

    def __init__(self, late: Compile, names: frozenset[str]) -> None:
        self._late = late
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As of any finder (`importlib.abc.MetaPathFinder`)."""
        found = PathFinder.find_spec(name, path, target) if name in self._names else None
        if found is not None and found.loader is not None:
            vars(found.loader)["exec_module"] = partial(
                _execute, self._late, found.loader.exec_module
            )
        return found


def _execute(late: Compile, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Load `module`; what it loads itself in doing so notices nothing."""
    import re

    compile_now = re.compile

    def compile_some(text: str, flags: int = 0) -> re.Pattern[str]:
        is_from_there = sys._getframe(1).f_globals is vars(module)
        return late(text, flags) if is_from_there else compile_now(text, flags)

    re.compile = compile_some  # type: ignore[assignment]
    try:
        execute(module)
    finally:
        re.compile = compile_now
