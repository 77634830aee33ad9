"""Plugins written for a test, and what prepares them."""

from __future__ import annotations

import hashlib
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.providers.plugin import PreparedPlugin

HEAD = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Config:
    name: str
    values: list
    multi_value: bool = False
"""

GOOD = """
class Acme:
    namespace = "acme"

    @classmethod
    def get_supported_configs(cls):
        return [Config("speed", ["9", "8"], True), Config("colour", ["red"])]
"""


@dataclass
class Workshop:
    """Prepares plugins out of source text, as the workflows do out of wheels."""

    folder: Path
    source: str = GOOD
    sha256: str = "a" * 64
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def __call__(
        self, name: NormalizedName, version: Version, sha256: str | None
    ) -> PreparedPlugin:
        self.asked.append((name, str(version), sha256))
        text = HEAD + textwrap.dedent(self.source)
        place = self.folder / "site"
        place.mkdir(exist_ok=True)
        (place / "acme.py").write_text(text, "utf-8")
        return PreparedPlugin(
            folder=place,
            python=Path(sys.executable),
            sha256=self.sha256,
            digest=hashlib.sha256(text.encode()).hexdigest(),
        )


class Memory(dict[str, bytes]):
    """Remembers answers; `get` is the dictionary's own."""

    def put(self, key: str, data: bytes) -> None:
        """Keep `data`."""
        self[key] = data
