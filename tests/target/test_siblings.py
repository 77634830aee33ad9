"""An environment that was not asked is told as it would tell itself, or it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.target.interpreters import interpreters
from vinstall.cache.files import Cache
from vinstall.target import siblings
from vinstall.target.probe import Interpreter, find_sibling, probe
from vinstall.target.siblings import likeness, names_in, startup

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="siblings are known on Linux")

ENVIRON: Mapping[str, str] = {"HOME": "/home/me"}
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


def make(python: Path, folder: Path, *, tool: str = "venv") -> Path:
    """The interpreter of a new environment of `python`."""
    if tool == "uv":
        words = [str(UV), "venv", "-q", "--no-config", "--python", str(python), str(folder)]
    else:
        words = [str(python), "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(words, check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment; nobody changes it."""
    return make(Path(sys.executable), tmp_path_factory.mktemp("model") / "env").parent.parent


@pytest.fixture
def pair(model: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The interpreters of two environments that were made alike."""
    for name in ("one", "two"):
        shutil.copytree(model, tmp_path / name, symlinks=True)
    return tmp_path / "one/bin/python", tmp_path / "two/bin/python"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


class TestOracle:
    """What is said of an environment that was not asked equals what its interpreter says."""

    @pytest.mark.parametrize("tool", ["venv", "uv"])
    @pytest.mark.parametrize("base", interpreters(), ids=lambda python: "-".join(python.parts[-3:]))
    def test_the_answers_are_those_of_a_fresh_start(
        self, base: Path, tool: str, tmp_path: Path, cache: Cache
    ) -> None:
        if tool == "uv" and UV is None:
            pytest.skip("uv is not installed")
        first = make(base, tmp_path / "first", tool=tool)
        other = make(base, tmp_path / "below" / "of-another-length", tool=tool)
        probe(first, cache=cache)
        for python in (other, other.with_name("python3")):
            found = find_sibling(python, cache)
            assert found is not None
            assert probe(python, cache=cache) == probe(python)


def answers(python: Path, cache: Cache) -> Interpreter | None:
    """What is said of `python` without asking it."""
    found = find_sibling(python, cache)
    return probe(python, cache=cache) if found is not None else None


class TestSiblings:
    def test_the_second_is_not_asked(
        self, pair: tuple[Path, Path], cache: Cache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        probe(pair[0], cache=cache)
        monkeypatch.setattr("vinstall.target.probe._ask", lambda *_: pytest.fail("was asked"))
        assert probe(pair[1], cache=cache).executable == pair[1]

    def test_what_was_not_asked_tells_nothing_about_others(
        self, pair: tuple[Path, Path], cache: Cache
    ) -> None:
        assert answers(pair[1], cache) is None


def _write(relative: str, text: str = "") -> Callable[[Path], None]:
    def change(prefix: Path) -> None:
        path = next(iter((prefix / "lib").glob("python*/site-packages"))) / relative
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    return change


def _configure(before: str, after: str) -> Callable[[Path], None]:
    def change(prefix: Path) -> None:
        path = prefix / "pyvenv.cfg"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    return change


def _copy_the_interpreter(prefix: Path) -> None:
    python = prefix / "bin/python"
    real = python.resolve()
    python.unlink()
    shutil.copy2(real, python)


def _link_another_interpreter(prefix: Path) -> None:
    others = [one for one in interpreters() if one.resolve() != (prefix / "bin/python").resolve()]
    if not others:
        pytest.skip("there is one Python here")
    (prefix / "bin/python").unlink()
    (prefix / "bin/python").symlink_to(others[0].resolve())


def _remove_the_configuration(prefix: Path) -> None:
    (prefix / "pyvenv.cfg").unlink()


def _configure_beside_the_interpreter(prefix: Path) -> None:
    shutil.copy(prefix / "pyvenv.cfg", prefix / "bin/pyvenv.cfg")


UNLIKE = {
    "code at start": _write("mine.pth", "import sys\n"),
    "a folder at start": _write("mine.pth", "/elsewhere\n"),
    "sitecustomize": _write("sitecustomize.py"),
    "sitecustomize as a folder": _write("sitecustomize/__init__.py"),
    "usercustomize": _write("usercustomize.py"),
    "_manylinux": _write("_manylinux.py", "manylinux2014_compatible = False\n"),
    "a start file": _write("mine.start"),
    "system packages": _configure("= false", "= true"),
    "system packages by default": _configure("include-system-site-packages = false", ""),
    "an odd key": _configure("home =", "relocatable = true\nhome ="),
    "a key twice": _configure("home =", "home = /\nhome ="),
    "a line that is none": _configure("home =", "[section]\nhome ="),
    "another version": _configure("version = 3", "version = 4"),
    "another home": _configure("home = ", "home = /elsewhere"),
    "a relative home": _configure("home = /", "home = "),
    "a copy": _copy_the_interpreter,
    "another interpreter": _link_another_interpreter,
    "no configuration": _remove_the_configuration,
    "another configuration": _configure_beside_the_interpreter,
}


@pytest.mark.parametrize("change", UNLIKE.values(), ids=UNLIKE)
def test_an_environment_that_differs_is_asked(
    pair: tuple[Path, Path], cache: Cache, change: Callable[[Path], None]
) -> None:
    probe(pair[0], cache=cache)
    assert answers(pair[1], cache) is not None
    change(pair[1].parent.parent)
    assert find_sibling(pair[1], cache) is None


@pytest.mark.parametrize(
    "change",
    [UNLIKE["code at start"], UNLIKE["sitecustomize"], UNLIKE["a copy"]],
    ids=["code at start", "sitecustomize", "a copy"],
)
def test_one_that_differs_tells_nothing_about_others(
    pair: tuple[Path, Path], cache: Cache, change: Callable[[Path], None]
) -> None:
    change(pair[0].parent.parent)
    probe(pair[0], cache=cache)
    assert find_sibling(pair[1], cache) is None


class TestBase:
    def test_a_base_whose_start_changes_is_asked_anew(
        self, pair: tuple[Path, Path], cache: Cache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        probe(pair[0], cache=cache)
        monkeypatch.setattr(siblings, "base_stamps", lambda _: [(1, 1)])
        assert find_sibling(pair[1], cache) is None

    def test_another_c_library_or_kernel_is_another_question(
        self, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = likeness(str(pair[0]), ENVIRON)
        with monkeypatch.context() as patch:
            patch.setattr(os, "uname", lambda: ("Linux", "host", "99", "#1", "x86_64"))
            assert likeness(str(pair[0]), ENVIRON) != before
        monkeypatch.setattr(os, "confstr", lambda _: "glibc 1.0")
        assert likeness(str(pair[0]), ENVIRON) != before

    @pytest.mark.parametrize("variable", ["HOME", "PYTHONUSERBASE"])
    def test_where_the_users_files_go_is_part_of_the_answer(
        self, pair: tuple[Path, Path], variable: str
    ) -> None:
        other = {**ENVIRON, variable: "/elsewhere"}
        assert likeness(str(pair[0]), other) != likeness(str(pair[0]), ENVIRON)

    def test_variables_that_change_answers_are_not_guessed_at(
        self, pair: tuple[Path, Path]
    ) -> None:
        environ = {**ENVIRON, "_PYTHON_HOST_PLATFORM": "linux-riscv64"}
        assert likeness(str(pair[0]), environ) is None

    def test_an_environment_around_its_base_is_asked(self) -> None:
        facts = {
            "implementation": "cpython", "prefix": "/opt", "base_prefix": "/opt/python",
            "stdlib": "/opt/python/lib/python3.11", "user_scheme": None, "site": ["/opt/site"],
            "scheme": {"data": "/opt"},
        }  # fmt: skip
        assert siblings.without_prefix(facts, "/opt") is None
        apart = siblings.without_prefix(
            {**facts, "prefix": "/env", "site": [], "scheme": {}}, "/env"
        )
        assert apart is not None
        assert siblings.with_prefix(apart, "/opt", "/opt/bin/python") is None
        assert siblings.with_prefix(apart, "/env2", "/env2/bin/python") is not None

    def test_another_implementation_is_asked(self) -> None:
        facts = {"implementation": "pypy", "prefix": "/env"}
        assert siblings.without_prefix(facts, "/env") is None


@pytest.mark.parametrize(
    "python",
    ["env/bin/python", "/bin/python", "//env/bin/python", "/env/../bin/python", "/env/bin/pypy3",
     "/env/bin/python-config", "/e\nnv/bin/python", "/env/Scripts/python"],
)  # fmt: skip
def test_odd_paths_have_no_likeness(python: str) -> None:
    assert likeness(python, ENVIRON) is None


class TestStartup:
    """`.pth` files run code: those of common tools are compared, all others not trusted."""

    def made(self, folder: Path, **files: str) -> list[object] | None:
        for name, text in files.items():
            path = folder / name.replace("__DOT__", ".").replace("__IN__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return startup([str(folder)], names_in)

    def test_an_empty_folder_runs_nothing(self, tmp_path: Path) -> None:
        assert startup([str(tmp_path), str(tmp_path / "absent")], names_in) == []

    def test_what_virtualenv_runs_is_compared(self, tmp_path: Path) -> None:
        pth, module = "_virtualenv__DOT__pth", "_virtualenv__DOT__py"
        one = self.made(tmp_path / "1", **{pth: "import _virtualenv", module: "pass"})
        same = self.made(tmp_path / "2", **{pth: "import _virtualenv", module: "pass"})
        other = self.made(tmp_path / "3", **{pth: "import _virtualenv", module: "pas5"})
        assert one is not None
        assert one == same != other

    def test_what_setuptools_runs_is_compared(self, tmp_path: Path) -> None:
        pth, module = "distutils-precedence__DOT__pth", "_distutils_hack__IN____init____DOT__py"
        one = self.made(tmp_path / "1", **{pth: "x", module: "pass"})
        same = self.made(tmp_path / "2", **{pth: "x", module: "pass"})
        other = self.made(tmp_path / "3", **{pth: "y", module: "pass"})
        assert one is not None
        assert one == same != other

    def test_a_module_in_front_of_theirs_is_not_trusted(self, tmp_path: Path) -> None:
        pth, module = "_virtualenv__DOT__pth", "_virtualenv__DOT__py"
        front = "_virtualenv__IN____init____DOT__py"
        files = {pth: "import _virtualenv", module: "pass", front: ""}
        assert self.made(tmp_path, **files) is None
