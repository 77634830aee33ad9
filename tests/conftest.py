"""Fixtures every test may use."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A run without further words looks at the same examples each time: it fails for what was changed,
# not by chance.  Larger runs, which ask for it, look further.
settings.register_profile("same", derandomize=True, deadline=None)
if "VINSTALL_TEST_SCALE" not in os.environ:
    settings.load_profile("same")

# A shell starts what runs in its background with some signals ignored, and programs under test
# would inherit that.
for _number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler)

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes and gigabytes from the network is run when it is asked for."""
    if "VINSTALL_TEST_SCALE" in os.environ:
        return
    skip = pytest.mark.skip(reason="takes minutes and the network: set VINSTALL_TEST_SCALE")
    for item in items:
        if item.get_closest_marker("network") and item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def _default_index_answers() -> bool:
    """Whether the index that pip would use can be reached."""
    import urllib.request

    from vinstall.sources.default_index import default_index

    try:
        with urllib.request.urlopen(f"{default_index()}pip/", timeout=10):
            return True
    except OSError:
        return False


@pytest.fixture(autouse=True)
def _network(request: pytest.FixtureRequest) -> None:
    """Tests marked `network` are skipped where there is none."""
    if request.node.get_closest_marker("network") is None:
        return
    if not request.getfixturevalue("_default_index_answers"):
        pytest.skip("the default index cannot be reached")


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of pip's, uv's, vinstall's or a provider's is set."""
    for name in list(os.environ):
        if name.startswith(_VARIABLES):
            monkeypatch.delenv(name)
