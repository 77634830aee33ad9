"""What is begun while an interpreter starts: nothing that anybody hears of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vinstall.observer import Observer
from vinstall.workflows.assemble import Rooms, assemble
from vinstall.workflows.head_start import begin_early
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings, SourceSettings

INDEX = "https://index.example/simple/"
"""Nobody answers there."""


@contextmanager
def rooms(tmp_path: Path, **sources: object) -> Iterator[Rooms]:
    invocation = Invocation(
        environ={},
        folder=tmp_path,
        python=tmp_path / "python",
        is_virtual=True,
        time=time.time(),
    )
    settings = Settings(
        cache_dir=tmp_path / "cache",
        sources=SourceSettings(**sources),  # type: ignore[arg-type]
    )
    with assemble(settings, invocation, Observer()) as found:
        yield found


def test_the_index_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*place: object, **options: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr("socket.create_connection", connect)
    with rooms(tmp_path, index_url=INDEX) as found:
        begin_early(found)
        assert "client" in vars(found.outside)


@pytest.mark.parametrize(
    "sources",
    [
        {"index_url": INDEX, "offline": True},
        {"index_url": INDEX, "no_index": True},
        {"index_url": "simple"},
    ],
)
def test_what_needs_no_network_loads_none(tmp_path: Path, sources: dict[str, object]) -> None:
    with rooms(tmp_path, **sources) as found:
        begin_early(found)
        assert "client" not in vars(found.outside)


@pytest.mark.parametrize(
    "sources",
    [{"index_url": "ftp://index.example/"}, {"index_url": INDEX, "cert": Path("absent.pem")}],
)
def test_a_fault_is_left_to_whoever_needs_it(tmp_path: Path, sources: dict[str, object]) -> None:
    with rooms(tmp_path, **sources) as found:
        begin_early(found)
