"""What an installation breaks of what it leaves alone: requirements and bindings that do not hold any more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName

from vinstall.formats.requirement import render_requirement
from vinstall.installation.plan import Plan
from vinstall.workflows.installed_variants import Standing


def broken_needs(
    plan: Plan, standings: Iterable[Standing], environment: Mapping[str, str]
) -> Iterator[str]:
    """A sentence for each requirement of an installed distribution that `plan` breaks.

    Reads the METADATA of what stays, and parses what names a project that changes.
    """
    arriving = {pin.name: pin.version for pin in plan.pins}
    leaving = {old.name: old.version for old in plan.leaving}
    changing = arriving.keys() | leaving.keys()
    staying = [one for one in standings if one.distribution.name not in changing]
    if not changing or not staying:
        return
    from vinstall.workflows.needs_installed import find_needs

    naming = _naming(changing)
    needs = find_needs(
        (one for one in staying if naming.search(one.distribution.metadata())), environment
    )
    for need in needs.found:
        wanted, one = need.requirement, need.dependent
        version = arriving.get(wanted.name)
        if version is not None and not wanted.specifier.contains(version, prereleases=True):
            yield (
                f"`{one.name}` {one.version} has requirement {render_requirement(wanted)}, "
                f"and gets {wanted.name} {version}"
            )
        elif version is None and wanted.name in leaving:
            yield f"`{one.name}` {one.version} requires {wanted.name}, which is removed"
    for standing in staying:
        one = standing.distribution
        gets = ", ".join(
            f"{name} {arriving[name]}" for name in sorted(standing.bound & arriving.keys())
        )
        if gets and not standing.fits(arriving):
            yield (
                f"`{one.name}` {one.version} is the variant `{standing.label}`, built for "
                f"{standing.built_for()}, and gets {gets}"
            )


def _naming(names: Iterable[NormalizedName]) -> re.Pattern[bytes]:
    """Finds a dependency on one of `names`, however it is spelled."""
    spelled = "|".join(re.escape(name).replace(r"\-", "[-_.]+") for name in sorted(names))
    return re.compile(
        rf"^Requires-Dist:[ \t]*(?:{spelled})(?![A-Za-z0-9._-]*[A-Za-z0-9])".encode(),
        re.IGNORECASE | re.MULTILINE,
    )
