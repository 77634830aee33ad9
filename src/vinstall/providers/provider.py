"""The Provider protocol.  Spec: PEP 850; each built-in is split into probe() and supported()."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vinstall.formats.support import NamespaceAnswer


class Provider(Protocol):
    """Answers for one namespace."""

    @property
    def namespace(self) -> str:
        """The namespace it answers for."""
        ...

    def supported(self) -> NamespaceAnswer:
        """What this machine supports.  Never raises for a fault of the machine: the answer says so.

        Raises UsageError for an override variable that does not parse.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptions:
    """What the user said about providers."""

    enabled: frozenset[str] = frozenset()
    """`--enable-provider`: namespaces whose `optional` provider may be asked."""
    disabled: frozenset[str] = frozenset()
    """`--disable-provider`: namespaces that support nothing."""
