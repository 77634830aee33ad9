"""SelectionPolicy: the user's say on which files and variants may be chosen (contract: it only narrows or reorders)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionPolicy:
    """The part of the options that concerns one project's choice."""

    variants: bool = True
    """False: `--no-variants`, labelled wheels are not considered."""
    label: str | None = None
    """`--variant`: only this label is acceptable."""
    prefer: tuple[tuple[str, ...], ...] = ()
    """`--prefer`: (namespace,), (namespace, feature) or (namespace, feature, value), first wins."""
    require: frozenset[str] = frozenset()
    """`--require`: namespaces the chosen wheel's properties must include when the release has any label using them."""
    wheels: bool = True
    """False: `--no-binary` covers this project."""
    sdists: bool = True
    """False: `--only-binary` covers this project."""
    prefer_wheels: bool = False
    """`--prefer-binary`."""
    require_hashes: bool = False
    hashes: frozenset[tuple[str, str]] = frozenset()
    """(algorithm, hex digest) the user allows; empty: any."""
