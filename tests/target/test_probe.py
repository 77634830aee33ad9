"""Interpreters of this machine, against `packaging` running inside them."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path

import packaging
import pytest

from tests.target.interpreters import interpreters, run_python
from vinstall.cache.files import Cache
from vinstall.errors import TargetError
from vinstall.target.probe import probe

ORACLE = """
import json
from packaging import markers, tags
seen = list(dict.fromkeys(map(str, tags.sys_tags())))
environment = dict(markers.default_environment())
print(json.dumps([seen, environment]))
"""


def script(path: Path, text: str) -> Path:
    """An executable file at `path`."""
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(scope="session")
def packaging_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `packaging` in it and nothing else."""
    folder = tmp_path_factory.mktemp("oracle")
    (folder / "packaging").symlink_to(Path(packaging.__file__).parent)
    return folder


class TestOracle:
    """The answer equals what `packaging` finds when it runs there."""

    @pytest.mark.parametrize(
        "python", interpreters(), ids=lambda python: "-".join(python.parts[-3:])
    )
    def test_tags_and_markers_are_those_that_packaging_finds(
        self, python: Path, packaging_folder: Path
    ) -> None:
        found = probe(python)
        if found.version < (3, 9):
            pytest.skip("packaging itself wants a newer Python")
        tags, markers = json.loads(run_python(python, ORACLE, packaging_folder))
        assert list(found.tags) == tags
        assert dict(found.markers) == markers

    def test_python_3_8_is_answered_for(self) -> None:
        old = [python for python in interpreters() if "3.8." in str(python)]
        if not old:
            pytest.skip("no Python 3.8 here")
        found = probe(old[0])
        assert found.version[:2] == (3, 8)
        assert found.tags[0] == "cp38-cp38-linux_x86_64"
        assert found.markers["python_version"] == "3.8"


class TestEnvironments:
    def test_an_environment_is_told_from_its_base(self, environment: Path) -> None:
        found = probe(environment)
        assert found.is_virtual
        assert not found.sees_system_site
        assert found.prefix == environment.parent.parent
        assert found.base_prefix == Path(sys.base_prefix)
        assert found.scheme.scripts == environment.parent
        # Debian's Python names further folders, which are not there.
        assert [folder for folder in found.site if folder.is_dir()] == [found.scheme.purelib]

    def test_headers_of_an_environment_go_where_pip_puts_them(self, environment: Path) -> None:
        found = probe(environment)
        version = ".".join(map(str, found.version[:2]))
        assert found.scheme.headers == found.prefix / "include" / "site" / f"python{version}"

    def test_the_interpreter_that_runs_this_answers_without_a_subprocess(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        by_subprocess = probe(Path(sys.executable).parent / Path(sys.executable).name)
        monkeypatch.setattr("subprocess.Popen", lambda *args, **options: pytest.fail("was started"))
        assert probe(Path(sys.executable)) == by_subprocess

    def test_printing_at_start_up_does_no_harm(self, environment: Path) -> None:
        site = probe(environment).scheme.purelib
        (site / "loud.pth").write_text('import sys; sys.stdout.write(\'{"not": "this"}\')\n')
        assert probe(environment).scheme.purelib == site


class TestMemory:
    @pytest.fixture
    def cache(self, tmp_path: Path) -> Cache:
        return Cache(tmp_path / "cache")

    def test_an_answer_is_remembered(
        self, environment: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = probe(environment, cache=cache)
        monkeypatch.setattr("subprocess.Popen", lambda *args, **options: pytest.fail("was started"))
        assert probe(environment, cache=cache) == first

    def test_time_is_lent_only_while_an_interpreter_starts(
        self, environment: Path, cache: Cache
    ) -> None:
        lent: list[str] = []
        for _ in range(2):
            probe(environment, cache=cache, meanwhile=lambda: lent.append("once"))
        probe(Path(sys.executable), meanwhile=lambda: lent.append("never"))
        assert lent == ["once"]

    def test_another_configuration_of_the_environment_is_asked_anew(
        self, environment: Path, cache: Cache
    ) -> None:
        assert not probe(environment, cache=cache).sees_system_site
        config = environment.parent.parent / "pyvenv.cfg"
        config.write_text(config.read_text().replace("= false", "= true"))
        assert probe(environment, cache=cache).sees_system_site

    def test_another_kernel_or_libc_is_asked_anew(
        self, environment: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        probe(environment, cache=cache)
        monkeypatch.setattr("os.confstr", lambda name: "glibc 2.99")
        monkeypatch.setattr("vinstall.target.probe._ask", lambda *_: pytest.fail("was asked"))
        with pytest.raises(pytest.fail.Exception):
            probe(environment, cache=cache)

    def test_a_shim_is_asked_every_time(
        self, tmp_path: Path, environment: Path, cache: Cache
    ) -> None:
        shim = script(tmp_path / "python", f'#!/bin/sh\nexec "{environment}" "$@"\n')
        assert probe(shim, cache=cache).executable == environment
        assert cache.info().buckets == ()


class TestRefusals:
    def test_a_missing_file_cannot_be_run(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError) as caught:
            probe(tmp_path / "python")
        expected = f"`{tmp_path / 'python'}` cannot be run: No such file or directory"
        assert caught.value.message == expected
        assert caught.value.exit_code == 3

    def test_a_program_that_is_no_python_is_refused(self, tmp_path: Path) -> None:
        program = script(tmp_path / "tool", "#!/bin/sh\necho hello\necho no option -I >&2\n")
        with pytest.raises(TargetError) as caught:
            probe(program)
        assert caught.value.message == f"`{program}` does not answer like a Python interpreter"
        assert caught.value.context == ("no option -I",)
        assert caught.value.hint == "vinstall installs into CPython 3.8 and newer"

    def test_an_old_python_is_refused(self) -> None:
        old = Path.home() / ".pyenv/versions/3.7.16/bin/python"
        if not old.exists():
            pytest.skip("no Python 3.7 here")
        with pytest.raises(TargetError) as caught:
            probe(old)
        assert caught.value.message == f"`{old}` is Python 3.7.16"

    def test_one_that_hangs_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vinstall.target.probe._TIMEOUT", 0.2)
        program = script(tmp_path / "tool", "#!/bin/sh\nexec sleep 5\n")
        with pytest.raises(TargetError) as caught:
            probe(program)
        assert caught.value.message == f"`{program}` did not answer within 0 seconds"


def test_what_fails_meanwhile_ends_the_interpreter(tmp_path: Path) -> None:
    program = script(tmp_path / "tool", "#!/bin/sh\nexec sleep 60\n")
    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        probe(program, meanwhile=lambda: print(1 // 0))
    assert time.monotonic() - began < 30


def test_the_script_needs_nothing_but_the_standard_library(environment: Path) -> None:
    """It runs in an empty environment, in isolated mode, from a folder that cannot be imported."""
    source = Path(__file__).parents[2] / "src/vinstall/target/probe_script.py"
    copy = environment.parent / "copy.py"
    copy.write_bytes(source.read_bytes())
    assert os.fspath(environment) in run_python(environment, f"exec(open({str(copy)!r}).read())")
