"""From a resolution and what is installed to a plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.installation.builders import make_pin
from tests.support.wheels import make_wheel
from vinstall.formats.simple_api import RemoteFile
from vinstall.installation.plan import Plan, is_same, make_plan
from vinstall.resolution.model import Kept, Pin, Resolution
from vinstall.selection.release import Choice, SourceDistribution
from vinstall.target.installed import InstalledDistribution, InstalledSet
from vinstall.values import replace


def installed(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    local: bool = True,
    origin: object = None,
) -> InstalledDistribution:
    location = folder / f"{name}-{version}.dist-info"
    location.mkdir(parents=True)
    if origin is not None:
        (location / "direct_url.json").write_text(json.dumps(origin))
    return InstalledDistribution(
        name=canonicalize_name(name), version=Version(version), location=location, local=local
    )


def those(*found: InstalledDistribution, **more: object) -> InstalledSet:
    return InstalledSet(distributions={each.name: each for each in found}, **more)  # type: ignore[arg-type]


def pins(folder: Path, *names: str) -> tuple[Pin, ...]:
    """`name` or `name==version`."""
    made = []
    for text in names:
        name, _, version = text.partition("==")
        made.append(make_pin(make_wheel(folder / "wheels", name, version or "1.0")))
    return tuple(made)


class TestParts:
    def test_new_other_and_same_versions_are_told_apart(self, tmp_path: Path) -> None:
        a, b, c = pins(tmp_path, "a", "b==2.0", "c")
        old, same = installed(tmp_path, "b"), installed(tmp_path, "c")
        plan = make_plan(Resolution(pins=(a, b, c)), those(old, same))
        assert plan == Plan(install=(a,), replace=((old, b),), keep=(same,))
        assert plan.pins == (a, b)
        assert plan.leaving == (old,)
        assert not plan.is_empty

    def test_what_the_resolution_keeps_is_kept(self, tmp_path: Path) -> None:
        there = installed(tmp_path, "a")
        kept = Kept(name=there.name, version=there.version)
        plan = make_plan(Resolution(pins=(), kept=(kept,)), those(there))
        assert plan == Plan(keep=(there,))
        assert plan.is_empty

    def test_the_predicate_replaces_what_would_be_kept(self, tmp_path: Path) -> None:
        (pin,) = pins(tmp_path, "a")
        there = installed(tmp_path, "a")
        plan = make_plan(
            Resolution(pins=(pin,)), those(there), must_replace=lambda old, new: old is there
        )
        assert plan == Plan(replace=((there, pin),))

    def test_what_is_not_local_is_shadowed(self, tmp_path: Path) -> None:
        (pin,) = pins(tmp_path, "a==2.0")
        plan = make_plan(Resolution(pins=(pin,)), those(installed(tmp_path, "a", local=False)))
        assert plan == Plan(install=(pin,))

    def test_exact_removes_the_rest(self, tmp_path: Path) -> None:
        (pin,) = pins(tmp_path, "a")
        extra, safe = installed(tmp_path, "x"), installed(tmp_path, "pip")
        base = installed(tmp_path / "base", "y", local=False)
        plan = make_plan(
            Resolution(pins=(pin,)),
            those(extra, safe, base),
            exact=True,
            protected=frozenset({safe.name}),
        )
        assert plan == Plan(install=(pin,), remove=(extra,))

    def test_duplicates_of_what_changes_are_removed(self, tmp_path: Path) -> None:
        (pin,) = pins(tmp_path, "a==2.0")
        first, second = installed(tmp_path, "a"), installed(tmp_path, "a", "0.5")
        other = installed(tmp_path, "b", "0.1")
        found = those(first, duplicates=(second, other))
        plan = make_plan(Resolution(pins=(pin,)), found)
        assert plan == Plan(replace=((first, pin),), remove=(second,))


WHEEL_URL = "https://files.example/a-1.0-py3-none-any.whl"


class TestSame:
    """pip: a local folder or archive may have changed, a wheel of one version has not."""

    def pin(
        self, tmp_path: Path, direct_url: str, *, url: str | None = None, source: bool = False
    ) -> Pin:
        (pin,) = pins(tmp_path, "a")
        file = RemoteFile(filename="a", url=url or direct_url)
        artifact: object = replace(pin.choice.artifact, file=file)
        if source:
            artifact = SourceDistribution(name=pin.name, version=pin.version, file=file, source="t")
        choice = Choice(artifact=artifact)  # type: ignore[arg-type]
        return replace(pin, direct_url=direct_url, choice=choice)

    @pytest.mark.parametrize(
        ("direct_url", "origin", "same"),
        [
            (WHEEL_URL, {"url": WHEEL_URL, "archive_info": {}}, True),
            (f"{WHEEL_URL}#sha256=ab", {"url": WHEEL_URL, "archive_info": {}}, True),
            (WHEEL_URL.replace("//", "//me:secret@"), {"url": WHEEL_URL}, True),
            (WHEEL_URL, {"url": "https://other.example/a.whl", "archive_info": {}}, False),
            (WHEEL_URL, None, False),
            ("file:///x/a-1.0-py3-none-any.whl", None, True),
        ],
    )
    def test_wheels(self, tmp_path: Path, direct_url: str, origin: object, *, same: bool) -> None:
        there = installed(tmp_path, "a", origin=origin)
        assert is_same(there, self.pin(tmp_path, direct_url)) == same

    def test_a_local_folder_is_never_the_same(self, tmp_path: Path) -> None:
        there = installed(tmp_path, "a", origin={"url": "file:///x/a", "dir_info": {}})
        assert not is_same(there, self.pin(tmp_path, "file:///x/a", source=True))

    @pytest.mark.parametrize(
        ("revision", "commit", "same"), [("abc123", "abc123", True), ("main", "abc123", False)]
    )
    def test_a_checkout_is_the_same_at_a_commit(
        self, tmp_path: Path, revision: str, commit: str, *, same: bool
    ) -> None:
        info = {"vcs": "git", "requested_revision": revision, "commit_id": commit}
        there = installed(tmp_path, "a", origin={"url": "https://x.example/r", "vcs_info": info})
        pin = self.pin(tmp_path, f"git+https://x.example/r@{revision}", source=True)
        assert is_same(there, pin) == same

    def test_another_version_never_is(self, tmp_path: Path) -> None:
        (pin,) = pins(tmp_path, "a==1.1")
        assert not is_same(installed(tmp_path, "a"), pin)

    def test_equal_versions_spelled_otherwise_are(self, tmp_path: Path) -> None:
        (pin,) = pins(tmp_path, "a==1")
        assert is_same(installed(tmp_path, "a", "1.0.0"), pin)
