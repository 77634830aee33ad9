"""Why a file is refused: one frozen class per reason, each with sentence()."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vinstall.formats.variant_json import Property


class Reason(Protocol):
    """A reason can speak."""

    def sentence(self) -> str:
        """The reason as the end of a sentence: "needs CPython 3.12"; no full stop."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One file and why it cannot be used."""

    filename: str
    label: str | None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The file name or the file's metadata does not follow its format."""

    fault: str

    def sentence(self) -> str:
        return self.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class TagMismatch:
    """None of the wheel's platform compatibility tags is one of the target's."""

    tags: tuple[str, ...]

    def sentence(self) -> str:
        shown = ", ".join(f"`{tag}`" for tag in self.tags[:3])
        return f"is made for {shown}{' and others' if len(self.tags) > 3 else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonMismatch:
    """The file's Requires-Python excludes the target's Python."""

    required: str
    python: str

    def sentence(self) -> str:
        return f"needs Python {self.required}, the environment has {self.python}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsupportedFeature:
    """No value the wheel lists for one feature is supported by the target."""

    wanted: tuple[Property, ...]
    """All of one feature."""
    offered: tuple[str, ...]
    """The values of that feature the target supports, most preferred first; empty: none."""

    def sentence(self) -> str:
        first = self.wanted[0]
        values = " or ".join(prop.value for prop in self.wanted)
        offer = self.offered[0] if self.offered else "none"
        return f"needs `{first.namespace} :: {first.feature}` {values}, the target offers {offer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceUnavailable:
    """Nothing is supported in a namespace the wheel uses, for a reason of its own."""

    namespace: str
    why: str
    """"disabled by `--disable-provider`", "its provider `x-provider` is not trusted", ..."""

    def sentence(self) -> str:
        return f"needs `{self.namespace}`, {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantDataInvalid:
    """The variant metadata is missing, broken, or does not know the wheel's label."""

    fault: str

    def sentence(self) -> str:
        return self.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """The user's options exclude the file."""

    option: str
    """`--no-variants`, `--only-binary`, `--require-hashes`, ..."""

    def sentence(self) -> str:
        return f"is excluded by `{self.option}`"
