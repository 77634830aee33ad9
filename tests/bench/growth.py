"""How the cost of a dry run grows: with the number of projects, and of releases considered."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import NamedTuple

from tests.bench.contenders import UV_PIP, VINSTALL
from tests.bench.measure import Failed
from tests.bench.mirror import GROWTH_PROJECTS, GROWTH_RELEASES
from tests.bench.rounds import Rounds
from tests.bench.scenarios import Scenario


class Point(NamedTuple):
    """Processor time of one dry run; pages and metadata are in the cache, resolutions are not."""

    tool: str
    projects: int
    releases: int
    """Of each project; only the oldest has a wheel for this machine."""
    cpu: float
    """Seconds."""
    wall: float


def measure_growth(rounds: Rounds, count: int) -> list[Point]:
    """The points of both curves: projects at 10 releases, releases at 100 projects."""
    sizes = {(projects, 10) for projects in GROWTH_PROJECTS}
    sizes |= {(100, releases) for releases in GROWTH_RELEASES}
    points = []
    for projects, releases in sorted(sizes):
        words = tuple(f"grow{number:04}r{releases}" for number in range(projects))
        scenario = Scenario(key="growth", title="growth", words=words, warm=True, state="known")
        for who in (VINSTALL, UV_PIP):
            dry = who._replace(flags=("--dry-run",))
            one = replace(scenario, contenders=(dry,), forget=("resolutions", "shortcuts"))
            outcome = rounds.scenario(one, count)
            samples = outcome.samples[who.name]
            if not samples:
                raise Failed(f"growth, {projects} projects: {outcome.faults[who.name]}")
            cpu = median(sample.cpu for sample in samples)
            wall = median(sample.wall for sample in samples)
            points.append(Point(who.name, projects, releases, cpu, wall))
    return points
