"""Rounds: a scenario's contenders in turn, A B C A B C, each into a place of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.contenders import Contender, Tools, installed, remove
from tests.bench.measure import Failed, Launcher, Sample, file_system
from tests.bench.scenarios import Scenario
from tests.bench.servers import Servers

Samples = dict[str, list[Sample]]
"""By contender, first the one the others are compared with; round by round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the rounds of one scenario gave."""

    scenario: Scenario
    samples: Samples
    faults: dict[str, str] = field(default_factory=dict)
    """Contender to why it was stopped."""
    notes: tuple[str, ...] = ()


class Rounds:
    """Runs scenarios below one folder.

    On ext4 nothing is deleted before the end: for minutes after a deletion making files there is
    ten times slower, for everyone.
    """

    def __init__(self, tools: Tools, servers: Servers, work: Path, say: Callable[[str], None]):
        self._tools = tools
        self._servers = servers
        self._work = work
        self._say = say
        self._environ = tools.environ(work / "home", servers.authority)
        self._numbers = itertools.count()
        self._launcher = Launcher()
        self._removes = file_system(work) == "tmpfs"

    def scenario(self, scenario: Scenario, rounds: int) -> Outcome:
        """Run one scenario."""
        count = max(1, round(rounds * scenario.times))
        names = [one.name for one in scenario.contenders]
        outcome = Outcome(scenario=scenario, samples={name: [] for name in names})
        places = {one: _Place(self, scenario, one) for one in scenario.contenders}
        distributions: dict[str, set[str]] = {}
        for _ in range(count):
            for one, place in places.items():
                if one.name in outcome.faults:
                    continue
                try:
                    outcome.samples[one.name].append(place.round())
                except Failed as fault:
                    outcome.faults[one.name] = str(fault)
                    self._say(f"  {one.name} failed: {fault}")
                distributions[one.name] = place.found
        for place in places.values():
            place.clean()
        found = [names for names in distributions.values() if names]
        differ = any(names != found[0] for names in found)
        notes = ("the tools did not install the same",) if differ else ()
        return Outcome(
            scenario=scenario, samples=outcome.samples, faults=outcome.faults, notes=notes
        )

    def command(self, who: Contender, scenario: Scenario, environment: Path, cache: Path) -> Sample:
        """Run one contender once."""
        command = self._tools.install(
            who,
            environment=environment,
            index=getattr(self._servers, scenario.server),
            cache=cache,
            words=scenario.words,
        )
        return self._launcher.run(command, self._environ, self._work / "last.log")

    def version(self, tool: str) -> Sample:
        """`--version`."""
        return self._launcher.run(self._tools.version(tool), self._environ, self._work / "last.log")

    def close(self) -> None:
        """End what runs beside."""
        self._launcher.close()

    def folder(self, kind: str) -> Path:
        """A new path."""
        parent = self._work / kind
        parent.mkdir(parents=True, exist_ok=True)
        return parent / str(next(self._numbers))

    def environment(self, tool: str) -> Path:
        """A new virtual environment."""
        path = self.folder("environments")
        self._tools.environment(path, tool)
        return path

    def discard(self, *paths: Path) -> None:
        """Remove folders, where that slows nothing down."""
        if self._removes:
            for path in paths:
                remove(path)

    def warm_cache(self, tool: str, server: str) -> Path:
        """The cache of one tool that is filled; shared by the scenarios."""
        path = self._work / "warm" / f"{tool}-{server}"
        path.mkdir(parents=True, exist_ok=True)
        return path


class _Place:
    """Where one contender of one scenario works."""

    def __init__(self, rounds: Rounds, scenario: Scenario, who: Contender) -> None:
        self._rounds = rounds
        self._scenario = scenario
        self._who = who
        self._warm = rounds.warm_cache(who.tool, scenario.server)
        self._environment: Path | None = None
        self._ready = False
        self.found: set[str] = set()
        """What was installed last."""

    def round(self) -> Sample:
        """One measured run."""
        scenario, rounds = self._scenario, self._rounds
        if scenario.is_version:
            return rounds.version(self._who.tool)
        self._prepare()
        kept = self._environment
        environment = kept or rounds.environment(self._who.tool)
        cache = self._warm if scenario.warm else rounds.folder("caches")
        if scenario.state == "known" and kept is None and self._who.tool != "pip":
            self._look_at(environment)
        if self._who.tool == "vinstall":
            for bucket in scenario.forget:
                remove(cache / "v1" / bucket)
        sample = rounds.command(self._who, scenario, environment, cache)
        self.found = {name for name in installed(environment) if not name.startswith("pip-")}
        if kept is None:
            rounds.discard(environment)
        if not scenario.warm:
            rounds.discard(cache)
        return sample

    def clean(self) -> None:
        """Remove what is left."""
        if self._environment is not None:
            self._rounds.discard(self._environment)

    def _prepare(self) -> None:
        """Fill the cache, and make the environment that all rounds share, if they do."""
        if self._ready:
            return
        self._ready = True
        scenario, rounds = self._scenario, self._rounds
        dry = "--dry-run" in self._who.flags
        if scenario.state == "done" or (dry and scenario.state == "known"):
            self._environment = rounds.environment(self._who.tool)
        if not scenario.warm:
            return
        place = self._environment or rounds.environment(self._who.tool)
        times = 3 if scenario.state == "done" or dry else 1  # the third finds files that have aged
        for _ in range(times):
            rounds.command(self._who, scenario, place, self._warm)
        if self._environment is None:
            rounds.discard(place)

    def _look_at(self, environment: Path) -> None:
        """Let the tool learn what the environment's interpreter is, and nothing else."""
        flags = (*self._who.flags, "--dry-run")
        who = self._who._replace(flags=flags)
        self._rounds.command(who, self._scenario, environment, self._warm)
