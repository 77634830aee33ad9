"""InstalledDistribution: what is in an environment, and the RECORD of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDistribution:
    """One distribution found in a site folder.  Reading its parts costs disk access when asked."""

    name: NormalizedName
    version: Version
    location: Path
    """The `.dist-info` (or legacy `.egg-info`) folder or file."""

    @property
    def site(self) -> Path:
        """The site folder it lies in."""
        return self.location.parent
