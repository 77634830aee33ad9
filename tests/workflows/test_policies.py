"""Settings in the words of selection and resolution."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from vinstall.catalog.cutoff import Cutoff
from vinstall.errors import UsageError
from vinstall.resolution.options import (
    Dependencies,
    Preferred,
    Prereleases,
    ResolutionOptions,
)
from vinstall.selection.policy import SelectionPolicy
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.policies import resolution_options, selection_policies, upload_cutoff
from vinstall.workflows.settings import Settings, SourceSettings, VariantSettings

INVOCATION = Invocation(
    environ={},
    folder=Path("/here"),
    python=Path("/usr/bin/python3"),
    is_virtual=False,
    time=datetime(2026, 8, 10, tzinfo=UTC).timestamp(),
)


def policy(settings: Settings, name: str = "numpy") -> SelectionPolicy:
    """What may be chosen of one project."""
    return selection_policies(settings, {})(canonicalize_name(name))


class TestSelection:
    def test_the_defaults_of_both_agree(self) -> None:
        assert policy(Settings()) == SelectionPolicy()

    def test_a_label_said_by_name_outweighs_one_said_for_all(self) -> None:
        settings = Settings(variants=VariantSettings(labels=((None, "null"), ("NumPy", "mkl"))))
        assert policy(settings).label == "mkl"
        assert policy(settings, "scipy").label == "null"

    def test_a_name_outweighs_all(self) -> None:
        settings = Settings(only_binary=frozenset({":all:"}), no_binary=frozenset({"NumPy"}))
        assert (policy(settings).wheels, policy(settings).sdists) == (False, True)
        assert (policy(settings, "scipy").wheels, policy(settings, "scipy").sdists) == (True, False)

    def test_preferences_have_one_to_three_parts(self) -> None:
        settings = Settings(variants=VariantSettings(prefer=("nvidia", "x86_64 :: level::v3")))
        assert policy(settings).prefer == (("nvidia",), ("x86_64", "level", "v3"))

    @pytest.mark.parametrize("text", ["", "a::b::c::d", "a::", "::"])
    def test_anything_else_is_no_preference(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            policy(Settings(variants=VariantSettings(prefer=(text,))))
        assert caught.value.message == (f"`--prefer {text}` is no namespace, feature or property")

    def test_any_hash_requires_hashes_of_all(self) -> None:
        """pip: hash-checking mode is on for all once any requirement has a hash."""
        hashes = {canonicalize_name("numpy"): frozenset({("sha256", "12")})}
        policies = selection_policies(Settings(), hashes)
        assert policies(canonicalize_name("numpy")).hashes == {("sha256", "12")}
        assert policies(canonicalize_name("scipy")).require_hashes


class TestResolution:
    def test_the_defaults_of_both_agree(self) -> None:
        assert resolution_options(Settings(), ()) == ResolutionOptions()

    def test_every_choice_is_passed_on(self) -> None:
        settings = Settings(
            pre=True,
            resolution="lowest-direct",
            only_deps=True,
            upgrade=True,
            upgrade_strategy="eager",
            upgrade_packages=frozenset({"A_b"}),
            reinstall=True,
            reinstall_packages=frozenset({"C.d"}),
            prefer_binary=True,
        )
        assert resolution_options(settings, ()) == ResolutionOptions(
            prereleases=Prereleases.ALLOW,
            preferred=Preferred.LOWEST_DIRECT,
            dependencies=Dependencies.ONLY,
            upgrade=True,
            eager=True,
            upgrade_projects=frozenset({canonicalize_name("a-b")}),
            reinstall=True,
            reinstall_projects=frozenset({canonicalize_name("c-d")}),
            prefer_wheels=True,
        )

    def test_neither_projects_nor_dependencies_is_nothing(self) -> None:
        with pytest.raises(UsageError):
            resolution_options(Settings(no_deps=True, only_deps=True), ())


class TestCutoff:
    def test_there_is_none_unless_asked_for(self) -> None:
        assert upload_cutoff(Settings(), INVOCATION) is None

    def test_a_project_may_have_its_own_or_be_exempt(self) -> None:
        settings = Settings(exclude_newer="2 days", exclude_newer_for=("A_b=none", "c=1 day"))
        assert upload_cutoff(settings, INVOCATION) == Cutoff(
            time=datetime(2026, 8, 8, tzinfo=UTC),
            projects={
                canonicalize_name("a-b"): None,
                canonicalize_name("c"): datetime(2026, 8, 9, tzinfo=UTC),
            },
        )

    def test_links_are_exempt_for_they_tell_no_time(self) -> None:
        links = SourceSettings(find_links=("wheels", "https://u:p@links.example/page.html"))
        found = upload_cutoff(Settings(exclude_newer="2 days", sources=links), INVOCATION)
        assert found is not None
        assert found.exempt_sources == {"/here/wheels", "https://links.example/page.html"}

    def test_a_project_without_a_time_is_told(self) -> None:
        with pytest.raises(UsageError) as caught:
            upload_cutoff(Settings(exclude_newer_for=("numpy",)), INVOCATION)
        assert caught.value.message == "`--exclude-newer-package numpy` names no time"
