"""`wheel build` with a real backend, a real environment and a real import."""

from __future__ import annotations

import os
import sys
import time
import zipfile
from pathlib import Path

import pytest

from vinstall.errors import BuildError
from vinstall.observer import Observer
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.maker_build import build_project, copied_tree
from vinstall.workflows.settings import Settings, SourceSettings, TargetSettings
from vinstall.workshop.inspection import inspect_wheel
from vinstall.workshop.variant_build import BuildRequest, BuiltVariant

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[variant.default-priorities]
namespace = ["openmp"]

[variant.variants.gomp]
openmp.provider = ["gnu"]
build-environment = { FLAVOUR = "sweet" }
config-settings = { number = "1", several = ["a", "b"] }

[variant.variants.null]
test-imports = ["demo"]
"""

BACKEND = """
import base64, hashlib, os, pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    left = pathlib.Path("build", "lib.x")
    old = left.exists()
    left.mkdir(parents=True, exist_ok=True)
    body = f"SETTINGS = {config_settings!r}\\nFLAVOUR = {os.environ.get('FLAVOUR')!r}\\nOLD = {old!r}\\n"
    files = {
        "demo.py": body + pathlib.Path("more.py").read_text(),
        "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n",
        "demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = ""
    name = "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
            record += f"{path},sha256={digest.rstrip('=')},{len(text.encode())}\\n"
        archive.writestr("demo-1.0.dist-info/RECORD", record + "demo-1.0.dist-info/RECORD,,\\n")
    return name
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "more.py").write_text("")
    (folder / "build" / "lib.old").mkdir(parents=True)
    return folder


def build(project: Path, *labels: str) -> tuple[BuiltVariant, ...]:
    place = project.parent
    settings = Settings(
        sources=SourceSettings(no_index=True),
        target=TargetSettings(python=sys.executable),
        cache_dir=place / "cache",
    )
    invocation = Invocation(
        environ={**os.environ, "HOME": str(place)},
        folder=place,
        python=Path(sys.executable),
        is_virtual=True,
        time=time.time(),
    )
    request = BuildRequest(project=project, labels=labels, output=place / "dist", epoch=10**9)
    return build_project(request, settings, invocation, Observer())


def content(built: BuiltVariant) -> list[str]:
    with zipfile.ZipFile(built.wheel.path) as archive:
        return archive.read("demo.py").decode().splitlines()


class TestBuild:
    def test_each_label_gets_its_environment_and_settings_and_a_fresh_tree(
        self, project: Path
    ) -> None:
        gomp, null = build(project)
        assert content(gomp) == [
            "SETTINGS = {'number': '1', 'several': ['a', 'b'], 'variant-label': 'gomp'}",
            "FLAVOUR = 'sweet'",
            "OLD = False",
        ]
        assert content(null) == [
            "SETTINGS = {'variant-label': 'null'}",
            "FLAVOUR = None",
            "OLD = False",
        ]
        for built in (gomp, null):
            assert inspect_wheel(built.wheel.path).faults == ()
            assert (built.modules, built.untested) == (("demo",), None)
        assert sorted(os.listdir(project)) == ["backend.py", "build", "more.py", "pyproject.toml"]
        assert os.listdir(project / "build") == ["lib.old"]

    def test_what_does_not_import_is_not_kept(self, project: Path) -> None:
        (project / "more.py").write_text("raise RuntimeError('no such library')\n")
        with pytest.raises(BuildError) as caught:
            build(project, "gomp")
        assert caught.value.message == (
            "`demo-1.0-py3-none-any-gomp.whl` was built and cannot be imported"
        )
        assert caught.value.context[-1] == "RuntimeError: no such library"
        assert not (project.parent / "dist").exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
    def test_a_processor_that_cannot_run_it_is_no_fault_of_the_wheel(self, project: Path) -> None:
        (project / "more.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)\n")
        (built,) = build(project, "gomp")
        assert built.untested == "this processor lacks an instruction it uses"


def test_a_copied_tree_leaves_environments_and_old_objects_behind(project: Path) -> None:
    (project / "env").mkdir()
    (project / "env" / "pyvenv.cfg").write_text("")
    (project / "src" / "build").mkdir(parents=True)
    with copied_tree(project) as tree:
        assert tree.name == "project"
        found = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*"))
    assert found == ["backend.py", "more.py", "pyproject.toml", "src", "src/build"]
    assert not tree.exists()
