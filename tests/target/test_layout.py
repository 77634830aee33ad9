"""Layouts, against pip's own."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pip
import pytest

from tests.target.interpreters import interpreters, run_python
from vinstall.errors import TargetError, UsageError
from vinstall.target import layout
from vinstall.target.discover import Place, Surroundings, discover_target
from vinstall.target.environment import Target
from vinstall.target.probe import probe

PIP = """
import json
from pip._internal.locations import get_scheme
keys = ("purelib", "platlib", "scripts", "data", "headers")
answers = {}
for name, options in {"default": {}, "user": {"user": True}, "prefix": {"prefix": "/some/prefix"},
                      "root": {"root": "/some/root"}}.items():
    found = get_scheme("demo", **options)
    answers[name] = {key: getattr(found, key) for key in keys}
print(json.dumps(answers))
"""


@lru_cache
def pip_answers(python: Path) -> dict[str, dict[str, str]]:
    """pip's schemes, asked in `python`."""
    answers: dict[str, dict[str, str]]
    answers = json.loads(run_python(python, PIP, Path(pip.__file__).parents[1]))
    return answers


def by_pip(python: Path, name: str) -> dict[str, Path]:
    return {key: Path(path) for key, path in pip_answers(python)[name].items()}


def by_us(target: Target) -> dict[str, Path]:
    keys = ("purelib", "platlib", "scripts", "data", "headers")
    found = {key: target.scheme.path(key) for key in keys}
    return found | {"headers": found["headers"] / "demo"}


def target_of(python: Path, **place: object) -> Target:
    return discover_target(
        Place(python=str(python), **place),  # type: ignore[arg-type]
        Surroundings(environ={}, cwd=Path("/some/where"), own=None),
    )


def recent() -> list[Path]:
    """Interpreters that the installed pip runs in."""
    return [python for python in interpreters() if probe(python).version >= (3, 10)]


@pytest.mark.parametrize("python", recent(), ids=lambda python: "-".join(python.parts[-3:]))
class TestPip:
    """The same files go to the same places."""

    def test_the_default_scheme_is_pips(self, python: Path) -> None:
        assert by_us(target_of(python)) == by_pip(python, "default")

    def test_prefix_is_pips(self, python: Path) -> None:
        target = target_of(python, prefix=Path("/some/prefix"))
        assert by_us(target) == by_pip(python, "prefix")
        assert target.site_paths == tuple(
            dict.fromkeys((target.scheme.purelib, target.scheme.platlib))
        )

    def test_root_is_pips(self, python: Path) -> None:
        assert by_us(target_of(python, root=Path("/some/root"))) == by_pip(python, "root")

    def test_user_is_pips(self, python: Path) -> None:
        if probe(python).is_virtual:
            pytest.skip("a virtual environment has no user scheme")
        assert by_us(target_of(python, user=True)) == by_pip(python, "user")


class TestTarget:
    def test_everything_lies_below_the_folder(self, tmp_path: Path) -> None:
        python = next(python for python in interpreters() if not probe(python).is_virtual)
        target = target_of(python, target=tmp_path)
        assert by_us(target) == {
            "purelib": tmp_path,
            "platlib": tmp_path,
            "scripts": tmp_path / "bin",
            "data": tmp_path,
            "headers": tmp_path / "include" / "python" / "demo",
        }
        assert target.site_paths == (tmp_path,)
        assert target.prefix == tmp_path
        assert not target.is_virtual

    def test_a_relative_folder_is_taken_from_the_working_folder(self) -> None:
        target = target_of(Path(sys.executable), target=Path("../../lib"))
        assert target.scheme.purelib == Path("/lib")


class TestUser:
    def test_a_closed_environment_has_no_user_scheme(self, environment: Path) -> None:
        with pytest.raises(UsageError) as caught:
            target_of(environment, user=True)
        assert caught.value.message == "`--user` has no effect in a virtual environment"
        assert caught.value.context == (f"the environment is `{environment.parent.parent}`",)

    def test_one_open_to_its_base_has(self, tmp_path: Path) -> None:
        folder = tmp_path / "open"
        options = ["--without-pip", "--system-site-packages"]
        subprocess.run([sys.executable, "-m", "venv", *options, folder], check=True)
        target = target_of(folder / "bin" / "python", user=True)
        assert target.scheme.purelib.is_relative_to(Path.home())


class TestExternallyManaged:
    """PEP 668: "indicate ... that installers should not install into the environment"."""

    MARKER = (
        "[externally-managed]\nError=Use the system's tool.\n {}\n And be well.\nError-de=Nein.\n"
    )

    def interpreter(self, tmp_path: Path, text: str | None) -> object:
        from vinstall.values import replace

        found = probe(Path("/usr/bin/python3"))
        if text is not None:
            (tmp_path / "EXTERNALLY-MANAGED").write_text(text)
        return replace(found, stdlib=tmp_path)

    @pytest.fixture(autouse=True)
    def _needs_a_system_python(self) -> None:
        if not Path("/usr/bin/python3").exists():
            pytest.skip("there is no system Python")

    @pytest.mark.parametrize(
        ("environ", "expected"),
        [
            ({}, "Use the system's tool.\n{}\nAnd be well."),
            ({"LANG": "de_DE.UTF-8"}, "Nein."),
            ({"LC_ALL": "fr_FR", "LANG": "de_DE"}, "Use the system's tool.\n{}\nAnd be well."),
        ],
    )
    def test_the_message_is_read_in_the_users_language(
        self, tmp_path: Path, environ: dict[str, str], expected: str
    ) -> None:
        interpreter = self.interpreter(tmp_path, self.MARKER)
        assert layout.externally_managed(interpreter, environ) == expected  # type: ignore[arg-type]

    @pytest.mark.parametrize("text", ["", "[other]\nError=x\n", "garbage ]["])
    def test_a_marker_without_a_message_still_counts(self, tmp_path: Path, text: str) -> None:
        interpreter = self.interpreter(tmp_path, text)
        assert layout.externally_managed(interpreter, {}) == ""  # type: ignore[arg-type]

    def test_no_marker_is_no_message(self, tmp_path: Path) -> None:
        interpreter = self.interpreter(tmp_path, None)
        assert layout.externally_managed(interpreter, {}) is None  # type: ignore[arg-type]

    def test_a_managed_target_is_refused_with_the_ways_out(self) -> None:
        target = target_of(Path("/usr/bin/python3"))
        if target.externally_managed is None:
            pytest.skip("the system Python is not managed")
        with pytest.raises(TargetError) as caught:
            layout.refuse_managed(target)
        assert caught.value.message == (
            "the environment of `/usr/bin/python3` is managed by the system's own packages"
        )
        assert caught.value.context
        assert caught.value.hint is not None
        assert "--break-system-packages" in caught.value.hint

    @pytest.mark.parametrize(
        "place",
        [
            {"break_system_packages": True},
            {"target": Path("x")},
            {"prefix": Path("x")},
            {"root": Path("x")},
        ],
        ids=lambda place: next(iter(place)),
    )
    def test_other_layouts_and_consent_are_not_refused(self, place: dict[str, object]) -> None:
        target = target_of(Path("/usr/bin/python3"), **place)
        assert target.externally_managed is None
        layout.refuse_managed(target)

    def test_the_user_scheme_is_managed_too(self) -> None:
        managed = target_of(Path("/usr/bin/python3")).externally_managed
        assert target_of(Path("/usr/bin/python3"), user=True).externally_managed == managed
