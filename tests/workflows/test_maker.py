"""The makers' verbs that need a network."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from vinstall.errors import SourceError
from vinstall.formats.variant_json import parse_property
from vinstall.observer import Observer
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.maker import CheckRequest, check_place, mirror_projects
from vinstall.workflows.settings import Settings, SourceSettings
from vinstall.workshop.index_build import build_index
from vinstall.workshop.repack import make_variant
from vinstall.workshop.serve import serve_index
from vinstall.workshop.variant_definition import define, wheel_table


@pytest.fixture
def invocation(tmp_path: Path) -> Invocation:
    return Invocation(
        environ={"HOME": str(tmp_path)},
        folder=tmp_path,
        python=Path(sys.executable),
        is_virtual=True,
        time=time.time(),
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    for version in ("1.0", "2.0"):
        plain = make_wheel(folder, version=version)
        prop = parse_property("x86_64 :: level :: v3")
        table = wheel_table(define((), (prop,)), "v3", (prop,))
        made = make_variant(plain, folder, table=table).path
        os.utime(made, (1_600_000_000, 1_600_000_000))
    build_index(folder)
    return folder


@pytest.fixture
def url(site: Path) -> Iterator[str]:
    with serve_index(site).running() as found:
        yield found


def settings(url: str) -> Settings:
    return Settings(sources=SourceSettings(index_url=url), no_cache=True)


class TestCheck:
    def test_an_index_at_a_url(self, url: str, invocation: Invocation) -> None:
        for deep in (False, True):
            request = CheckRequest(url, (), deep)
            report = check_place(request, settings(url), invocation, Observer())
            assert (report.faults, report.files) == ((), 4)

    def test_deep_opens_a_wheel_of_each_label(
        self, site: Path, url: str, invocation: Invocation
    ) -> None:
        other = parse_property("x86_64 :: level :: v4")
        table = wheel_table(define((), (other,)), "v3", (other,))
        plain = site / "demo-2.0-py3-none-any.whl"
        make_variant(plain, site, table=table, overwrite=True)
        shallow = check_place(CheckRequest(url), settings(url), invocation, Observer())
        assert shallow.faults == ()
        deep = check_place(CheckRequest(url, (), True), settings(url), invocation, Observer())
        assert [fault.sentence() for fault in deep.faults] == [
            "demo-2.0-py3-none-any-v3.whl: variants.v3: two documents of one release give it other "
            "properties [index-agreement]"
        ]

    def test_a_folder_is_taken_from_the_current_one(
        self, site: Path, invocation: Invocation
    ) -> None:
        report = check_place(CheckRequest("site"), Settings(), invocation, Observer())
        assert report.faults == ()
        assert report.files == 4


class TestMirror:
    def test_chosen_releases_come_over_with_their_times(
        self, url: str, tmp_path: Path, invocation: Invocation
    ) -> None:
        folder = tmp_path / "mirror"
        done = mirror_projects(folder, ["demo<2"], settings(url), invocation, Observer())
        assert done == (2, 0)
        assert sorted(os.listdir(folder)) == [
            "demo-1.0-py3-none-any-v3.whl",
            "demo-1.0-py3-none-any.whl",
        ]
        assert (folder / "demo-1.0-py3-none-any-v3.whl").stat().st_mtime == 1_600_000_000
        again = mirror_projects(folder, ["demo"], settings(url), invocation, Observer())
        assert again == (2, 2)
        build_index(folder)
        report = check_place(CheckRequest("mirror"), Settings(), invocation, Observer())
        assert (report.faults, report.files) == ((), 4)

    def test_a_project_the_index_does_not_have(
        self, url: str, tmp_path: Path, invocation: Invocation
    ) -> None:
        with pytest.raises(SourceError, match="the index has no project `nothing`"):
            mirror_projects(tmp_path / "m", ["nothing"], settings(url), invocation, Observer())
