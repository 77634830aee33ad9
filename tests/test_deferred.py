"""Modules that wait until they are used."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from vinstall.deferred import Deferred, defer, defer_calls, defer_patterns
from vinstall.pattern import pattern


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module nobody has imported, which takes a while to load."""
    (tmp_path / "slow_to_load.py").write_text(
        "import time\nloads = []\ntime.sleep(0.05)\nloads.append(1)\nanswer = 42\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_to_load", raising=False)
    return "slow_to_load"


def test_it_is_loaded_when_something_of_it_is_used(name: str) -> None:
    defer(name)
    early = importlib.import_module(name)
    assert isinstance(early, Deferred)
    assert early.answer == 42
    late = importlib.import_module(name)
    assert (type(late), late.loads) == (ModuleType, [1])
    assert early.loads is late.loads


def test_names_can_be_imported_from_it(name: str) -> None:
    defer(name)
    seen: dict[str, object] = {}
    exec(f"from {name} import answer", seen)
    assert seen["answer"] == 42


def test_what_it_has_not_is_missed_by_its_name(name: str) -> None:
    defer(name)
    with pytest.raises(
        AttributeError, match=r"^module 'slow_to_load' has no attribute 'question'$"
    ):
        _ = importlib.import_module(name).question


def test_what_the_import_system_asks_loads_nothing(name: str) -> None:
    defer(name)
    early = sys.modules[name]
    assert not hasattr(early, "__file__")
    assert sys.modules[name] is early
    assert isinstance(early, Deferred)
    assert early.answer == 42
    assert early.__file__ == importlib.import_module(name).__file__


def test_threads_that_use_it_at_once_get_it_whole(name: str) -> None:
    defer(name)
    early = importlib.import_module(name)
    start = threading.Barrier(8)
    seen: list[object] = []

    def use() -> None:
        start.wait()
        seen.append((early.answer, early.loads))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(42, [1])] * 8


def test_what_is_loaded_stays_as_it_is() -> None:
    defer("sys", "subprocess")
    assert (sys.modules["sys"], sys.modules["subprocess"]) == (sys, subprocess)


def test_a_package_gives_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_package").mkdir()
    (tmp_path / "slow_package" / "__init__.py").write_text("")
    (tmp_path / "slow_package" / "part.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    defer("slow_package")
    assert importlib.import_module("slow_package.part").answer == 42


def test_the_result_of_a_call_waits_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_calls.py").write_text("def upper(text):\n    return text.upper()\n")
    monkeypatch.syspath_prepend(tmp_path)
    defer_calls("slow_calls", "upper")
    early = importlib.import_module("slow_calls")
    result = early.upper("a")
    assert sys.modules["slow_calls"] is early
    assert result.lower() == "a"
    assert sys.modules["slow_calls"] is not early
    assert early.upper("b") == "B"


def test_a_logger_is_that_of_its_name() -> None:
    code = (
        "import vinstall.cli.running, logging; early = logging.getLogger('some');"
        "print(type(logging).__name__); early.setLevel(7); import logging.handlers;"
        "print(logging.getLogger('some').level, early.level, logging.handlers.__name__)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "Deferred\n7 7 logging.handlers\n"


@pytest.mark.parametrize(
    "name", ["inspect", "ipaddress", "logging", "platform", "subprocess", "sysconfig", "traceback"]
)
def test_the_command_line_defers_what_its_libraries_seldom_use(name: str) -> None:
    code = f"import sys, vinstall.cli.running; print(type(sys.modules['{name}']).__name__)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "Deferred\n"


def test_patterns_of_a_module_wait_and_those_of_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "patient.py").write_text(
        "import re, hasty\n"
        "from abc import ABC\n"
        "class Shape(ABC):\n"
        "    some = re.compile('[a-z]+', re.IGNORECASE)\n"
    )
    (tmp_path / "hasty.py").write_text("import re\nsome = re.compile('[a-z]+')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    compile_now = re.compile
    defer_patterns(pattern, "patient")
    patient, hasty = map(importlib.import_module, ("patient", "hasty"))
    assert re.compile is compile_now
    assert type(hasty.some) is re.Pattern
    assert vars(patient.Shape.some) == {"_given": ("[a-z]+", re.IGNORECASE)}
    assert patient.Shape.some.fullmatch("ABC")[0] == "ABC"


def test_patterns_of_packaging_wait() -> None:
    code = (
        "import vinstall.cli.running; from packaging.specifiers import SpecifierSet;"
        "from packaging.specifiers import Specifier; print('fullmatch' in vars(Specifier._regex));"
        "print(SpecifierSet('>=1,<2')); print('fullmatch' in vars(Specifier._regex))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n<2,>=1\nTrue\n"
