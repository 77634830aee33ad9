"""Requirements ← `[dependency-groups]` of a pyproject.toml.  Spec: PEP 735."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError
from vinstall.formats.requirement import Requirement
from vinstall.formats.toml_document import requirement_in


def group_requirements(groups: Mapping[str, object], name: str) -> tuple[Requirement, ...]:
    """What group `name` lists, included groups in their place.

    `groups` is the table as it stands; as the PEP asks, only groups that are needed are looked
    at.  Raises FormatError for an unknown group, a circle, and anything but requirements and
    `{include-group = "..."}` in a list.
    """
    return tuple(_listed(_by_name(groups), canonicalize_name(name), ()))


def _by_name(groups: Mapping[str, object]) -> dict[NormalizedName, tuple[str, object]]:
    """Groups by normalised name, with the name as written."""
    found: dict[NormalizedName, tuple[str, object]] = {}
    for written, listed in groups.items():
        name = canonicalize_name(written)
        if name in found:
            raise FormatError(
                f"`{found[name][0]}` and `{written}` are the same name", path="dependency-groups"
            )
        found[name] = (written, listed)
    return found


def _listed(
    groups: Mapping[NormalizedName, tuple[str, object]],
    name: NormalizedName,
    inside: tuple[NormalizedName, ...],
) -> Iterator[Requirement]:
    if name not in groups:
        raise FormatError(
            f"there is no dependency group `{name}`",
            context=(f"there are: {', '.join(sorted(groups)) or 'none'}",),
        )
    written, listed = groups[name]
    path = f"dependency-groups.{written}"
    if name in inside:
        raise FormatError("includes itself", path=path, context=(" → ".join((*inside, name)),))
    if not isinstance(listed, list):
        raise FormatError("is not a list", path=path)
    for entry in listed:
        if isinstance(entry, str):
            yield requirement_in(entry, path)
        else:
            yield from _listed(groups, _included(entry, path), (*inside, name))


def _included(entry: object, path: str) -> NormalizedName:
    if isinstance(entry, dict) and list(entry) == ["include-group"]:
        included = entry["include-group"]
        if isinstance(included, str):
            return canonicalize_name(included)
    raise FormatError(
        'has an entry that is no requirement and no `{include-group = "..."}`', path=path
    )
