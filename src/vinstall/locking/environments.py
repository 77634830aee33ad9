"""Environments: the hosts of a lock, told apart by their markers.  Spec: PEP 751 `environments`, `marker`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from vinstall.formats.marker import Marker, parse_marker
from vinstall.locking.conditions import NAMES, conditions
from vinstall.resolution.model import Resolution

_FIELDS = (*NAMES, "python_version")


class Environments:
    """The marker environments of the hosts, in their order; hosts may share one."""

    def __init__(self, hosts: Sequence[Mapping[str, str]]) -> None:
        self._hosts = hosts
        self._distinct = [
            name for name in _FIELDS if len({host.get(name, "") for host in hosts}) > 1
        ]

    def markers(self, resolutions: Sequence[Resolution]) -> tuple[Marker, ...]:
        """`environments` of the lock: where the resolution of a host holds; empty: everywhere."""
        found: dict[tuple[str, ...], Marker | None] = {}
        for host, resolution in zip(self._hosts, resolutions, strict=True):
            own = conditions(host, _evaluated(resolution))
            parts = [self._told(host, self._distinct)] if self._distinct else []
            parts += [own.text] if own is not None and own.text not in parts else []
            key = self._identity(host)
            found[key] = parse_marker(" and ".join(parts)) if parts else None
        if None in found.values():
            return ()
        return tuple(marker for _, marker in sorted(found.items()) if marker is not None)

    def marker_for(self, hosts: Iterable[int]) -> Marker | None:
        """A marker that holds for `hosts` and no other host whose environment differs; None: for all."""
        wanted = {self._identity(self._hosts[at]) for at in hosts}
        others = {self._identity(host) for host in self._hosts} - wanted
        if not others:
            return None
        for at, name in enumerate(self._distinct):
            mine = {identity[at] for identity in wanted}
            if not mine & {identity[at] for identity in others}:
                return parse_marker(" or ".join(f"{name} == '{value}'" for value in sorted(mine)))
        told = {
            self._told(host, self._distinct)
            for host in self._hosts
            if self._identity(host) in wanted
        }
        return parse_marker(" or ".join(f"({text})" for text in sorted(told)))

    def _identity(self, host: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(host.get(name, "") for name in self._distinct)

    @staticmethod
    def _told(host: Mapping[str, str], names: Sequence[str]) -> str:
        return " and ".join(f"{name} == '{host.get(name, '')}'" for name in names)


def _evaluated(resolution: Resolution) -> Iterable[Marker]:
    """The markers the resolution depended on; those of extras nobody asked for do not count."""
    for edge in resolution.edges:
        if edge.requirement.marker is not None:
            yield edge.requirement.marker
    for pin in resolution.pins:
        for requirement in pin.metadata.requires_dist:
            marker = requirement.marker
            if marker is None:
                continue
            if "extra" in marker.text and not any(name in marker.text for name in pin.extras):
                continue
            yield marker
