"""What the tests of this room share: a client, a cache, an observer that remembers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vinstall.cache.files import Cache
from vinstall.net.client import HttpClient
from vinstall.net.network_settings import NetworkSettings
from vinstall.observer import Observer


class Heard(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.details: list[str] = []
        self.pages: list[tuple[str, str, bool]] = []
        self.started: list[tuple[str, int | None]] = []
        self.finished: list[str] = []
        self.received = 0

    def warning(self, message: str, *, hint: str | None = None) -> None:
        self.warnings.append(message)

    def detail(self, message: str) -> None:
        self.details.append(message)

    def page_read(self, project: str, source: str, *, from_cache: bool) -> None:
        self.pages.append((project, source, from_cache))

    def download_started(self, filename: str, size: int | None) -> None:
        self.started.append((filename, size))

    def bytes_received(self, filename: str, count: int) -> None:
        self.received += count

    def download_finished(self, filename: str) -> None:
        self.finished.append(filename)


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def new_client(*, offline: bool = False, retries: int = 2, direct: bool = True) -> HttpClient:
    """A client that waits for nothing; `direct` False: one that respx can answer."""
    return HttpClient(
        NetworkSettings(retries=retries, offline=offline),
        environ={"HOME": "/nonexistent"},
        sleep=lambda seconds: None,
        direct=direct,
    )


@pytest.fixture
def client() -> Iterator[HttpClient]:
    opened = new_client()
    yield opened
    opened.close()


@pytest.fixture
def mocked() -> Iterator[HttpClient]:
    """A client that respx can answer."""
    opened = new_client(direct=False)
    yield opened
    opened.close()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def clock() -> Clock:
    return Clock()
