"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_VARIABLES = (
    "NV_VARIANT_",
    "AMD_VARIANT_",
    "INTEL_VARIANT_",
    "TPU_VARIANT_",
    "PIP_",
    "UV_",
    "VINSTALL_",
)


def _shared_data() -> Path | None:
    """The folder of real index data: named by a variable, else beside the checkout."""
    named = os.environ.get("VINSTALL_TEST_DATA")
    candidates = [Path(named)] if named else [Path(__file__).parents[2] / "shared" / "data"]
    return next((path for path in candidates if (path / "rankings.json").is_file()), None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real published index data and provider vectors; skips where they are absent."""
    found = _shared_data()
    if found is None:
        pytest.skip("the real index data is not here: set VINSTALL_TEST_DATA to its folder")
    return found


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of pip's, uv's, vinstall's or a provider's is set."""
    for name in list(os.environ):
        if name.startswith(_VARIABLES):
            monkeypatch.delenv(name)
