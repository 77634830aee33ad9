"""What of a lock is needed always, and what only for an extra or a dependency group.

Spec: PEP 751 "Additions to marker expression syntax": `'NAME' in extras`, `'NAME' in
dependency_groups`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from packaging.utils import NormalizedName

from vinstall.formats.marker import MarkerContext
from vinstall.formats.metadata import dependencies
from vinstall.formats.requirement import Requirement
from vinstall.resolution.model import Resolution
from vinstall.values import frozen


@frozen
class Selection:
    """An extra or a group that a lock may be asked for."""

    name: str
    field: str
    """`extras` or `dependency_groups`."""
    requirements: tuple[Requirement, ...]

    @property
    def condition(self) -> str:
        """The marker that holds where it is asked for."""
        return f"'{self.name}' in {self.field}"


def conditions_of(
    resolution: Resolution,
    *,
    always: Iterable[Requirement],
    selections: Collection[Selection],
    environment: Mapping[str, str],
) -> dict[NormalizedName, tuple[str, ...]]:
    """Project to the conditions any of which needs it; what is needed always is not listed."""
    if not selections:
        return {}
    needed = _reached(resolution, always, environment)
    found: dict[NormalizedName, tuple[str, ...]] = {}
    for selection in selections:
        for name in _reached(resolution, selection.requirements, environment) - needed:
            found[name] = (*found.get(name, ()), selection.condition)
    return found


def _reached(
    resolution: Resolution, requirements: Iterable[Requirement], environment: Mapping[str, str]
) -> set[NormalizedName]:
    """The projects that `requirements` lead to, extras followed by themselves."""
    pins = {pin.name: pin for pin in resolution.pins}
    base = MarkerContext(environment=environment)
    queue = [one for one in requirements if one.marker is None or one.marker.evaluate(base)]
    seen: set[tuple[NormalizedName, NormalizedName | None]] = set()
    while queue:
        requirement = queue.pop()
        pin = pins.get(requirement.name)
        for extra in (None, *requirement.extras):
            if pin is None or (pin.name, extra) in seen:
                continue
            seen.add((pin.name, extra))
            context = MarkerContext(
                environment=environment,
                extras=frozenset() if extra is None else frozenset({extra}),
                label=pin.choice.label or "",
                properties=pin.choice.matched,
            )
            queue += dependencies(pin.metadata, context)
    return {name for name, _ in seen}
