"""What is loaded before it is needed costs every run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "httpx",
    "httpcore",
    "ssl",
    "http.client",
    "urllib.request",
    "email.message",
    "html",
    "netrc",
    "truststore",
    "click",
    "rich",
    "pip",
    "configparser",
}

LOCAL_RUN = """
import sys
from pathlib import Path
from packaging.utils import NormalizedName
from vinstall.cache.files import Cache
from vinstall.net.client import HttpClient
from vinstall.sources.chain_builder import SourceChoice, build_chain
from vinstall.sources.file_reader import CachedFileReader
folder = Path(sys.argv[1])
client, cache = HttpClient(), Cache(folder / "cache")
chain = build_chain(
    SourceChoice(index_url=(folder / "simple").as_uri()), base=folder, client=client, cache=cache
)
(page,) = chain.pages(NormalizedName("demo"))
reader = CachedFileReader(client, cache)
reader.core_metadata(page.files[0])
reader.download(page.files[0])
print(*sys.modules)
"""


@pytest.mark.parametrize(
    "program",
    [
        "import sys, vinstall.sources.chain_builder, vinstall.sources.file_reader;"
        "print(*sys.modules)",
        LOCAL_RUN,
    ],
    ids=["import", "a run without network"],
)
def test_nothing_of_the_network_is_loaded_without_need(program: str, tmp_path: Path) -> None:
    from tests.support.wheels import make_wheel

    make_wheel(tmp_path / "simple/demo")
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(result.stdout.split())
