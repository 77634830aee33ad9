"""Why a file is refused: one frozen class per reason, each with sentence().

Tuples: a release with many wheels makes a reason for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from packaging.utils import NormalizedName

from vinstall.selection.wording import either, feature_sentence
from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vinstall.formats.variant_json import Property


class Reason(Protocol):
    """A reason can speak."""

    def sentence(self) -> str:
        """The reason as the end of a sentence: "needs CPython 3.12"; no full stop."""
        ...


class Rejection(Row):
    """One file and why it cannot be used."""

    filename: str
    """A file name; for a label that no file has, the release: `torch-2.9.0`."""
    label: str | None
    reason: Reason


class Unreadable(Row):
    """The file name or the file's metadata does not follow its format."""

    fault: str

    def sentence(self) -> str:
        return self.fault


class ForeignProject(Row):
    """The file belongs to another project than the page it is listed on."""

    listed_for: NormalizedName

    def sentence(self) -> str:
        return f"is no file of `{self.listed_for}`, on whose page it is listed"


class TagMismatch(Row):
    """None of the wheel's platform compatibility tags is one of the target's."""

    tags: tuple[str, ...]

    def sentence(self) -> str:
        shown = ", ".join(f"`{tag}`" for tag in self.tags[:3])
        return f"is made for {shown}{' and others' if len(self.tags) > 3 else ''}"


class PythonMismatch(Row):
    """The file's Requires-Python excludes the target's Python."""

    required: str
    python: str

    def sentence(self) -> str:
        return f"needs Python {self.required}, the environment has {self.python}"


class UnsupportedFeature(Row):
    """No value the wheel lists for one feature is supported by the target."""

    wanted: tuple[Property, ...]
    """All of one feature, sorted."""
    offered: tuple[str, ...]
    """The values of that feature the target supports, most preferred first; empty: none."""

    def sentence(self) -> str:
        return feature_sentence(self.wanted, self.offered)


class NamespaceUnavailable(Row):
    """Nothing is supported in a namespace the wheel uses, for a reason of its own."""

    namespace: str
    why: str
    """"disabled by `--disable-provider`", "its provider `x-provider` is not trusted", ..."""

    def sentence(self) -> str:
        return f"needs `{self.namespace}`: {self.why}"


class VariantDataInvalid(Row):
    """The variant metadata is missing, broken, or does not know the wheel's label."""

    fault: str

    def sentence(self) -> str:
        return f"has no usable variant metadata: {self.fault}"


class NoSuchLabel(Row):
    """The user demands a label that no wheel of the release has."""

    label: str
    available: tuple[str, ...]
    """The labels there are, sorted."""

    def sentence(self) -> str:
        if not self.available:
            return f"has no variant `{self.label}`, nor any other"
        there = ", ".join(f"`{label}`" for label in self.available)
        return f"has no variant `{self.label}`; it has {there}"


class NamespaceMissing(Row):
    """The user requires a namespace that the file's properties do not use."""

    namespace: str

    def sentence(self) -> str:
        return f"uses nothing of `{self.namespace}`, which `--require` asks for"


class NoWheelHere(Row):
    """The label fits, but no wheel of it is for this target."""

    only: tuple[str, ...]
    """What its wheels are made for, sorted: platforms where none fits, else Python and ABI tags;
    empty: it has no wheels."""

    def sentence(self) -> str:
        if not self.only:
            return "has no wheel in this release"
        return f"has wheels only for {either([f'`{tag}`' for tag in self.only], 'and')}"


class HashNotAllowed(Row):
    """The index lists hashes for the file, and none of them is one the user allows."""

    listed: tuple[tuple[str, str], ...]

    def sentence(self) -> str:
        shown = either([f"`{algorithm}:{digest}`" for algorithm, digest in self.listed])
        return f"has the hash {shown}, which is not among those required"


class Yanked(Row):
    """The file was withdrawn by its maker (PEP 592)."""

    why: str
    """May be empty."""

    def sentence(self) -> str:
        return f"was yanked: {self.why}" if self.why else "was yanked"


class Excluded(Row):
    """The user's options exclude the file."""

    option: str
    """`--no-variants`, `--only-binary`, `--require-hashes`, ..."""

    def sentence(self) -> str:
        return f"is excluded by `{self.option}`"


_MOST_TELLING_FIRST: tuple[type[Reason], ...] = (
    NoSuchLabel,
    VariantDataInvalid,
    UnsupportedFeature,
    NamespaceUnavailable,
    NamespaceMissing,
    HashNotAllowed,
    Excluded,
    Yanked,
    PythonMismatch,
    NoWheelHere,
    TagMismatch,
    ForeignProject,
    Unreadable,
)
"""A file that was refused late came close; the fault of a file made for elsewhere says little."""

_WEIGHTS = {kind: weight for weight, kind in enumerate(_MOST_TELLING_FIRST)}


def most_telling_first(
    rejections: Iterable[Rejection], *, demanded: str | None = None
) -> tuple[Rejection, ...]:
    """`rejections` sorted by how much their reasons explain, else in the order given.

    Those of the label the user demanded come before all others; a value that is not offered
    comes before a feature of which nothing is.
    """

    def weight(rejection: Rejection) -> tuple[bool, int, bool]:
        reason = rejection.reason
        of_demanded = demanded is not None and rejection.label == demanded
        absent = isinstance(reason, UnsupportedFeature) and not reason.offered
        return not of_demanded, _WEIGHTS.get(type(reason), len(_WEIGHTS)), absent

    return tuple(sorted(rejections, key=weight))
