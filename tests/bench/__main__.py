"""`python -m tests.bench`: build the mirror if need be, run the scenarios, write table and plot."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench.contenders import PIP, UV, Tools
from tests.bench.growth import Point, measure_growth
from tests.bench.measure import this_machine
from tests.bench.mirror import build_mirror, has_set
from tests.bench.plot import render_plot
from tests.bench.rounds import Outcome, Rounds
from tests.bench.scenarios import Scenario, chosen
from tests.bench.servers import is_there, serving
from tests.bench.table import as_rows, pair_ratio, render_table

_ROOMY = 8 * 1024**3


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 where there is nothing to serve the mirror with."""
    options = _parser().parse_args(words)
    if not is_there():
        _say("nginx and openssl are needed, for example `apt-get install nginx-light openssl`")
        return 1
    root = _root()
    www = build_mirror(root, _say)
    tools = Tools(root / "tools")
    tools.prepare(_say, fast=not options.without_isal)
    work = _work_folder(root)
    try:
        outcomes, points = _measure(options, www, tools, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    machine = this_machine(work.parent)
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    facts = (
        f"{day}; uv {UV}, pip {PIP} `--no-compile`;"
        f" vinstall {'without' if options.without_isal else 'with'} isal;"
        f" {options.rounds} rounds, more for short runs.",
    )
    page = render_table(outcomes, points, machine, facts)
    output: Path = options.output
    output.write_text(page)
    output.with_suffix(".json").write_text(json.dumps(as_rows(outcomes), indent=0))
    title = f"vinstall beside uv {UV} and pip {PIP}, {day}"
    output.with_suffix(".svg").write_text(render_plot(outcomes, points, title))
    _say(page)
    return 0


def _measure(
    options: argparse.Namespace, www: Path, tools: Tools, work: Path
) -> tuple[list[Outcome], list[Point]]:
    outcomes = []
    points: list[Point] = []
    with (
        serving(www, work / "servers") as servers,
        contextlib.closing(Rounds(tools, servers, work, _say)) as rounds,
    ):
        for scenario in chosen(options.scenarios):
            if not _can_run(scenario, www):
                _say(f"{scenario.key} is left out: the mirror has no `{scenario.needs}`")
                continue
            if options.without_pip:
                kept = tuple(one for one in scenario.contenders if one.tool != "pip")
                scenario = replace(scenario, contenders=kept)
            outcome = rounds.scenario(scenario, options.rounds)
            outcomes.append(outcome)
            _say(_line(outcome))
        if options.scenarios is None or "growth" in options.scenarios.split(","):
            points = measure_growth(rounds, max(1, options.rounds - 2))
    return outcomes, points


def _can_run(scenario: Scenario, www: Path) -> bool:
    return scenario.needs is None or has_set(www, scenario.needs)


def _line(outcome: Outcome) -> str:
    ratios = " ".join(
        "      -" if value is None else f"{value:7.3f}"
        for value in (pair_ratio(outcome, 1), pair_ratio(outcome, 2))
    )
    return f"{outcome.scenario.key:5} {ratios}  {outcome.scenario.title}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--scenarios", help="some of them: `S1,S5`, and `growth`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--quick", dest="rounds", action="store_const", const=1, help="one round of each"
    )
    parser.add_argument("--without-pip", action="store_true", help="only vinstall and uv")
    parser.add_argument("--without-isal", action="store_true", help="unpack with zlib")
    parser.add_argument("--output", type=Path, default=Path("bench.md"))
    return parser


def _root() -> Path:
    """Where the mirror is kept: `VINSTALL_BENCH_DIR`, else in the user's cache folder."""
    named = os.environ.get("VINSTALL_BENCH_DIR")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(named) if named else cache / "vinstall-bench"
    root.mkdir(parents=True, exist_ok=True)
    return root


def _work_folder(root: Path) -> Path:
    """A folder on tmpfs where there is room, else beside the mirror."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOMY
    work = (memory if roomy else root) / f"vinstall-bench-{os.getpid()}"
    work.mkdir()
    return work


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
