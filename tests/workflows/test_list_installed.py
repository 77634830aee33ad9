"""`list`: what is shown of each distribution, and which are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.wheels import make_wheel
from tests.workflows.environments import Site, variant_json
from vinstall.errors import UsageError
from vinstall.workflows.inventory import ShownVariant
from vinstall.workflows.list_installed import (
    Listed,
    ListWishes,
    list_installed,
    names_installed,
)
from vinstall.workflows.settings import SourceSettings


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def listed(site: Site, *, settings: dict[str, Any] | None = None, **wishes: Any) -> list[Listed]:
    chosen = site.settings(**(settings or {}))
    return list(list_installed(chosen, ListWishes(**wishes), site.invocation, site.listener))


def names(found: list[Listed]) -> list[str]:
    return [one.name for one in found]


class TestEach:
    def test_names_and_versions_as_the_metadata_spells_them(self, site: Site) -> None:
        site.put("Odd.Name", metadata="Metadata-Version: 2.1\nName: Odd.Name\nVersion: 01.0\n\nx")
        (one,) = listed(site)
        assert (one.name, one.version, str(one.distribution.version)) == ("Odd.Name", "01.0", "1.0")

    def test_metadata_that_is_missing(self, site: Site) -> None:
        (site.put("odd-name") / "METADATA").unlink()
        (one,) = listed(site)
        assert (one.name, one.version) == ("odd-name", "1.0")

    def test_the_variant_with_its_properties(self, site: Site) -> None:
        properties = {"x86_64": {"level": ["v3"]}, "blas": {"library": ["mkl", "openblas"]}}
        site.put("app", variant=variant_json("fast", properties))
        (one,) = listed(site)
        assert one.variant == ShownVariant(
            label="fast",
            properties=(
                "blas :: library :: mkl",
                "blas :: library :: openblas",
                "x86_64 :: level :: v3",
            ),
        )

    def test_a_variant_that_cannot_be_read(self, site: Site) -> None:
        site.put("app", variant="[]")
        (one,) = listed(site)
        assert one.variant is not None
        assert one.variant.label == "unreadable"
        assert one.variant.as_json()["fault"]

    def test_installer_and_build_tag(self, site: Site) -> None:
        site.put("app", installer="pip", build="7")
        (one,) = listed(site)
        assert (one.installer, one.build, one.variant) == ("pip", "7", None)

    def test_where_an_editable_one_is(self, site: Site) -> None:
        folder = site.root / "a b"
        folder.mkdir()
        site.put("app", direct={"url": folder.as_uri(), "dir_info": {"editable": True}})
        site.put("lib", direct={"url": folder.as_uri(), "dir_info": {}})
        assert [one.editable_location for one in listed(site)] == [str(folder), None]


class TestWhich:
    def test_all_by_name_but_what_is_part_of_python(self, site: Site) -> None:
        for name in ("b", "A", "argparse", "wsgiref"):
            site.put(name)
        assert names(listed(site)) == ["A", "b"]
        assert names_installed(site.settings(), site.invocation) == ("a", "b")

    def test_excluded_ones(self, site: Site) -> None:
        for name in ("one", "two-b"):
            site.put(name)
        assert names(listed(site, exclude=("Two_B",))) == ["one"]

    def test_editable_ones(self, site: Site) -> None:
        site.put("one", direct={"url": "file:///x", "dir_info": {"editable": True}})
        site.put("two")
        assert names(listed(site, editable=True)) == ["one"]
        assert names(listed(site, exclude_editable=True)) == ["two"]

    def test_those_nothing_requires(self, site: Site) -> None:
        site.put("app", requires=["lib", "spare; extra == 'x'"])
        site.put("lib")
        site.put("spare")
        assert names(listed(site, not_required=True)) == ["app", "spare"]

    def test_other_folders(self, site: Site) -> None:
        site.put("one")
        other = site.root / "other"
        other.mkdir()
        assert listed(site, paths=(other, site.root / "absent")) == []
        assert names(listed(site, paths=(Path("site"),))) == ["one"]


class TestNewer:
    @pytest.fixture
    def links(self, site: Site) -> dict[str, Any]:
        folder = site.root / "links"
        for version in ("1.0", "2.0", "3.0rc1"):
            make_wheel(folder, "app", version)
        make_wheel(folder, "app", "4.0", tag="cp27-none-any")
        make_wheel(folder, "lib", "1.0")
        (folder / "sdist-2.0.tar.gz").write_bytes(b"")
        return {"sources": SourceSettings(no_index=True, find_links=(str(folder),))}

    def test_outdated_ones(self, site: Site, links: dict[str, Any]) -> None:
        for name in ("app", "lib", "sdist", "local"):
            site.put(name)
        found = listed(site, settings=links, outdated=True)
        assert [
            (one.name, str(one.latest.version), one.latest.filetype) for one in found if one.latest
        ] == [("app", "2.0", "wheel"), ("sdist", "2.0", "sdist")]

    def test_those_that_are_the_newest(self, site: Site, links: dict[str, Any]) -> None:
        for name in ("app", "lib", "local"):
            site.put(name)
        assert names(listed(site, settings=links, uptodate=True)) == ["lib"]

    def test_prereleases_count_where_they_are_welcome(
        self, site: Site, links: dict[str, Any]
    ) -> None:
        site.put("app", "2.0")
        assert listed(site, settings=links, outdated=True) == []
        (one,) = listed(site, settings={**links, "pre": True}, outdated=True)
        assert one.latest is not None
        assert str(one.latest.version) == "3.0rc1"

    def test_the_label_that_would_be_chosen(self, site: Site, links: dict[str, Any]) -> None:
        properties = {"blas": {"library": ["mkl"]}}
        table = variant_json("fast", properties)
        make_wheel(site.root / "links", "app", "5.0", label="fast", variant_json=table)
        site.put("app")
        (one,) = listed(site, settings=links, outdated=True)
        assert one.latest is not None
        assert (str(one.latest.version), one.latest.label) == ("5.0", "fast")

    def test_both_at_once_mean_nothing(self, site: Site) -> None:
        with pytest.raises(UsageError, match="contradict each other"):
            listed(site, outdated=True, uptodate=True)


def test_direct_urls_that_are_no_json_do_no_harm(site: Site) -> None:
    site.put("app", direct=json.loads('{"dir_info": 3}'))
    (site.folder / "app-1.0.dist-info" / "direct_url.json").write_text("{")
    (one,) = listed(site)
    assert one.editable_location is None
