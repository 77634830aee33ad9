"""Ask one variant provider plugin what this machine supports; runs under any Python from 3.8 on.

    python -I -S -B plugin_script.py '{"folder": ..., "module": ..., "object": ...}'

Stand-alone: nothing but the standard library, and no import of vinstall.  The answer, one JSON
object, goes to what was standard output at the start; whatever the plugin prints goes to standard
error.  Spec: PEP 817 "Provider plugin API", and the API before it, whose method takes an argument.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import json
import os
import sys
from typing import Any

_METHOD = "get_supported_configs"
_MOST = 10_000
"""No more features, and no more values of one, are taken from a plugin."""
_LONGEST = 1000
"""Characters of an error message that are passed on."""
_FILE_LIMIT = 16 * 1024 * 1024
"""Bytes a file may grow to, standard error among them, where the system can hold a process to it."""


def main(request: str) -> None:
    """Write the answer to `request`, and end without waiting for what the plugin left running."""
    answer = os.dup(1)
    os.dup2(2, 1)
    process = os.getpid()
    try:
        _limit_files()
        result = ask(json.loads(request))
        content = json.dumps(result)
    except BaseException as error:  # noqa: BLE001  a plugin may even call sys.exit()
        content = json.dumps({"error": _describe(error)})
    # A plugin that forks comes by here more than once.
    if os.getpid() == process:
        with os.fdopen(answer, "w", encoding="utf-8") as stream:
            stream.write(content)
    os._exit(0)


def ask(request: dict[str, str]) -> dict[str, Any]:
    """The features the plugin lists, as plain JSON values; its own mistakes are left in them."""
    folder = request["folder"]
    sys.path.insert(0, folder)
    _check_place(request["module"], folder)
    found = importlib.import_module(request["module"])
    for name in filter(None, request["object"].split(".")):
        found = getattr(found, name)
    plugin = _plugin_of(found)
    features = [
        _feature(config) for config in itertools.islice(_call(getattr(plugin, _METHOD)), _MOST)
    ]
    return {"namespace": _name(getattr(plugin, "namespace", None)), "features": features}


def _check_place(module: str, folder: str) -> None:
    # The user trusts this plugin, not any module of this Python that an index cares to name.
    spec = importlib.util.find_spec(module.partition(".")[0])
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    inside = os.path.realpath(folder) + os.sep
    if not any(place and os.path.realpath(place).startswith(inside) for place in places):
        raise ModuleNotFoundError("the plugin has no module `" + module + "`")


def _plugin_of(found: Any) -> Any:
    if inspect.isclass(found):
        member = inspect.getattr_static(found, _METHOD, None)
        return found if isinstance(member, (classmethod, staticmethod)) else found()
    if not hasattr(found, _METHOD) and callable(found):
        return found()
    return found


def _call(method: Any) -> Any:
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return method()
    needed = [
        each
        for each in parameters
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    # The old API asks about known properties; None stands for all.
    return method(None) if len(needed) == 1 else method()


def _feature(config: Any) -> dict[str, Any]:
    values = config.values
    if isinstance(values, (str, bytes)):
        raise TypeError("the values of `" + str(config.name) + "` are no list")
    return {
        "name": _name(config.name),
        "values": [_name(value) for value in itertools.islice(values, _MOST)],
        "multi_value": bool(getattr(config, "multi_value", False)),
    }


def _name(value: Any) -> Any:
    # JSON would write a number or a list as well; it has to be seen that it was one.
    if value is not None and not isinstance(value, str):
        raise TypeError("`" + str(value)[:100] + "` is no string")
    return value


def _describe(error: BaseException) -> str:
    try:
        return (type(error).__name__ + ": " + str(error))[:_LONGEST]
    except Exception:  # noqa: BLE001  an exception whose text fails as well
        return type(error).__name__


def _limit_files() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = _FILE_LIMIT if hard == resource.RLIM_INFINITY else min(hard, _FILE_LIMIT)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))


if __name__ == "__main__":
    main(sys.argv[1])
