"""`download`: the files of a resolution in a folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.wheels import make_wheel
from tests.workflows.environments import Site, variant_json
from vinstall.errors import HashMismatch, IntegrityError, ResolutionError, SourceError
from vinstall.workflows.download_files import Downloaded, download
from vinstall.workflows.settings import Settings, SourceSettings, TargetSettings, VariantSettings

BACKEND = """
import zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    import shutil
    shutil.copy({wheel!r}, wheel_directory)
    return {wheel!r}.rpartition("/")[2]
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def links(site: Site) -> Path:
    return site.root / "links"


def run(site: Site, *words: str, folder: str = "files", **more: Any) -> list[Downloaded]:
    sources = SourceSettings(no_index=True, find_links=(str(links(site)),))
    settings = Settings(requirements=words, sources=sources, cache_dir=site.root / "cache", **more)
    return list(download(settings, Path(folder), site.invocation, site.listener))


def there(site: Site) -> list[str]:
    return sorted(path.name for path in (site.root / "files").iterdir())


def source_tree(site: Site, folder: Path) -> None:
    """A project that builds into a ready wheel."""
    wheel = make_wheel(site.root / "ready", "made", "0.1", requires=["lib"])
    folder.mkdir(parents=True)
    (folder / "backend.py").write_text(BACKEND.format(wheel=str(wheel)))
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "made"\nversion = "0.1"\ndependencies = ["lib"]\n'
    )


class TestFiles:
    def test_all_that_would_be_installed(self, site: Site) -> None:
        make_wheel(links(site), "app", requires=["lib>=1"])
        wheel = make_wheel(links(site), "lib", "1.5")
        app, lib = run(site, "app")
        assert there(site) == ["app-1.0-py3-none-any.whl", "lib-1.5-py3-none-any.whl"]
        assert lib.path.read_bytes() == wheel.read_bytes()
        assert lib.as_json() == {
            "name": "lib",
            "version": "1.5",
            "filename": wheel.name,
            "path": str(site.root / "files" / wheel.name),
            "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
            "size": wheel.stat().st_size,
            "variant": {"label": None, "properties": [], "skipped": []},
        }
        assert not app.was_there

    def test_what_is_installed_does_not_count(self, site: Site) -> None:
        make_wheel(links(site), "app")
        site.put("app")
        assert len(run(site, "app", target=TargetSettings(target=site.folder))) == 1
        assert there(site) == ["app-1.0-py3-none-any.whl"]

    def test_one_that_is_there_stays(self, site: Site) -> None:
        make_wheel(links(site), "app")
        (first,) = run(site, "app")
        written = first.path.stat().st_mtime_ns
        (again,) = run(site, "app")
        assert again.was_there
        assert again.path.stat().st_mtime_ns == written

    def test_another_file_of_that_name_is_replaced(self, site: Site) -> None:
        wheel = make_wheel(links(site), "app")
        (site.root / "files").mkdir()
        (site.root / "files" / wheel.name).write_text("something else")
        (one,) = run(site, "app")
        assert one.path.read_bytes() == wheel.read_bytes()

    def test_a_folder_in_the_way(self, site: Site) -> None:
        wheel = make_wheel(links(site), "app")
        (site.root / "files" / wheel.name).mkdir(parents=True)
        with pytest.raises(SourceError, match="is a folder, where a file was to go"):
            run(site, "app")


class TestSources:
    def test_a_source_distribution_is_kept_as_it_is(self, site: Site) -> None:
        tree = site.root / "made-0.1"
        source_tree(site, tree)
        (tree / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: made\nVersion: 0.1\n")
        links(site).mkdir()
        with tarfile.open(links(site) / "made-0.1.tar.gz", "w:gz") as archive:
            archive.add(tree, "made-0.1")
        make_wheel(links(site), "lib")
        run(site, "made")
        assert there(site) == ["lib-1.0-py3-none-any.whl", "made-0.1.tar.gz"]

    def test_of_a_folder_the_wheel_it_builds_into_is_kept(self, site: Site) -> None:
        source_tree(site, site.root / "tree")
        make_wheel(links(site), "lib")
        run(site, "./tree")
        assert there(site) == ["lib-1.0-py3-none-any.whl", "made-0.1-py3-none-any.whl"]


class TestOtherMachines:
    def test_another_platform_and_python(self, site: Site) -> None:
        for tag in ("cp313-cp313-win_amd64", "cp311-cp311-manylinux_2_17_x86_64"):
            make_wheel(links(site), "app", tag=tag, requires=["lib; sys_platform == 'win32'"])
        make_wheel(links(site), "lib")
        place = TargetSettings(python_platform="windows", python_version="3.13")
        run(site, "app", target=place)
        assert there(site) == ["app-1.0-cp313-cp313-win_amd64.whl", "lib-1.0-py3-none-any.whl"]

    def test_source_distributions_are_not_built_for_them(self, site: Site) -> None:
        links(site).mkdir()
        with tarfile.open(links(site) / "made-0.1.tar.gz", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("made-0.1/PKG-INFO"), io.BytesIO())
        with pytest.raises(ResolutionError):
            run(site, "made", target=TargetSettings(python_platform="windows"))

    def test_the_variant_of_a_described_host(self, site: Site) -> None:
        properties = {"nvidia": {"cuda_version_lower_bound": ["12.0"]}}
        table = variant_json("cu12", properties)
        make_wheel(links(site), "app", label="cu12", variant_json=table)
        make_wheel(links(site), "app")
        host = site.root / "host.toml"
        host.write_text(
            '[metadata]\ncreated-by = "x"\nversion = "0.1"\n'
            '[[provider]]\nnamespace = "nvidia"\nresolved = []\n'
            '[provider.properties]\ncuda_version_lower_bound = ["12.8", "12.0"]\n'
        )
        (one,) = run(site, "app", variants=VariantSettings(host=host))
        assert one.path.name == "app-1.0-py3-none-any-cu12.whl"
        assert [one.path.name for one in run(site, "app")] == ["app-1.0-py3-none-any.whl"]


class TestHashes:
    def test_a_listed_hash_is_compared(self, site: Site) -> None:
        wheel = make_wheel(links(site), "app")
        digest = hashlib.sha512(wheel.read_bytes()).hexdigest()
        (site.root / "good.txt").write_text(f"app==1.0 --hash=sha512:{digest}\n")
        (site.root / "bad.txt").write_text(f"app==1.0 --hash=sha256:{'0' * 64}\n")
        assert len(run(site, requirement_files=("good.txt",))) == 1
        with pytest.raises((HashMismatch, ResolutionError)):
            run(site, requirement_files=("bad.txt",), folder="other")
        assert not (site.root / "other").exists()

    def test_all_need_one_where_hashes_are_required(self, site: Site) -> None:
        make_wheel(links(site), "app")
        with pytest.raises(IntegrityError, match="hashes are required, and `app` has none"):
            run(site, "app", require_hashes=True)
