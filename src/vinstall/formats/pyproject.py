"""Pyproject ← pyproject.toml, as far as dependencies go.  Spec: PEP 621, PEP 685, PEP 735."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import FormatError
from vinstall.formats.marker import Marker
from vinstall.formats.requirement import Requirement
from vinstall.formats.toml_document import (
    parse_toml,
    requirements_at,
    specifier_at,
    string_at,
    strings_at,
    table_at,
)
from vinstall.values import field, frozen, replace


@frozen
class Pyproject:
    """What a pyproject.toml says about dependencies."""

    name: NormalizedName | None = None
    """None without a `[project]` table."""
    requires_python: SpecifierSet | None = None
    dependencies: tuple[Requirement, ...] = ()
    optional_dependencies: Mapping[NormalizedName, tuple[Requirement, ...]] = field(
        default_factory=dict
    )
    """By extra."""
    dynamic: frozenset[str] = frozenset()
    """The fields of `[project]` that only a build can tell."""
    groups: Mapping[str, object] = field(default_factory=dict)
    """The table `[dependency-groups]` as it stands; see `dependency_group.group_requirements`."""


def parse_pyproject(data: bytes | str) -> Pyproject:
    """What the text of a pyproject.toml says about dependencies.

    Raises FormatError with the path of the field for text that is no TOML, and for fields of a
    wrong type or with a value that does not parse.
    """
    document = parse_toml(data)
    groups = table_at(document, "dependency-groups", "dependency-groups")
    if "project" not in document:
        return Pyproject(groups=groups)
    project = table_at(document, "project", "project")
    name = string_at(project, "name", "project.name")
    if not name:
        raise FormatError("is missing", path="project.name")
    optional = table_at(project, "optional-dependencies", "project.optional-dependencies")
    return Pyproject(
        name=canonicalize_name(name),
        requires_python=specifier_at(project, "requires-python", "project.requires-python"),
        dependencies=requirements_at(project, "dependencies", "project.dependencies"),
        optional_dependencies={
            canonicalize_name(extra): requirements_at(
                optional, extra, f"project.optional-dependencies.{extra}"
            )
            for extra in optional
        },
        dynamic=frozenset(strings_at(project, "dynamic", "project.dynamic")),
        groups=groups,
    )


def requirements_with_extras(
    project: Pyproject, extras: frozenset[NormalizedName]
) -> tuple[Requirement, ...]:
    """The dependencies of `project`, then those of `extras` in the order of their names.

    An extra may refer to others of its own project (`name[other]`): they stand for what they
    list.  Raises FormatError without a `[project]` table, for an unknown extra, and for
    dependencies that are left to the build.
    """
    if project.name is None:
        raise FormatError("is missing", path="project")
    asked = {"dependencies"} | ({"optional-dependencies"} if extras else set())
    if left := sorted(asked & project.dynamic):
        raise FormatError(
            "is left to the build", path=f"project.{left[0]}", hint="install the project itself"
        )
    found = [*project.dependencies]
    for extra in sorted(extras):
        found += _of_extra(project, extra, ())
    return tuple(dict.fromkeys(found))


def _of_extra(
    project: Pyproject, extra: NormalizedName, inside: tuple[NormalizedName, ...]
) -> Iterator[Requirement]:
    if extra not in project.optional_dependencies:
        known = ", ".join(sorted(project.optional_dependencies)) or "none"
        raise FormatError(f"there is no extra `{extra}`", context=(f"there are: {known}",))
    for requirement in project.optional_dependencies[extra]:
        if requirement.name != project.name or requirement.url is not None:
            yield requirement
            continue
        for other in sorted(requirement.extras.difference(inside, {extra})):
            for listed in _of_extra(project, other, (*inside, extra)):
                yield _only_where(listed, requirement.marker)


def _only_where(requirement: Requirement, marker: Marker | None) -> Requirement:
    if marker is None:
        return requirement
    if requirement.marker is None:
        return replace(requirement, marker=marker)
    both = f"({requirement.marker.text}) and ({marker.text})"
    return replace(requirement, marker=Marker(text=both))
