"""Outcomes → a plot in SVG: one line for each scenario, ratios on a logarithmic axis."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

from tests.bench.growth import Point
from tests.bench.rounds import Outcome
from tests.bench.table import pair_ratio

_ROW, _LEFT, _WIDTH, _TOP, _RIGHT = 22, 350, 480, 58, 20
_LOW, _HIGH = 0.004, 20.0
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_UV, _PIP = "#b8006d", "#1f6fb2"
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.dim{fill:#666}.grid{stroke:#ddd}"
    ".one{stroke:#444;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.dim{fill:#aaa}.grid{stroke:#444}.one{stroke:#bbb}}"
)


class _Series(NamedTuple):
    tool: str
    colour: str
    points: list[tuple[float, float]]


def render_plot(outcomes: Sequence[Outcome], points: Sequence[Point], title: str) -> str:
    """The plot; the two curves of growth below it where they were measured."""
    shown = [one for one in outcomes if pair_ratio(one, 1) is not None]
    bottom = _TOP + _ROW * len(shown) + 34
    height = bottom + (260 if points else 0)
    width = _LEFT + _WIDTH + _RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>",
        _text(10, 20, title),
        _text(10, 40, "time of vinstall divided by the time of", css="dim"),
        f'<circle cx="262" cy="36" r="5" fill="{_UV}"/>',
        _text(272, 40, "uv"),
        f'<circle cx="298" cy="36" r="5" fill="{_PIP}"/>',
        _text(308, 40, "pip   | the aim for uv"),
    ]
    for tick in _TICKS:
        x = _x(tick)
        css = "one" if tick == 1 else "grid"
        end = bottom - 26
        parts.append(f'<line class="{css}" x1="{x}" x2="{x}" y1="{_TOP - 8}" y2="{end}"/>')
        parts.append(_text(x, bottom - 10, f"{tick:g}", anchor="middle", css="dim"))
    for number, outcome in enumerate(shown):
        parts += _row(outcome, _TOP + number * _ROW + 8)
    if points:
        parts += _growth(points, bottom)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(outcome: Outcome, y: float) -> list[str]:
    scenario = outcome.scenario
    name = f"{scenario.key}  {scenario.title.replace('`', '')}"
    parts = [_text(10, y + 4, name)]
    if scenario.aim is not None:
        x = _x(scenario.aim)
        parts.append(
            f'<line x1="{x}" x2="{x}" y1="{y - 7}" y2="{y + 7}" stroke="{_UV}" stroke-width="2"/>'
        )
    for other, colour in ((2, _PIP), (1, _UV)):
        value = pair_ratio(outcome, other)
        if value is not None:
            parts.append(
                f'<circle cx="{_x(value)}" cy="{y}" r="5" fill="{colour}">'
                f"<title>{value:.3g}</title></circle>"
            )
    return parts


def _x(value: float) -> float:
    place = math.log(min(max(value, _LOW), _HIGH) / _LOW) / math.log(_HIGH / _LOW)
    return round(_LEFT + place * _WIDTH, 1)


def _growth(points: Sequence[Point], top: float) -> list[str]:
    parts = []
    panels = (
        ("projects (10 releases of each)", [p for p in points if p.releases == 10], "projects"),
        ("releases of each (100 projects)", [p for p in points if p.projects == 100], "releases"),
    )
    for number, (title, chosen, field) in enumerate(panels):
        series = [
            _Series(
                tool, colour, sorted((getattr(p, field), p.cpu) for p in chosen if p.tool == tool)
            )
            for tool, colour in (("vinstall", "#2a8a3e"), ("uv", _UV))
        ]
        parts += _panel(60 + number * 410, top + 40, title, series)
    return parts


def _panel(left: float, top: float, title: str, series: Sequence[_Series]) -> list[str]:
    """One diagram, both axes logarithmic, with a dotted line of proportional growth."""
    wide, tall = 330.0, 160.0
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    x_low, x_high, y_low, y_high = min(xs), max(xs), min(ys) / 1.5, max(ys) * 1.5

    def place(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / x_low) / math.log(x_high / x_low)
        up = math.log(y / y_low) / math.log(y_high / y_low)
        return round(left + across * wide, 1), round(top + tall - up * tall, 1)

    parts = [
        _text(left, top - 12, f"CPU time of a dry run over {title}"),
        f'<rect x="{left}" y="{top}" width="{wide}" height="{tall}" fill="none" class="grid"/>',
    ]
    for x in sorted(set(xs)):
        parts.append(_text(place(x, y_low)[0], top + tall + 16, f"{x:g}", "middle", "dim"))
    for one in series:
        spots = [place(x, y) for x, y in one.points]
        line = " ".join(f"{x},{y}" for x, y in spots)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{one.colour}"/>')
        for (x, y), (_, value) in zip(spots, one.points, strict=True):
            parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{one.colour}"/>')
            parts.append(_text(x, y - 7, f"{value * 1000:.0f} ms", "middle", "dim"))
        parts.append(_text(spots[-1][0] + 6, spots[-1][1] + 4, one.tool))
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start", css: str = "") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{css}" xml:space="preserve">'
        f"{html.escape(text)}</text>"
    )
