"""Building, with real backends run in a real interpreter."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.building.trees import make_sdist, make_tree
from vinstall.building.builder import Builder, BuildFolders, BuildOptions
from vinstall.errors import BuildError
from vinstall.formats.simple_api import RemoteFile
from vinstall.observer import Observer
from vinstall.selection.release import SourceDistribution
from vinstall.sources.source import FetchedFile, Follow


class LocalReader:
    """Reads `file:` URLs."""

    def read(self, file: RemoteFile) -> bytes:
        return self.download(file).path.read_bytes()

    def core_metadata(self, file: RemoteFile) -> bytes:
        with zipfile.ZipFile(self.download(file).path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
            return archive.read(name)

    def variant_metadata(self, file: RemoteFile) -> bytes | None:
        return None

    def download(self, file: RemoteFile, *, follow: Follow | None = None) -> FetchedFile:
        path = Path(file.url.removeprefix("file://"))
        return FetchedFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


class ThisEnvironment:
    """The interpreter of the tests; remembers what it was asked to install."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    @property
    def python(self) -> Path:
        return Path(sys.executable)

    @property
    def scripts(self) -> Path:
        return Path(sys.executable).parent

    def install(self, requirements: Sequence[str]) -> None:
        self.asked.append(tuple(requirements))


class Maker:
    """A Builder over `folder`, and the environments it made."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.environments: list[ThisEnvironment] = []
        self.folders = BuildFolders(
            wheels=folder / "wheels", mirrors=folder / "mirrors", logs=folder / "logs"
        )
        self.builder = Builder(
            reader=LocalReader(),
            folders=self.folders,
            options=BuildOptions(**options),  # type: ignore[arg-type]
            make_environment=self._make,
            observer=Observer(),
        )

    def _make(self, project: str) -> ThisEnvironment:
        self.environments.append(ThisEnvironment())
        return self.environments[-1]


def sdist(
    path: Path, name: str = "demo", version: str | None = "1.0", *, editable: bool = False
) -> SourceDistribution:
    return SourceDistribution(
        name=canonicalize_name(name),
        version=Version(version) if version else None,
        file=RemoteFile(filename=path.name, url=path.as_uri()),
        source="tests",
        editable=editable,
    )


def test_metadata_and_wheel_of_an_archive(tmp_path: Path) -> None:
    archive = make_sdist(make_tree(tmp_path, requires="Requires-Dist: other>=2\n", extra=("more",)))
    maker = Maker(tmp_path / "cache")
    found = maker.builder.metadata(sdist(archive))
    assert [each.name for each in found.requires_dist] == ["other"]
    wheel = maker.builder.wheel(sdist(archive))
    assert wheel.path.name == "demo-1.0-py3-none-any.whl"
    assert wheel.sha256 == hashlib.sha256(wheel.path.read_bytes()).hexdigest()
    assert [each.asked for each in maker.environments] == [[(), ("more",)]]


def test_a_second_run_takes_the_wheel_built_from_the_same_content(tmp_path: Path) -> None:
    archive = make_sdist(make_tree(tmp_path))
    first = Maker(tmp_path / "cache").builder.wheel(sdist(archive))
    again = Maker(tmp_path / "cache")
    found = again.builder.wheel(sdist(archive))
    assert found.from_cache
    assert found.sha256 == first.sha256
    assert again.environments == []


@pytest.mark.parametrize(
    "options",
    [
        {"settings": {"demo": {"x": "1"}}},
        {"settings": {"": {"y": "2"}}},
        {"interpreter": "other"},
        {"variables": {"CFLAGS": "-march=x86-64-v3"}},
    ],
)
def test_another_setting_or_interpreter_builds_anew(
    tmp_path: Path, options: dict[str, object]
) -> None:
    archive = make_sdist(make_tree(tmp_path))
    Maker(tmp_path / "cache").builder.wheel(sdist(archive))
    assert not Maker(tmp_path / "cache", **options).builder.wheel(sdist(archive)).from_cache


def test_config_settings_reach_the_backend(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "cache", settings={"": {"a": "1"}, "demo": {"b": "2"}})
    wheel = maker.builder.wheel(sdist(make_sdist(make_tree(tmp_path))))
    with zipfile.ZipFile(wheel.path) as archive:
        assert archive.read("demo.py") == b"SETTINGS = {'a': '1', 'b': '2'}"


def test_a_folder_is_built_every_time(tmp_path: Path) -> None:
    tree = make_tree(tmp_path)
    Maker(tmp_path / "cache").builder.wheel(sdist(tree, version=None))
    # Of another length: Python takes bytecode of the same second and length for current.
    (tree / "backend.py").write_text((tree / "backend.py").read_text().replace("'1.0'", "'1.10'"))
    found = Maker(tmp_path / "cache").builder
    assert found.metadata(sdist(tree, version=None)).version == Version("1.10")
    assert found.wheel(sdist(tree, version=None)).path.name == "demo-1.10-py3-none-any.whl"


def test_metadata_that_the_archive_promises_needs_no_build(tmp_path: Path) -> None:
    """PEP 643: fields that are not dynamic are the same in every wheel."""
    info = "Metadata-Version: 2.2\nName: demo\nVersion: 1.0\nRequires-Dist: promised\n"
    archive = make_sdist(make_tree(tmp_path), info)
    maker = Maker(tmp_path / "cache")
    found = maker.builder.metadata(sdist(archive))
    assert [each.name for each in found.requires_dist] == ["promised"]
    assert maker.environments == []


@pytest.mark.parametrize("line", ["Dynamic: Requires-Dist", "Dynamic: requires-python"])
def test_metadata_left_to_the_build_is_asked_of_the_backend(tmp_path: Path, line: str) -> None:
    info = f"Metadata-Version: 2.2\nName: demo\nVersion: 1.0\n{line}\n"
    maker = Maker(tmp_path / "cache")
    maker.builder.metadata(sdist(make_sdist(make_tree(tmp_path), info)))
    assert len(maker.environments) == 1


def test_a_failed_build_shows_the_end_of_the_output_and_keeps_the_whole(tmp_path: Path) -> None:
    tree = make_tree(
        tmp_path, fail='[print("line", i) for i in range(100)]; raise SystemExit("boom")'
    )
    with pytest.raises(BuildError) as caught:
        Maker(tmp_path / "cache").builder.wheel(sdist(make_sdist(tree)))
    error = caught.value
    assert error.message.startswith(
        "`demo-1.0.tar.gz` did not build: `build_wheel` failed, exit code 1"
    )
    assert error.context[-1] == "boom"
    assert error.context[-2] == "line 99"
    assert len(error.context) == 20
    logs = list((tmp_path / "cache" / "logs").iterdir())
    assert error.hint == f"the whole output is in `{logs[0]}`"
    assert "line 0\n" in logs[0].read_text()


def test_a_backend_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    tree = make_tree(tmp_path)
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "missing_backend"\n'
    )
    with pytest.raises(BuildError, match="`missing_backend` cannot be imported"):
        Maker(tmp_path / "cache").builder.wheel(sdist(make_sdist(tree)))


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("other", "1.0", "`demo-1.0.tar.gz` is `demo` by its metadata"),
        ("demo", "2.0", "`demo-1.0.tar.gz` has version 1.0 by its metadata"),
    ],
)
def test_an_archive_that_is_another_project_or_version_is_refused(
    tmp_path: Path, name: str, version: str, message: str
) -> None:
    archive = make_sdist(make_tree(tmp_path))
    with pytest.raises(BuildError) as caught:
        Maker(tmp_path / "cache").builder.metadata(sdist(archive, name, version))
    assert caught.value.message == message


def test_an_editable_build_calls_its_own_hook_and_is_not_kept(tmp_path: Path) -> None:
    tree = make_tree(tmp_path)
    maker = Maker(tmp_path / "cache")
    maker.builder.wheel(sdist(tree, version=None, editable=True))
    assert not maker.folders.wheels.exists()


def test_without_isolation_nothing_is_installed_or_kept(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "cache", isolated=False)
    maker.builder.wheel(sdist(make_sdist(make_tree(tmp_path, extra=("more",)))))
    assert maker.environments[0].asked == []
    assert not maker.folders.wheels.exists()


def test_close_removes_every_temporary_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    maker = Maker(tmp_path / "cache")
    maker.builder.wheel(sdist(make_sdist(make_tree(tmp_path))))
    maker.builder.close()
    assert list((tmp_path / "temporary").iterdir()) == []
