"""One source tree → a variant wheel for each label of its `[variant.variants]`.

Spec: PEP 517 (config settings), PEP 825.  Who builds and who tries an import is handed in.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from vinstall.errors import BuildError, UsageError
from vinstall.formats.variant_json import VariantTable
from vinstall.formats.wheel_name import split_label
from vinstall.observer import Observer
from vinstall.values import frozen
from vinstall.workshop.fault import refuse
from vinstall.workshop.inspection import agreement_faults
from vinstall.workshop.repack import Repacked, copy_wheel, make_variant
from vinstall.workshop.variant_definition import (
    BuildRecipe,
    Definition,
    read_definition,
    wheel_table,
)
from vinstall.workshop.wheel_content import WheelFile, open_wheel

LABEL_SETTING = "variant-label"
"""The config setting by which a backend learns which label it builds."""
_STRICT_BACKENDS = ("mesonpy", "scikit_build_core")
"""Backends that refuse settings they do not know, so that they get it only where the table says so."""


class Builder(Protocol):
    """Builds wheels from source trees."""

    def build(
        self,
        project: Path,
        into: Path,
        *,
        settings: Mapping[str, str | list[str]],
        environment: Mapping[str, str],
    ) -> Path:
        """The wheel of `project`, below `into`.  Raises BuildError with the end of the output."""
        ...


class ImportTest(Protocol):
    """Tries a wheel out."""

    def run(self, wheel: Path, modules: tuple[str, ...]) -> str | None:
        """Import `modules` from `wheel`; why that could not be tried on this machine, or None.

        Raises BuildError where an import fails.
        """
        ...


@frozen
class BuiltVariant:
    """One label, built."""

    label: str
    wheel: Repacked
    modules: tuple[str, ...]
    """What was imported as a test."""
    untested: str | None
    """Why it could not be tried here; None where it was."""
    content: frozenset[tuple[str, str]]
    """(path, hash) of its files outside `.dist-info`."""


@frozen
class BuildRequest:
    """What to build, and where to."""

    project: Path
    labels: tuple[str, ...]
    """Empty: all of the table."""
    output: Path
    definition: Path | None = None
    """A TOML file with the `[variant]` table; None: the project's own pyproject.toml."""
    epoch: int | None = None
    overwrite: bool = False


def build_variants(
    request: BuildRequest, builder: Builder, test: ImportTest, observer: Observer
) -> tuple[BuiltVariant, ...]:
    """Build, stamp, test and name one wheel for each label; a wheel that fails is not kept.

    Raises UsageError for a label the table does not have, BuildError where a build or an import
    fails; wheels finished before stay.
    """
    pyproject = request.definition or request.project / "pyproject.toml"
    definition = read_definition(pyproject)
    passes_label = _passes_label(request.project / "pyproject.toml")
    built: list[BuiltVariant] = []
    contents: dict[frozenset[tuple[str, str]], str] = {}
    for label in _labels(request, definition, pyproject):
        observer.notice(f"building `{label}`")
        recipe = definition.recipes.get(label, BuildRecipe())
        settings = dict(recipe.config_settings)
        if passes_label:
            settings.setdefault(LABEL_SETTING, label)
        with tempfile.TemporaryDirectory(prefix="vinstall-build-") as folder:
            made = builder.build(
                request.project, Path(folder), settings=settings, environment=recipe.environment
            )
            built.append(_finish(request, made, definition, label, test))
        same = contents.setdefault(built[-1].content, label)
        if same != label:
            observer.warning(
                f"`{label}` is `{same}` file for file: what is set for it changes nothing",
                hint="C++ compilers are given `CXXFLAGS`, C compilers `CFLAGS`",
            )
    return tuple(built)


def _labels(request: BuildRequest, definition: Definition, pyproject: Path) -> tuple[str, ...]:
    if missing := [label for label in request.labels if label not in definition.variants]:
        known = ", ".join(f"`{label}`" for label in definition.variants)
        raise UsageError(
            f"`{pyproject}` has no label `{missing[0]}` in `[variant.variants]`",
            context=(f"it has {known or 'none'}",),
        )
    if not definition.variants:
        raise UsageError(f"`{pyproject}` has no labels in `[variant.variants]`")
    return request.labels or tuple(definition.variants)


def _passes_label(pyproject: Path) -> bool:
    if not pyproject.is_file():
        return True  # setuptools, by PEP 517
    system = tomllib.loads(pyproject.read_text("utf-8")).get("build-system", {})
    backend = system.get("build-backend", "") if isinstance(system, dict) else ""
    return not str(backend).startswith(_STRICT_BACKENDS)


def _finish(
    request: BuildRequest, made: Path, definition: Definition, label: str, test: ImportTest
) -> BuiltVariant:
    """Stamp `made`, try it, and only then give it its place."""
    table = wheel_table(definition, label)
    recipe = definition.recipes.get(label, BuildRecipe())
    stamped = made
    if split_label(made.name)[1] is None:
        stamped = make_variant(made, made.parent / "stamped", table=table, epoch=request.epoch).path
    with open_wheel(stamped) as wheel:
        _check_stamp(wheel, table, label)
        modules = recipe.imports if recipe.imports is not None else suggested_imports(wheel)
        content = frozenset(
            (row.path, row.hash)
            for row in wheel.record
            if not row.path.startswith(f"{wheel.info}/")
        )
    untested = test.run(stamped, modules)
    finished = copy_wheel(stamped, request.output, overwrite=request.overwrite)
    return BuiltVariant(
        label=label, wheel=finished, modules=modules, untested=untested, content=content
    )


def _check_stamp(wheel: WheelFile, table: VariantTable, label: str) -> None:
    """A backend may have stamped the wheel itself; then it has to mean the same."""
    name = wheel.archive.path.name
    refuse(f"`{name}` was built and is no good wheel", wheel.faults)
    if wheel.label != label:
        raise BuildError(f"the backend labelled its wheel `{wheel.label}`, asked for was `{label}`")
    if agreement_faults(wheel, table):
        raise BuildError(f"`{name}` has other variant metadata than `[variant]` gives `{label}`")


def suggested_imports(wheel: WheelFile) -> tuple[str, ...]:
    """Top-level packages and modules of a wheel, and every compiled module, in the wheel's order."""
    found: dict[str, None] = {}
    for member in wheel.archive.members:
        parts = member.name.split("/")
        if parts[0].endswith((".dist-info", ".data")) or member.is_folder:
            continue
        stem, _, suffix = parts[-1].partition(".")
        # A bare `.so` may be any library; what is tagged for an interpreter is a module.
        compiled = suffix.startswith(("cpython-", "cp3", "abi3.")) and suffix.endswith(
            (".so", ".pyd")
        )
        if stem == "__init__" and suffix == "py":
            names = parts[:1] if len(parts) == 2 else []
        elif compiled or (suffix == "py" and len(parts) == 1):
            names = [*parts[:-1], stem]
        else:
            names = []
        if names and all(name.isidentifier() for name in names):
            found[".".join(names)] = None
    return tuple(found)
