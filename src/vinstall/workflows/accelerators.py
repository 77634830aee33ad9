"""What the user should know about accelerators: one that changes, one that is not seen from a container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName

from vinstall.installation.plan import Plan
from vinstall.resolution.model import Pin
from vinstall.selection.release import Choice
from vinstall.workflows.installed_variants import Standing
from vinstall.workflows.invocation import Invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vinstall.formats.support import NamespaceAnswer
    from vinstall.formats.variant_json import Property

ACCELERATORS: Mapping[str, str] = {
    "nvidia": "CUDA",
    "amd": "ROCm",
    "intel": "XPU",
    "tpu": "TPU",
    "ascend": "Ascend",
}
"""Namespaces whose builds need a device, as the user calls them."""


def accelerator_changes(plan: Plan, standings: Iterable[Standing]) -> Iterator[str]:
    """A sentence for each variant that is replaced by one for another kind of accelerator."""
    before: dict[NormalizedName, Standing] = {one.distribution.name: one for one in standings}
    for old, pin in plan.replace:
        verdict = before[old.name].verdict if old.name in before else None
        if verdict is None:
            continue
        now = _accelerator(_properties(pin.choice))
        then = _accelerator(verdict.properties)
        if now != then:
            yield f"`{old.name}` changes from a build for {then} to a build for {now}"


def _properties(choice: Choice) -> Iterable[Property]:
    if choice.label is None or choice.table is None:
        return ()
    return choice.table.variants.get(choice.label, ())


def _accelerator(properties: Iterable[Property]) -> str:
    used = {prop.namespace for prop in properties}
    return next((name for namespace, name in ACCELERATORS.items() if namespace in used), "the CPU")


def container_hints(
    pins: Iterable[Pin], answers: Mapping[str, NamespaceAnswer], invocation: Invocation
) -> Iterator[str]:
    """In a container that sees no device: how to ask for the builds that were skipped for that.

    Nothing where the user has said what there is, by an override variable or otherwise.
    """
    unseen = {
        namespace: name
        for namespace, name in ACCELERATORS.items()
        if (answer := answers.get(namespace)) and not (answer.features or answer.unavailable)
    }
    if not unseen or not invocation.in_container:
        return
    from vinstall.providers.override import overrides_in_force

    if overrides_in_force(invocation.environ):
        return
    for pin in pins:
        used = {prop.namespace for prop in _properties(pin.choice)}
        skipped = [
            name
            for namespace, name in unseen.items()
            if namespace not in used and _has_labels_for(pin.choice, namespace)
        ]
        if skipped:
            yield (
                f"`{pin.name}`: this container sees no device, so builds for "
                f"{' and '.join(skipped)} were passed over; `--host FILE` chooses for the machine "
                "it will run on, where `vinstall host --export FILE` describes it"
            )


def _has_labels_for(choice: Choice, namespace: str) -> bool:
    table = choice.table
    return table is not None and any(
        prop.namespace == namespace for props in table.variants.values() for prop in props
    )
