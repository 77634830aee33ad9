"""Remembered choices: what a resolution rests on where variants have a say.

Pages do not tell what this machine supports.  So what providers were asked is kept with what they
said, and they are asked again before a resolution is used; the choice of a file among variants is
not kept at all but made anew, for that one release, and must be the file it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from vinstall.formats.support import FeatureSupport
from vinstall.values import field_names

if TYPE_CHECKING:
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from vinstall.formats.support import NamespaceAnswer
    from vinstall.formats.variant_json import ProviderInfo
    from vinstall.resolution.model import Pin
    from vinstall.selection.release import Choice

Questions: TypeAlias = "Mapping[tuple[str, ProviderInfo | None], tuple[int, NamespaceAnswer]]"
"""Namespace, and what metadata says of its provider, to the number of labels that use it and the answer."""
Row: TypeAlias = tuple[Any, ...]
"""Of types that `marshal` knows."""


class Answers(Protocol):
    """Who knows what the target supports."""

    def answer(
        self, namespace: str, info: ProviderInfo | None, *, labels: int
    ) -> NamespaceAnswer: ...


class Catalog(Protocol):
    """The window on the sources."""

    def choices(self, name: NormalizedName, version: Version) -> Sequence[Choice]: ...


def answer_rows(asked: Questions) -> list[Row]:
    """What was asked and said, to be kept."""
    return [
        (namespace, _info_row(info), labels, _said(answer))
        for (namespace, info), (labels, answer) in asked.items()
    ]


def are_still_given(rows: Iterable[Row], answers: Answers) -> bool:
    """Whether the same questions get the same answers now.  Asks providers."""
    return all(
        _said(answers.answer(namespace, _info(row), labels=labels)) == said
        for namespace, row, labels, said in rows
    )


def place_of(pin: Pin, catalog: Catalog) -> int | None:
    """Which of its release's choices a pin has; None where it is none of them."""
    choices = catalog.choices(pin.name, pin.version)
    return next((at for at, choice in enumerate(choices) if choice is pin.choice), None)


def _said(answer: NamespaceAnswer) -> Row:
    """The part of an answer that choices depend on."""
    return _features_row(answer.features), answer.unavailable, answer.unanswered


def _info_row(info: ProviderInfo | None) -> Row | None:
    if info is None:
        return None
    values = {name: getattr(info, name) for name in field_names(info) or ()}
    static = None if info.static is None else _features_row(info.static)
    return tuple((values | {"static": static}).items())


def _info(row: Row | None) -> ProviderInfo | None:
    if row is None:
        return None
    from vinstall.formats.variant_json import ProviderInfo

    values = dict(row)
    if values["static"] is not None:
        values["static"] = tuple(FeatureSupport(*feature) for feature in values["static"])
    return ProviderInfo(**values)


def _features_row(features: Iterable[FeatureSupport]) -> Row:
    return tuple(tuple(feature) for feature in features)
