"""Short ways to write releases, tables and answers in the tests of selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import canonicalize_name
from packaging.version import Version

from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.formats.variant_json import Property, VariantTable, parse_property
from vinstall.selection.choose import choose, usable_wheels
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice, Release
from vinstall.selection.releases import group_releases

PYTHON = Version("3.12.1")
TAGS: Mapping[str, int] = {
    tag: rank
    for rank, tag in enumerate(
        [
            "cp312-cp312-manylinux_2_28_x86_64",
            "cp312-cp312-manylinux_2_17_x86_64",
            "cp312-cp312-linux_x86_64",
            "cp311-abi3-manylinux_2_28_x86_64",
            "py3-none-any",
        ]
    )
}
SOURCE = "https://index.example/simple/"
URL = "https://files.example/"
SHA = "a" * 64


def a_file(filename: str, **attributes: object) -> RemoteFile:
    """A file as an index lists it; `attributes` are fields of RemoteFile."""
    return RemoteFile(filename, URL + filename)._replace(**attributes)  # type: ignore[arg-type]


def page(*files: str | RemoteFile, name: str = "demo") -> ProjectPage:
    """A project page with these files, in this order."""
    listed = (a_file(file) if isinstance(file, str) else file for file in files)
    return ProjectPage(name=canonicalize_name(name), source=SOURCE, files=tuple(listed))


def release(*files: str | RemoteFile, name: str = "demo", version: str = "1.0") -> Release:
    """The release of one version on the page with these files."""
    return group_releases(page(*files, name=name)).release(Version(version))


def labelled(*labels: str | None, tag: str = "py3-none-any") -> list[str]:
    """Names of wheels of demo 1.0, one for each label; None: a plain wheel."""
    return [f"demo-1.0-{tag}{'-' + label if label is not None else ''}.whl" for label in labels]


def table(
    namespaces: Sequence[str], variants: Mapping[str, Iterable[str]], **fields: object
) -> VariantTable:
    """A table; properties written as `ns :: feature :: value`."""
    return VariantTable(
        namespaces=tuple(namespaces),
        variants={label: properties(*texts) for label, texts in variants.items()},
        **fields,  # type: ignore[arg-type]
    )


def properties(*texts: str) -> frozenset[Property]:
    """Properties written as `ns :: feature :: value`."""
    return frozenset(parse_property(text) for text in texts)


def answer(**features: Sequence[str]) -> NamespaceAnswer:
    """An answer that supports these features, most preferred first."""
    return NamespaceAnswer(
        features=tuple(FeatureSupport(name, tuple(values)) for name, values in features.items())
    )


def chosen(
    of: Release,
    table: VariantTable | None = None,
    *,
    answers: Mapping[str, NamespaceAnswer] | None = None,
    fault: str | None = None,
    policy: SelectionPolicy | None = None,
    tags: Mapping[str, int] = TAGS,
    python: Version = PYTHON,
) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
    """What `choose` makes of a release, `usable_wheels` first."""
    policy = policy or SelectionPolicy()
    usable, refused = usable_wheels(of, tags=tags, python=python, policy=policy)
    return choose(
        of,
        usable,
        refused=refused,
        table=table,
        fault=fault,
        answers=answers or {},
        policy=policy,
        tags=tags,
        python=python,
    )


def filenames(choices: Iterable[Choice]) -> list[str]:
    """The file of each choice."""
    return [choice.artifact.file.filename for choice in choices]


def spoken(rejections: Iterable[Rejection]) -> list[str]:
    """Each rejection as a sentence."""
    return [f"{rejection.filename} {rejection.reason.sentence()}" for rejection in rejections]
