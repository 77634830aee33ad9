"""`uninstall`: what leaves, what would break, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows.environments import Site, variant_json
from vinstall.errors import InstallationError, UsageError
from vinstall.workflows.uninstall import UninstallPlan, UninstallReport, uninstall


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def yes(_plan: UninstallPlan) -> bool:
    return True


def run(
    site: Site,
    *words: str,
    confirm: Callable[[UninstallPlan], bool] = yes,
    files: tuple[str, ...] = (),
    dry_run: bool = False,
) -> UninstallReport:
    settings = site.settings(requirements=words, requirement_files=files, dry_run=dry_run)
    return uninstall(settings, site.invocation, site.listener, confirm=confirm)


def left(site: Site) -> list[str]:
    return sorted(path.name for path in site.folder.iterdir())


class TestWhatLeaves:
    def test_all_that_is_named_and_nothing_else(self, site: Site) -> None:
        for name in ("one", "two", "three"):
            site.put(name)
        report = run(site, "One", "two==99; python_version < '3'")
        assert report.done
        assert [removal.distribution.name for removal in report.plan.leaving] == ["one", "two"]
        assert left(site) == ["three-1.0.dist-info", "three.py"]

    def test_what_requirements_files_list(self, site: Site) -> None:
        for name in ("one", "two", "three"):
            site.put(name)
        (site.root / "more.txt").write_text("two\n")
        (site.root / "requirements.txt").write_text(
            "one>=1 --hash=sha256:" + "0" * 64 + "\n-r more.txt\n"
        )
        run(site, files=("requirements.txt",))
        assert left(site) == ["three-1.0.dist-info", "three.py"]

    def test_a_folder_it_was_installed_from(self, site: Site) -> None:
        project = site.root / "project"
        project.mkdir()
        info = {"dir_info": {"editable": True}, "url": project.as_uri()}
        site.put("tree", direct=info)
        run(site, "./project")
        assert left(site) == []

    def test_leftovers_of_the_same_name_go_too(self, site: Site) -> None:
        site.put("one", "1.0")
        site.put("one", "2.0")
        report = run(site, "one")
        assert len(report.plan.leaving) == 2
        assert left(site) == []

    def test_what_another_one_lists_too_stays(self, site: Site) -> None:
        site.put("one", files={"space/__init__.py": "", "space/one.py": "1"})
        site.put("two", files={"space/__init__.py": "", "space/two.py": "2"})
        report = run(site, "one")
        (removal,) = report.plan.leaving
        assert str(site.folder / "space" / "__init__.py") not in removal.files
        assert sorted(path.name for path in (site.folder / "space").iterdir()) == [
            "__init__.py",
            "two.py",
        ]


class TestWhatIsSaid:
    def test_what_is_not_installed(self, site: Site) -> None:
        site.put("one")
        report = run(site, "nope", "one")
        assert report.plan.absent == ("nope",)
        assert site.listener.warnings == ["`nope` is not installed"]
        assert left(site) == []

    def test_nothing_installed_asks_nothing(self, site: Site) -> None:
        def never(_plan: UninstallPlan) -> bool:
            raise AssertionError

        assert not run(site, "nope", confirm=never).done

    def test_what_would_break(self, site: Site) -> None:
        site.put("app", requires=["lib>=1", "never; python_version < '3'"])
        site.put("other", requires=["never", "app; extra == 'x'"])
        site.put("lib")
        site.put("never")
        broken = run(site, "lib", "app", dry_run=True).plan.broken
        assert broken == ()
        broken = run(site, "lib", "never", dry_run=True).plan.broken
        assert [(need.dependent.name, need.requirement.name) for need in broken] == [
            ("app", "lib"),
            ("other", "never"),
        ]

    def test_dependents_by_the_markers_of_their_variant(self, site: Site) -> None:
        site.environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = "12.8"
        site.put(
            "torchlike",
            requires=["cuda-lib; 'nvidia' in variant_namespaces"],
            variant=variant_json("cu128", {"nvidia": {"cuda_version_lower_bound": ["12.8"]}}),
        )
        site.put("cuda-lib")
        (need,) = run(site, "cuda-lib", dry_run=True).plan.broken
        assert need.dependent.name == "torchlike"

    def test_nobody_is_told_of_providers(self, site: Site) -> None:
        site.put("moonlike", variant=variant_json("m1", {"moon": {"phase": ["full"]}}))
        site.put("lib")
        run(site, "lib")
        assert (site.listener.notices, site.listener.warnings) == ([], [])


class TestWhatChangesNothing:
    def test_a_dry_run(self, site: Site) -> None:
        site.put("one")
        before = left(site)
        assert not run(site, "one", dry_run=True).done
        assert left(site) == before

    def test_a_no(self, site: Site) -> None:
        site.put("one")
        before = left(site)
        assert not run(site, "one", confirm=lambda _plan: False).done
        assert left(site) == before

    def test_nothing_named(self, site: Site) -> None:
        with pytest.raises(UsageError, match="there is nothing to uninstall"):
            run(site)

    def test_no_requirement(self, site: Site) -> None:
        with pytest.raises(UsageError, match="`>=` is no requirement"):
            run(site, ">=")

    def test_one_of_several_that_cannot_be_removed(self, site: Site) -> None:
        site.put("one")
        (site.put("two") / "RECORD").unlink()
        before = left(site)
        with pytest.raises(InstallationError) as caught:
            run(site, "one", "two")
        assert caught.value.message == "`two` 1.0 cannot be uninstalled"
        assert left(site) == before

    def test_what_conda_installed(self, site: Site) -> None:
        site.put("one")
        site.put("two", installer="conda")
        before = left(site)
        with pytest.raises(InstallationError) as caught:
            run(site, "one", "two")
        assert caught.value.message == "`two` 1.0 was installed by conda"
        assert caught.value.hint == (
            "use `conda remove two`; `--break-system-packages` does it all the same"
        )
        assert left(site) == before
