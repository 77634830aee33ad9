"""A stage on which cases are played, some in advance, so that both processors are at work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.parity.case import Case
from tests.parity.scene import Ending, Tool, make_template, play, serve

_AHEAD = 8
"""Cases that are begun before they are asked for."""


class Stage:
    """Plays cases; each case once per installer."""

    def __init__(self, root: Path, template: Path, host: str, pool: ThreadPoolExecutor) -> None:
        self._root, self._template, self._host, self._pool = root, template, host, pool
        self._endings: dict[tuple[str, str], Future[Ending]] = {}
        self._schedule: list[tuple[Case, Tool]] = []

    def foresee(self, schedule: list[tuple[Case, Tool]]) -> None:
        """Say what will be asked for, in order."""
        self._schedule = schedule

    def ending(self, case: Case, tool: Tool) -> Ending:
        """How `case` ended with `tool`; the next few are begun too."""
        keys = [(one.name, other.name) for one, other in self._schedule]
        here = keys.index((case.name, tool.name)) if (case.name, tool.name) in keys else None
        ahead = self._schedule[here : here + _AHEAD] if here is not None else [(case, tool)]
        for one, other in ahead:
            self._begin(one, other)
        return self._begin(case, tool).result()

    def _begin(self, case: Case, tool: Tool) -> Future[Ending]:
        key = (case.name, tool.name)
        if key not in self._endings:
            root = self._root / tool.name / f"{len(self._endings)}"
            root.mkdir(parents=True)
            self._endings[key] = self._pool.submit(
                play, case, tool, root=root, template=self._template, host=self._host
            )
        return self._endings[key]


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage of this session."""
    root = tmp_path_factory.mktemp("parity")
    template = make_template(root / "template")
    with serve(root) as host, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield Stage(root, template, host, pool)
