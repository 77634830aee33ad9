"""Finding: one thing that is wrong, or worth knowing, about an environment."""

from __future__ import annotations

from enum import Enum

from vinstall.values import frozen


class Kind(Enum):
    """What a finding is about."""

    MISSING_REQUIREMENT = "missing-requirement"
    CONFLICTING_REQUIREMENT = "conflicting-requirement"
    UNREADABLE_METADATA = "unreadable-metadata"
    UNSUPPORTED_PLATFORM = "unsupported-platform"
    UNSUPPORTED_VARIANT = "unsupported-variant"
    BROKEN_BINDING = "broken-binding"
    """A variant was built for another version of a distribution than the one installed."""
    MIXED_CUDA = "mixed-cuda"
    DUPLICATE = "duplicate"
    SHARED_FILE = "shared-file"
    MISSING_FILE = "missing-file"
    CHANGED_FILE = "changed-file"


@frozen
class Finding:
    """One thing found."""

    kind: Kind
    projects: tuple[str, ...]
    """The distributions it is about, the one to blame first."""
    sentence: str
    files: tuple[str, ...] = ()
    """Absolute paths, sorted; all of them, where `sentence` names the first."""
    is_fault: bool = True
    """False: nothing is broken by it."""

    def as_json(self) -> dict[str, object]:
        """All fields, by name."""
        return {
            "kind": self.kind.value,
            "projects": list(self.projects),
            "sentence": self.sentence,
            "files": list(self.files),
            "fault": self.is_fault,
        }


def named_files(files: tuple[str, ...]) -> str:
    """The first of `files`, and how many more there are."""
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"`{files[0]}`{more}"
