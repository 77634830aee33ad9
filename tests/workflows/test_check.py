"""`check`: every kind of finding, in its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.environments import Site, variant_json
from vinstall.workflows.check import EnvironmentCheck, check
from vinstall.workflows.finding import Kind

CUDA_12 = {"nvidia": {"cuda_version_lower_bound": ["12.8"]}}
CUDA_13 = {"nvidia": {"cuda_version_lower_bound": ["13.0"]}}
DRIVER = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def checked(site: Site, *, contents: bool = False) -> EnvironmentCheck:
    return check(site.settings(), site.invocation, site.listener, contents=contents)


def sentences(site: Site, *, contents: bool = False) -> list[str]:
    return [finding.sentence for finding in checked(site, contents=contents).findings]


class TestRequirements:
    def test_what_is_met_is_no_finding(self, site: Site) -> None:
        site.put("app", requires=["lib>=1", "gone; python_version < '3'", "x; extra == 'y'"])
        site.put("lib", "1.0")
        assert sentences(site) == []

    def test_missing_first_then_conflicts(self, site: Site) -> None:
        site.put("app", requires=["lib>=2", "gone", "gone>1"])
        site.put("zoo", requires=["lost"])
        site.put("lib", "1.0")
        assert sentences(site) == [
            "app 1.0 requires gone, which is not installed.",
            "zoo 1.0 requires lost, which is not installed.",
            "app 1.0 has requirement lib>=2, but you have lib 1.0.",
        ]

    def test_a_prerelease_that_is_installed_counts(self, site: Site) -> None:
        site.put("app", requires=["lib>=1"])
        site.put("lib", "2.0rc1")
        assert sentences(site) == []

    def test_extras_that_another_distribution_asks_for(self, site: Site) -> None:
        """pip does not look at them."""
        site.put("app", requires=["lib[fast]"])
        site.put("lib", requires=["speed; extra == 'fast'", "other; extra == 'slow'"])
        assert sentences(site) == ["lib 1.0 requires speed, which is not installed."]

    def test_markers_are_those_of_the_installed_variant(self, site: Site) -> None:
        needs = [
            "cuda-lib; 'nvidia' in variant_namespaces",
            "null-lib; variant_label == 'null'",
            "plain-lib; variant_label == ''",
        ]
        site.environ[DRIVER] = "12.8"
        site.put("torchlike", requires=needs, variant=variant_json("cu128", CUDA_12))
        assert sentences(site) == ["torchlike 1.0 requires cuda-lib, which is not installed."]
        site.put("torchlike", requires=needs)
        (site.folder / "torchlike-1.0.dist-info" / "variant.json").unlink()
        assert sentences(site) == [
            "torchlike 1.0 requires plain-lib, which is not installed.",
        ]

    def test_legacy_requirements(self, site: Site) -> None:
        info = site.folder / "old-1.0.egg-info"
        info.mkdir()
        (info / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: old\nVersion: 1.0\n")
        (info / "requires.txt").write_text("lib>=2\n\n[:python_version<'3']\nnever\n[x]\nextra\n")
        site.put("lib", "1.0")
        assert sentences(site) == ["old 1.0 has requirement lib>=2, but you have lib 1.0."]

    def test_metadata_that_cannot_be_read(self, site: Site) -> None:
        site.put("bad", metadata="Name: bad\nVersion: 1.0\nRequires-Dist: ??\n")
        (finding,) = checked(site).faults
        assert finding.kind is Kind.UNREADABLE_METADATA
        assert finding.sentence.startswith(
            "bad 1.0 has metadata that cannot be used: Requires-Dist"
        )


class TestVariants:
    def test_one_that_this_host_supports(self, site: Site) -> None:
        site.environ[DRIVER] = "12.8"
        site.put("torchlike", variant=variant_json("cu128", CUDA_12))
        found = checked(site)
        assert found.findings == ()
        (one,) = found.variants
        assert (one.name, one.variant.label, one.against) == ("torchlike", "cu128", None)
        assert one.variant.properties == ("nvidia :: cuda_version_lower_bound :: 12.8",)

    def test_one_that_this_host_no_longer_supports(self, site: Site) -> None:
        site.environ[DRIVER] = "12.8"
        site.put("torchlike", variant=variant_json("cu130", CUDA_13))
        found = checked(site)
        assert [finding.sentence for finding in found.faults] == [
            "torchlike 1.0 is the variant `cu130`, which no longer runs here: "
            "it needs CUDA 13.0, the driver offers 12.8."
        ]
        assert found.variants[0].against == "needs CUDA 13.0, the driver offers 12.8"

    def test_a_null_variant_runs_everywhere(self, site: Site) -> None:
        site.put("torchlike", variant=variant_json("null", {}))
        assert checked(site).faults == ()

    def test_a_document_that_cannot_be_read(self, site: Site) -> None:
        site.put("torchlike", variant="{")
        found = checked(site)
        assert [finding.kind for finding in found.faults] == [Kind.UNREADABLE_METADATA]
        assert found.faults[0].sentence.startswith(
            "torchlike 1.0 has a `variant.json` that cannot be used: "
        )
        assert found.variants[0].variant.label == "unreadable"

    @pytest.mark.parametrize(
        ("version", "fits"), [("2.9.1", True), ("2.10.0", False), (None, True)]
    )
    def test_a_build_for_another_version_of_what_it_binds_to(
        self, site: Site, version: str | None, fits: bool
    ) -> None:
        bound = {"abi_dependency": {"torch": ["2.8", "2.9"]}}
        site.put("flash", variant=variant_json("t29", bound))
        if version is not None:
            site.put("torch", version)
        assert sentences(site) == (
            []
            if fits
            else [
                "flash 1.0 is the variant `t29`, built for torch==2.9.* or torch==2.8.*, "
                "but you have torch 2.10.0."
            ]
        )


class TestPlatform:
    def test_a_wheel_for_another_one(self, site: Site) -> None:
        site.put("elsewhere", tag="cp27-cp27m-win32")
        site.put("here")
        assert sentences(site) == ["elsewhere 1.0 is not supported on this platform"]


class TestCuda:
    def test_names_versions_and_labels_of_two_majors(self, site: Site) -> None:
        site.environ[DRIVER] = "13.0"
        site.put("nvidia-cublas-cu12", "12.8.1")
        site.put("nvidia-cuda-runtime", "13.0.48")
        site.put("cupy-cuda13x")
        site.put("vision", "0.24+cu128")
        site.put("torchlike", variant=variant_json("cu130", CUDA_13))
        assert sentences(site) == [
            "Builds for 2 major versions of CUDA are mixed: "
            "CUDA 12: nvidia-cublas-cu12, vision; "
            "CUDA 13: cupy-cuda13x, nvidia-cuda-runtime, torchlike (variant `cu130`)."
        ]
        assert checked(site).faults[0].kind is Kind.MIXED_CUDA

    def test_one_major_is_fine(self, site: Site) -> None:
        site.environ[DRIVER] = "12.8"
        site.put("nvidia-cublas-cu12", "12.8.1")
        site.put("nvidia-cusparselt-cu12", "0.7.1")
        site.put("nvidia-ml-py", "13.580")
        site.put("torchlike", variant=variant_json("cu128", CUDA_12))
        assert sentences(site) == []


class TestFiles:
    def test_one_that_is_missing(self, site: Site) -> None:
        site.put("app", files={"app/a.py": "", "app/b.py": "", "app/__pycache__/a.pyc": ""})
        for name in ("a.py", "b.py", "__pycache__/a.pyc"):
            (site.folder / "app" / name).unlink()
        (finding,) = checked(site).faults
        first, second = (str(site.folder / "app" / name) for name in ("a.py", "b.py"))
        assert finding.sentence == f"app 1.0 lacks `{first}` and 1 more."
        assert finding.files == (first, second)

    def test_two_owners_with_different_contents(self, site: Site) -> None:
        site.put("one", files={"common.py": "1"})
        site.put("two", files={"common.py": "2"})
        (finding,) = checked(site).findings
        path = site.folder / "common.py"
        assert finding.sentence == (
            f"one and two own the same file, with different contents: `{path}`."
        )
        assert finding.is_fault

    def test_two_owners_that_agree_are_a_note(self, site: Site) -> None:
        site.put("one", files={"space/__init__.py": "", "space/one.py": "1"})
        site.put("two", files={"space/__init__.py": "", "space/two.py": "2"})
        found = checked(site)
        assert [finding.kind for finding in found.findings] == [Kind.SHARED_FILE]
        assert found.faults == ()

    def test_one_that_was_changed(self, site: Site) -> None:
        site.put("app")
        (site.folder / "app.py").write_text("changed")
        assert sentences(site) == []
        assert sentences(site, contents=True) == [
            f"app 1.0 was changed since it was installed: `{site.folder / 'app.py'}`."
        ]

    def test_nothing_was_changed(self, site: Site) -> None:
        site.put("app", files={"a.py": "x", "with space.txt": "y"})
        assert sentences(site, contents=True) == []

    def test_a_record_that_cannot_be_read(self, site: Site) -> None:
        info = site.put("app")
        (info / "RECORD").write_text("a,b,c,d,e\n")
        (finding,) = checked(site).faults
        assert finding.kind is Kind.UNREADABLE_METADATA
        assert finding.sentence.startswith("app 1.0 has an unreadable RECORD: ")


class TestLeftovers:
    def test_a_project_that_is_there_twice(self, site: Site) -> None:
        site.put("app", "1.0")
        other = site.put("app", "2.0", files={})
        (finding,) = checked(site).faults
        assert finding.sentence == f"app is installed twice: also 2.0 in `{other}`."

    def test_what_looks_like_a_distribution(self, site: Site) -> None:
        odd = site.folder / "odd.dist-info"
        odd.mkdir()
        (finding,) = checked(site).faults
        assert finding.sentence == (
            f"`{odd}` looks like an installed distribution and has no name or version."
        )
