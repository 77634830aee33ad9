"""InstallReport: what an installation did or would do, and its form as pip's installation report.

Spec: pip's documentation, "Installation Report", version 1; with `variant`, `size` and `host` beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from vinstall.errors import InstallationError
from vinstall.resolution.model import Pin
from vinstall.selection.reason import Reason
from vinstall.selection.release import Choice, SourceDistribution, Wheel
from vinstall.target.environment import Target
from vinstall.values import field, frozen

if TYPE_CHECKING:
    from vinstall.formats.support import NamespaceAnswer
    from vinstall.workflows.metadata_json import JsonMetadata
    from vinstall.workflows.recipe import Beginning
    from vinstall.workflows.remembered import Remembered

PIP_VERSION = "26.3"
"""The pip whose report this is made after; its readers expect the field."""


class Action(Enum):
    """What happens to a distribution."""

    NEW = "new"
    REPLACED = "replaced"
    KEPT = "kept"
    REMOVED = "removed"


@frozen
class Item:
    """One distribution of the answer."""

    name: str
    version: str
    action: Action
    previous: str | None = None
    """The version that gives way, with its label; None unless replaced."""
    label: str | None = None
    deciding: tuple[str, ...] = ()
    """The supported properties that placed the chosen label, most important first."""
    size: int | None = None
    """Bytes to download; None where the source does not say."""
    source: str | None = None
    """Where the file is listed; None for what is kept."""
    pin: Pin | None = None
    """None for what is kept."""
    metadata: JsonMetadata = field(default_factory=dict)
    """All fields of the core metadata; only filled in for a report."""
    sha256: str | None = None
    """Of the wheel that was installed; None where nothing was."""


@frozen
class InstallReport:
    """The whole answer: items sorted by name."""

    target: Target
    items: tuple[Item, ...]
    answers: Mapping[str, NamespaceAnswer] = field(default_factory=dict)
    """What the providers said that were asked."""
    remembered: Remembered | None = None
    """What a resolution that was not made anew rests on."""
    beginning: Beginning | None = None
    """What the environment was like before, where that may be of use to the next run."""

    def with_action(self, *actions: Action) -> tuple[Item, ...]:
        """The items to which one of `actions` happens."""
        return tuple(item for item in self.items if item.action in actions)


def with_label(version: str, label: str | None) -> str:
    """`2.10.0`, or `2.10.0 (cu12)` for a variant."""
    return version if label is None else f"{version} ({label})"


def render_report(report: InstallReport) -> str:
    """The report as JSON; `install` lists what is new or replaced."""
    import json

    document = {
        "version": "1",
        "pip_version": PIP_VERSION,
        "install": [_item_json(item, item.pin) for item in report.items if item.pin is not None],
        "environment": dict(report.target.markers),
        "host": {
            namespace: answer_json(answer) for namespace, answer in sorted(report.answers.items())
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write_report(path: Path, text: str) -> None:
    """Put `text` in place at once.  Raises InstallationError where it cannot be written."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InstallationError(
            f"the report cannot be written to `{path}`", context=(str(error),)
        ) from error


def answer_json(answer: NamespaceAnswer) -> dict[str, object]:
    """What one provider said, values most preferred first."""
    return {
        "how": answer.how,
        "unavailable": answer.unavailable,
        "properties": {feature.name: list(feature.values) for feature in answer.features},
    }


def _item_json(item: Item, pin: Pin) -> dict[str, object]:
    artifact = pin.choice.artifact
    result: dict[str, object] = {
        "download_info": _download_info(item, pin),
        "is_direct": pin.direct_url is not None,
        "is_yanked": artifact.file.yanked is not None,
        "requested": pin.requested,
    }
    if pin.requested and pin.extras:
        result["requested_extras"] = sorted(pin.extras)
    result["metadata"] = item.metadata
    result["variant"] = variant_json(pin.choice)
    result["size"] = item.size
    return result


def _download_info(item: Item, pin: Pin) -> dict[str, object]:
    """The direct URL data structure (PEP 610)."""
    from vinstall.installation.origin import direct_url_json
    from vinstall.sources.location import url_path

    artifact = pin.choice.artifact
    hashes = dict(artifact.file.hashes)
    if isinstance(artifact, Wheel) and item.sha256 is not None:
        hashes["sha256"] = item.sha256
    elif not hashes and artifact.file.url.startswith("file:"):
        hashes |= _hash_of(url_path(artifact.file.url))
    editable = isinstance(artifact, SourceDistribution) and artifact.editable
    return direct_url_json(pin.direct_url or artifact.file.url, hashes=hashes, editable=editable)


def _hash_of(path: Path) -> dict[str, str]:
    """The sha256 of a file that no index lists; nothing for a folder."""
    if not path.is_file():
        return {}
    import hashlib

    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def variant_json(choice: Choice) -> dict[str, object]:
    """The chosen label, its properties, and the labels passed over with the reason."""
    label = choice.label
    properties: Sequence[object] = ()
    if label is not None and choice.table is not None:
        properties = sorted(choice.table.variants.get(label, ()))
    return {
        "label": label,
        "properties": [str(prop) for prop in properties],
        "skipped": [
            {"label": skipped, "reason": reason.sentence()}
            for skipped, reason in passed_over(choice)
        ],
    }


def passed_over(choice: Choice) -> tuple[tuple[str, Reason], ...]:
    """(label, most telling reason) of every label that no usable wheel has, sorted by label."""
    if choice.is_plain:
        return ()
    usable = {choice.label, *(wheel.name.label for wheel in choice.runners_up)}
    reasons: dict[str, Reason] = {}
    for rejection in choice.rejected:
        if rejection.label is not None and rejection.label not in usable:
            reasons.setdefault(rejection.label, rejection.reason)
    return tuple(sorted(reasons.items()))


def deciding_properties(choice: Choice) -> tuple[str, ...]:
    """The best supported property of each feature of the chosen label, most important first."""
    if choice.table is None or not choice.matched:
        return ()
    from vinstall.selection.ordering import rank_properties

    ranks = rank_properties(choice.matched, table=choice.table, support=choice.support)
    best: dict[tuple[str, str], str] = {}
    for prop in sorted(ranks, key=lambda prop: ranks[prop]):
        best.setdefault((prop.namespace, prop.feature), str(prop))
    return tuple(best.values())


def new_item(
    pin: Pin,
    *,
    previous: str | None,
    deciding: Sequence[str],
    size: int | None,
    metadata: JsonMetadata,
    sha256: str | None = None,
) -> Item:
    """The item for something that is installed; `previous` is the version it replaces.

    `sha256` is of the wheel that was put in place, where that happened.
    """
    choice = pin.choice
    return Item(
        name=pin.name,
        version=str(pin.version),
        action=Action.NEW if previous is None else Action.REPLACED,
        previous=previous,
        label=choice.label,
        deciding=tuple(deciding) if isinstance(choice.artifact, Wheel) else (),
        size=size,
        source=choice.artifact.source,
        pin=pin,
        metadata=metadata,
        sha256=sha256,
    )
