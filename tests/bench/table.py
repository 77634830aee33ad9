"""Outcomes → a page in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.bench.growth import Point
from tests.bench.measure import Machine, Sample, middle, ratio
from tests.bench.rounds import Outcome

_MIB = 1024 * 1024


def render_table(
    outcomes: Sequence[Outcome], points: Sequence[Point], machine: Machine, facts: Iterable[str]
) -> str:
    """The whole page: facts, the table, the ratios beside their goals, growth, and what failed."""
    lines = [f"Machine: {machine.sentence()}.", *facts, ""]
    lines += _times(outcomes)
    lines += ["", *_ratios(outcomes), "", memory_sentence(outcomes)]
    if points:
        lines += ["", *_growth(points)]
    faults = [
        f"- {outcome.scenario.key}: {name}: {fault}"
        for outcome in outcomes
        for name, fault in outcome.faults.items()
    ]
    faults += [f"- {o.scenario.key}: {note}" for o in outcomes for note in o.notes]
    if faults:
        lines += ["", "What went wrong:", "", *faults]
    return "\n".join(lines) + "\n"


def _times(outcomes: Iterable[Outcome]) -> list[str]:
    lines = [
        "| # | scenario | contender | rounds | wall (min - max) | CPU | peak memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for outcome in outcomes:
        for name, samples in outcome.samples.items():
            head = f"| {outcome.scenario.key} | {outcome.scenario.title} | {name} |"
            if not samples:
                lines.append(f"{head} 0 | failed | | |")
                continue
            typical = middle(samples)
            walls = sorted(sample.wall for sample in samples)
            spread = f"{seconds(walls[0])} - {seconds(walls[-1])}"
            lines.append(
                f"{head} {len(samples)} | {seconds(typical.wall)} ({spread}) |"
                f" {seconds(typical.cpu)} | {typical.memory / _MIB:.0f} MiB |"
            )
    return lines


def _ratios(outcomes: Iterable[Outcome]) -> list[str]:
    lines = [
        "| # | scenario | ÷ uv | aim | floor | reached | ÷ pip | floor | reached |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for outcome in outcomes:
        scenario = outcome.scenario
        second, third = pair_ratio(outcome, 1), pair_ratio(outcome, 2)
        lines.append(
            f"| {scenario.key} | {scenario.title} | {_number(second)} | {_number(scenario.aim)} |"
            f" {_number(scenario.floor[0])} | {_reached(second, scenario.floor[0], scenario.aim)} |"
            f" {_number(third)} | {_number(scenario.floor[1])} |"
            f" {_reached(third, scenario.floor[1], None)} |"
        )
    return lines


def pair_ratio(outcome: Outcome, other: int) -> float | None:
    """vinstall divided by contender number `other`; None where one of them has no figures."""
    rows = list(outcome.samples.values())
    if other >= len(rows) or not rows[0] or not rows[other]:
        return None
    return ratio(rows[0], rows[other], outcome.scenario.figure)


def _reached(value: float | None, floor: float | None, aim: float | None) -> str:
    if value is None or floor is None:
        return ""
    if aim is not None and value <= aim:
        return "aim"
    return "floor" if value <= floor else "**no**"


def memory_sentence(outcomes: Iterable[Outcome]) -> str:
    """S16: the worst ratios of peak memory."""
    worst: dict[int, tuple[float, str]] = {}
    for outcome in outcomes:
        if outcome.scenario.key.startswith("S15") or outcome.scenario.is_version:
            continue
        rows = list(outcome.samples.values())
        for other in (1, 2):
            if other < len(rows) and rows[0] and rows[other]:
                value = ratio(rows[0], rows[other], "memory")
                worst[other] = max(worst.get(other, (0.0, "")), (value, outcome.scenario.key))
    parts = [
        f"{value:.2f} of {name} ({key})"
        for (value, key), name in zip(
            (worst[n] for n in sorted(worst)), ("uv's", "pip's"), strict=False
        )
    ]
    return f"S16, peak memory, the worst of all scenarios: {', '.join(parts) or 'not measured'}."


def _growth(points: Sequence[Point]) -> list[str]:
    lines = [
        "| projects | releases considered of each | vinstall CPU | uv CPU |",
        "| --- | --- | --- | --- |",
    ]
    sizes = sorted({(point.projects, point.releases) for point in points})
    by_size = {(point.projects, point.releases, point.tool): point.cpu for point in points}
    for projects, releases in sizes:
        ours, theirs = (by_size.get((projects, releases, tool)) for tool in ("vinstall", "uv"))
        cells = " | ".join("" if value is None else seconds(value) for value in (ours, theirs))
        lines.append(f"| {projects} | {releases} | {cells} |")
    return lines


def seconds(value: float) -> str:
    """A time as one reads it."""
    return f"{value * 1000:.0f} ms" if value < 0.9995 else f"{value:.2f} s"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 0.1 else f"{value:.2f}"


def as_rows(outcomes: Iterable[Outcome]) -> list[dict[str, object]]:
    """The figures for other programs: one object for each sample."""
    return [
        {"scenario": outcome.scenario.key, "contender": name, "round": number, **_fields(sample)}
        for outcome in outcomes
        for name, samples in outcome.samples.items()
        for number, sample in enumerate(samples)
    ]


def _fields(sample: Sample) -> dict[str, float]:
    return {"wall": sample.wall, "cpu": sample.cpu, "memory": sample.memory}
