"""What is said of each choice that is not what its project had to offer.  Contract, section 2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vinstall.formats.wheel_name import NULL_LABEL
from vinstall.observer import Observer
from vinstall.resolution.model import Pin
from vinstall.selection.reason import (
    NamespaceUnavailable,
    Reason,
    UnsupportedFeature,
    VariantDataInvalid,
)
from vinstall.selection.wording import either
from vinstall.values import Row
from vinstall.workflows.report import passed_over

_SHOWN = 3
"""Labels whose reasons are spelled out."""


class _Passed(Row):
    label: str
    reason: Reason


def tell_fallbacks(pins: Iterable[Pin], observer: Observer) -> None:
    """Bad variant data is a warning; a fall back to the build for any machine is a notice.

    With `-v` every label that was passed over is told with the reason against it.
    """
    for pin in pins:
        passed = [_Passed(*one) for one in passed_over(pin.choice)]
        for text in _bad_data(pin, passed):
            observer.warning(text)
        for text in (*_optional(pin, passed), *_fallback(pin, passed)):
            observer.notice(text)
        for label, reason in passed:
            observer.detail(f"`{pin.name}` {pin.version}: `{label}` {reason.sentence()}")


def _bad_data(pin: Pin, passed: Sequence[_Passed]) -> Iterator[str]:
    """One sentence for each fault."""
    faults: dict[str, list[str]] = {}
    for label, reason in passed:
        if isinstance(reason, VariantDataInvalid):
            faults.setdefault(reason.fault, []).append(label)
    for fault, labels in faults.items():
        names = either([f"`{label}`" for label in labels], "and")
        yield f"`{pin.name}` {pin.version}: the variant metadata of {names} cannot be used: {fault}"


def _optional(pin: Pin, passed: Sequence[_Passed]) -> Iterator[str]:
    """One sentence for each namespace that its project calls optional."""
    labels: dict[str, list[str]] = {}
    for label, reason in passed:
        if isinstance(reason, NamespaceUnavailable) and reason.why.startswith("optional"):
            labels.setdefault(reason.namespace, []).append(label)
    for namespace, skipped in labels.items():
        names = either([f"`{label}`" for label in skipped], "and")
        yield (
            f"`{pin.name}` {pin.version}: {names} is not considered, for `{namespace}` is optional; "
            f"`--enable-provider {namespace}` enables it"
        )


def _fallback(pin: Pin, passed: Sequence[_Passed]) -> Iterator[str]:
    """Nothing made for this machine, although something is made for others."""
    if pin.choice.label not in (None, NULL_LABEL):
        return
    unmet = [one for one in passed if _is_of_the_host(one.reason)]
    if not unmet:
        return
    chosen = f"the variant `{NULL_LABEL}`" if pin.choice.label else "the plain wheel"
    reasons = [f"`{label}` {reason.sentence()}" for label, reason in unmet[:_SHOWN]]
    if len(unmet) > _SHOWN:
        reasons.append(f"{len(unmet) - _SHOWN} others do not fit either")
    yield f"`{pin.name}` {pin.version} falls back to {chosen}: {'; '.join(reasons)}"


def _is_of_the_host(reason: Reason) -> bool:
    """Whether the machine, or the host file that stands for it, is why a label was passed over."""
    if isinstance(reason, NamespaceUnavailable):
        return reason.why.startswith("the host file")
    return isinstance(reason, UnsupportedFeature)
