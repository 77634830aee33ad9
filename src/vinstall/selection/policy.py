"""SelectionPolicy: the user's say on which files and variants may be chosen (contract: it only narrows or reorders)."""

from __future__ import annotations

from vinstall.values import frozen


@frozen
class SelectionPolicy:
    """The part of the options that concerns one project's choice."""

    variants: bool = True
    """False: `--no-variants`, labelled wheels are not considered."""
    label: str | None = None
    """`--variant`: only this label is acceptable, of a release that has labels."""
    label_everywhere: bool = False
    """The demanded `label` binds releases without labels, too; to be set where another release of
    the project has some (`ReleaseIndex.has_labels`), lest an older plain build slip in."""
    prefer: tuple[tuple[str, ...], ...] = ()
    """`--prefer`: (namespace,), (namespace, feature) or (namespace, feature, value), first wins."""
    require: frozenset[str] = frozenset()
    """`--require`: namespaces the chosen wheel's properties must include when the release has any label using them."""
    require_everywhere: frozenset[str] = frozenset()
    """The part of `require` that binds releases none of whose labels uses it; to be set where the
    labels of another release of the project do."""
    wheels: bool = True
    """False: `--no-binary` covers this project."""
    sdists: bool = True
    """False: `--only-binary` covers this project."""
    prefer_wheels: bool = False
    """`--prefer-binary`."""
    require_hashes: bool = False
    hashes: frozenset[tuple[str, str]] = frozenset()
    """(algorithm, hex digest) the user allows; empty: any."""
