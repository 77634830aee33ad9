"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.scene import NO_GPU, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """An empty index and a fresh environment, on a machine of which no GPU is known."""
    made = Scene(tmp_path)
    made.make_environment()
    made.variables.update(NO_GPU)
    return made
