"""Locks that cannot be used here, and locks of other tools."""

from __future__ import annotations

import pytest

from tests.locking.cases import Host, digest, installed, shown
from tests.support.catalogs import make_target
from tests.support.memory_index import MemoryIndex
from vinstall.errors import FormatError, ResolutionError, SourceError

HEAD = 'lock-version = "1.0"\ncreated-by = "other"\n'


def package(name: str, version: str, *, tag: str = "py3-none-any", more: str = "") -> str:
    """A `[[packages]]` entry with one wheel."""
    file = f"{name}-{version}-{tag}.whl"
    return (
        f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{more}\n'
        f'[[packages.wheels]]\nurl = "https://files.example/{file}"\n'
        f'hashes = {{sha256 = "{digest(file)[0][1]}"}}\n'
    )


def fault(text: str, host: Host | None = None) -> ResolutionError:
    with pytest.raises(ResolutionError) as caught:
        installed(text, MemoryIndex(), host or Host())
    return caught.value


def test_markers_of_the_entries_decide() -> None:
    """PEP 751: "If marker is specified, check if it is satisfied"."""
    text = HEAD + package("a", "1") + package("b", "1", more="marker = \"sys_platform == 'win32'\"")
    found = shown(installed(text, MemoryIndex(), Host()))
    assert [name for name, *_ in found] == ["a"]


def test_dependencies_without_markers_do_not_decide() -> None:
    """PEP 751: "Tools MUST NOT use this information when doing installation"."""
    text = HEAD + package("a", "1") + package("b", "1")
    assert len(installed(text, MemoryIndex(), Host()).pins) == 2


def test_two_entries_for_one_project_are_refused() -> None:
    """PEP 751: "all packages to be installed MUST narrow down to a single entry"."""
    error = fault(
        HEAD + package("a", "1") + package("a", "2", more="marker = \"os_name == 'posix'\"")
    )
    assert error.message == "`pylock.toml` lists `a` twice for this environment"
    assert error.context == ("versions 1 and 2",)


def test_a_python_that_is_too_old_is_named() -> None:
    old = Host(target=make_target("3.9.1"))
    whole = fault(HEAD + 'requires-python = ">=3.10"\n' + package("a", "1"), old)
    assert whole.message == "`pylock.toml` needs Python >=3.10, the environment has 3.9.1"
    entry = fault(HEAD + package("a", "1", more='requires-python = ">=3.10"'), old)
    assert entry.message == "`a` needs Python >=3.10, the environment has 3.9.1"


def test_an_entry_without_a_file_for_this_machine_says_why() -> None:
    error = fault(HEAD + package("a", "1", tag="cp312-cp312-win_amd64"))
    assert error.message == "no file of `a` 1 in `pylock.toml` can be used here"
    assert error.context[0].startswith("`a-1-cp312-cp312-win_amd64.whl` is made for")


def test_a_marker_of_a_dependency_that_does_not_parse_is_named() -> None:
    more = 'dependencies = [{name = "b", marker = "nonsense =="}]'
    with pytest.raises(FormatError) as caught:
        installed(HEAD + package("a", "1", more=more) + package("b", "1"), MemoryIndex(), Host())
    assert caught.value.context == ("`pylock.toml`, dependencies of `a`",)


def test_entries_that_depend_on_each_other_end() -> None:
    one = package("a", "1", more='dependencies = [{name = "b", marker = "os_name == \'posix\'"}]')
    two = package("b", "1", more='dependencies = [{name = "a", marker = "os_name == \'posix\'"}]')
    assert len(installed(HEAD + one + two, MemoryIndex(), Host()).pins) == 2


def test_a_wheel_outside_the_lock_is_not_touched() -> None:
    text = HEAD + package("a", "1").replace('url = "https://files.example/', 'path = "../../')
    with pytest.raises(SourceError, match="may not be read"):
        installed(text, MemoryIndex(), Host())
