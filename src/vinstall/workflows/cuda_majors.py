"""Which major versions of CUDA the installed distributions are made for.

Libraries of two majors in one process are a common cause of crashes that nothing explains.  The
majors are read from names (`nvidia-cublas-cu12`, `cupy-cuda13x`), from the versions of the
packages that are numbered like CUDA itself, from local versions (`+cu128`), and from variants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from packaging.utils import NormalizedName

from vinstall.target.installed import InstalledDistribution
from vinstall.workflows.finding import Finding, Kind
from vinstall.workflows.inventory import ShownVariant

_IN_NAME = re.compile(r"-cu(?:da)?([12]\d)\d?x?(?:-|\Z)", re.ASCII)
_IN_LOCAL_VERSION = re.compile(r"cu([12]\d)\d", re.ASCII)
_IN_PROPERTY = re.compile(r"nvidia :: cuda_version_lower_bound :: (\d+)\.\d+", re.ASCII)
_NUMBERED_LIKE_CUDA = frozenset(
    {"nvidia-cuda-runtime", "nvidia-cuda-nvrtc", "nvidia-cuda-cupti", "nvidia-cuda-nvcc"}
)


def cuda_major(distribution: InstalledDistribution, variant: ShownVariant | None) -> int | None:
    """The major version of CUDA that `distribution` is made for; None where nothing says one."""
    named = _IN_NAME.search(distribution.name)
    if named is not None:
        return int(named[1])
    if distribution.name in _NUMBERED_LIKE_CUDA:
        return distribution.version.major
    if variant is not None:
        majors = {
            int(found[1]) for text in variant.properties if (found := _IN_PROPERTY.match(text))
        }
        if len(majors) == 1:
            return majors.pop()
    local = _IN_LOCAL_VERSION.match(distribution.version.local or "")
    return int(local[1]) if local is not None else None


def cuda_findings(
    distributions: Iterable[InstalledDistribution],
    variants: Mapping[NormalizedName, ShownVariant],
) -> Iterable[Finding]:
    """At most one finding: that there are several majors, and who is made for which."""
    majors: dict[int, list[str]] = {}
    for one in distributions:
        variant = variants.get(one.name)
        major = cuda_major(one, variant)
        if major is not None:
            shown = f"{one.name} (variant `{variant.label}`)" if variant else one.name
            majors.setdefault(major, []).append(shown)
    if len(majors) < 2:
        return ()
    told = "; ".join(f"CUDA {major}: {', '.join(majors[major])}" for major in sorted(majors))
    projects = tuple(shown.partition(" ")[0] for major in majors for shown in majors[major])
    return (
        Finding(
            kind=Kind.MIXED_CUDA,
            projects=projects,
            sentence=f"Builds for {len(majors)} major versions of CUDA are mixed: {told}.",
        ),
    )
