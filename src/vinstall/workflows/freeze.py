"""Freeze: what is installed, as requirements; with hashes that hold for every variant.

Spec: pip's documentation of `pip freeze`; PEP 610 for what came from a URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import SourceError
from vinstall.formats.simple_api import RemoteFile
from vinstall.observer import Observer
from vinstall.selection.releases import group_releases
from vinstall.sources.chain import Chain
from vinstall.target.installed import InstalledDistribution
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import Rooms, build_chain, describe, load_text
from vinstall.workflows.editable_origin import EditableLine, editable_line
from vinstall.workflows.freeze_order import OrderFile, arrange
from vinstall.workflows.inventory import (
    Inventory,
    ShownVariant,
    editable_location,
    open_inventory,
    shown_variant,
    spelling,
)
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings

_TOOLS = frozenset({"pip"})
_OLD_TOOLS = frozenset({"pip", "setuptools", "distribute", "wheel"})
"""What a new environment had before Python 3.12; pip leaves it out unless `--all`."""
_ALLOWED = ("sha256", "sha384", "sha512")
"""What `--hash` takes, the preferred one first."""
_THREADS = 16


@frozen
class FreezeWishes:
    """What is written, in pip's words."""

    hashes: bool = False
    """Every wheel and source distribution of each version, whatever its variant."""
    all: bool = False
    local: bool = False
    exclude_editable: bool = False
    exclude: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()


@frozen
class Frozen:
    """One requirement."""

    name: str
    """As its own metadata spells it."""
    version: str
    requirement: str
    """`name==version`, `name @ URL`, or what stands after `-e`."""
    editable: bool = False
    comments: tuple[str, ...] = ()
    is_indexed: bool = False
    """Whether it stands for a release, and not for one file or folder."""
    hashes: tuple[str, ...] = ()
    """`sha256:...`, sorted."""
    variant: ShownVariant | None = None
    distribution: InstalledDistribution

    def lines(self) -> Iterator[str]:
        """As they stand in a requirements file."""
        yield from self.comments
        line = f"-e {self.requirement}" if self.editable else self.requirement
        yield " \\\n    ".join([line, *(f"--hash={text}" for text in self.hashes)])


def freeze(
    settings: Settings, wishes: FreezeWishes, invocation: Invocation, observer: Observer
) -> tuple[Frozen | str, ...]:
    """Everything installed, sorted by name regardless of case.

    Where the settings name requirements files: in their order, their comments and options kept as
    texts, then the rest below a headline.  With hashes it costs the page of each project, and the
    whole of each file of which no source lists a hash.  Raises SourceError for a version that no
    source has, UsageError for a file that cannot be read.
    """
    with open_inventory(settings, invocation, observer, paths=wishes.paths) as inventory:
        observer.target(describe(inventory.target))
        found = [_frozen(one, invocation.environ) for one in _visible(inventory, wishes)]
        found = [one for one in found if not (one.editable and wishes.exclude_editable)]
        lines = _chosen(sorted(found, key=lambda one: one.name.lower()), inventory, wishes)
        return _with_hashes(lines, inventory) if wishes.hashes else tuple(lines)


def _visible(inventory: Inventory, wishes: FreezeWishes) -> Iterator[InstalledDistribution]:
    only_local = wishes.local or inventory.rooms.settings.target.user
    return (one for one in inventory.distributions() if one.local or not only_local)


def _chosen(
    found: Iterable[Frozen], inventory: Inventory, wishes: FreezeWishes
) -> list[Frozen | str]:
    """What is written; pip's own tools, and what is excluded, where a file lists them alone."""
    skipped = _skipped(inventory, wishes)
    files = _order_files(inventory.rooms)
    if not files:
        return [one for one in found if one.distribution.name not in skipped]
    return list(
        arrange(
            files,
            {one.distribution.name: one for one in found},
            adds=lambda name: name not in skipped,
            observer=inventory.rooms.observer,
        )
    )


def _skipped(inventory: Inventory, wishes: FreezeWishes) -> frozenset[NormalizedName]:
    old = inventory.target.python_version.release < (3, 12)
    tools = frozenset() if wishes.all else (_OLD_TOOLS if old else _TOOLS)
    return frozenset(map(canonicalize_name, tools.union(wishes.exclude)))


def _order_files(rooms: Rooms) -> list[OrderFile]:
    return [
        OrderFile("<stdin>", rooms.invocation.read_input())
        if name == "-"
        else OrderFile(name, load_text(rooms, name))
        for name in rooms.settings.requirement_files
    ]


def _frozen(distribution: InstalledDistribution, environ: Mapping[str, str]) -> Frozen:
    name, version = spelling(distribution).name, str(distribution.version)
    location = editable_location(distribution)
    direct = distribution.direct_url()
    plain = f"{name}=={version}"
    line = EditableLine(plain)
    if location is not None:
        line = editable_line(Path(location), name, version, environ)
    elif direct is not None:
        line = EditableLine(_direct_reference(name, direct) or plain)
    return Frozen(
        name=name,
        version=version,
        requirement=line.requirement,
        comments=line.comments,
        editable=location is not None,
        is_indexed=line.requirement == plain,
        variant=shown_variant(distribution),
        distribution=distribution,
    )


def _direct_reference(name: str, direct: Mapping[str, object]) -> str | None:
    """`name @ URL` for a PEP 610 object; None for one that follows another shape."""
    url = direct.get("url")
    if not isinstance(url, str):
        return None
    fragments = []
    vcs, archive = direct.get("vcs_info"), direct.get("archive_info")
    if isinstance(vcs, dict):
        url = f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    elif isinstance(archive, dict):
        fragments = _archive_hash(archive)
    if direct.get("subdirectory"):
        fragments.append(f"subdirectory={direct['subdirectory']}")
    return f"{name} @ {url}" + (f"#{'&'.join(fragments)}" if fragments else "")


def _archive_hash(archive: Mapping[str, object]) -> list[str]:
    hashes = archive.get("hashes")
    if isinstance(hashes, dict) and hashes:
        algorithm, digest = next(iter(hashes.items()))
        return [f"{algorithm}={digest}"]
    old = archive.get("hash")  # PEP 610 before `hashes`
    return [old] if isinstance(old, str) else []


# --- hashes -------------------------------------------------------------------------------------


def _with_hashes(lines: Sequence[Frozen | str], inventory: Inventory) -> tuple[Frozen | str, ...]:
    from concurrent.futures import ThreadPoolExecutor

    rooms, observer = inventory.rooms, inventory.rooms.observer
    found = [one for one in lines if isinstance(one, Frozen)]
    for one in found:
        if not one.is_indexed and "#sha" not in one.requirement:
            observer.warning(
                f"`{one.name}` did not come from an index and gets no hash",
                hint=f"an installation that requires hashes refuses it; `--exclude {one.name}`",
            )
    indexed = [one for one in found if one.is_indexed]
    chain = build_chain(rooms)
    with ThreadPoolExecutor(_THREADS) as pool:
        hashes = list(pool.map(lambda one: _hashes(one.distribution, chain, rooms), indexed))
    missing = [one for one, known in zip(indexed, hashes, strict=True) if not known]
    if missing:
        raise SourceError(
            f"no source has `{missing[0].requirement}`, so its hashes are not known",
            context=tuple(f"nor `{one.requirement}`" for one in missing[1:]),
            hint="name the index it came from, or leave it out with "
            f"`{' '.join(f'--exclude {one.name}' for one in missing)}`",
        )
    known = {one.name: digests for one, digests in zip(indexed, hashes, strict=True)}
    for one in indexed:
        _compare_with_installed(one, known[one.name], observer)
    return tuple(
        replace(one, hashes=known.get(one.name, ())) if isinstance(one, Frozen) else one
        for one in lines
    )


def _hashes(distribution: InstalledDistribution, chain: Chain, rooms: Rooms) -> tuple[str, ...]:
    """The hash of every file of the release, in every source that lists it; sorted."""
    files: dict[str, RemoteFile] = {}
    for page in chain.pages(distribution.name):
        index = group_releases(page)
        if distribution.version not in index.versions:
            continue
        release = index.release(distribution.version)
        listed = [wheel.file for wheel in release.wheels]
        listed += [sdist.file for sdist in release.sdists]
        files |= {file.url: file for file in listed}
    return tuple(sorted({_hash(file, rooms) for file in files.values()}))


def _hash(file: RemoteFile, rooms: Rooms) -> str:
    listed = dict(file.hashes)
    for algorithm in _ALLOWED:
        if algorithm in listed:
            return f"{algorithm}:{listed[algorithm]}"
    return f"sha256:{rooms.reader.download(file).sha256}"


def _compare_with_installed(one: Frozen, hashes: Iterable[str], observer: Observer) -> None:
    """Say so where the very file that is installed is not among those the sources list."""
    archive = (one.distribution.provenance() or {}).get("archive_info")
    recorded = archive.get("hashes") if isinstance(archive, dict) else None
    sha256 = recorded.get("sha256") if isinstance(recorded, dict) else None
    algorithms = {text.partition(":")[0] for text in hashes}
    if sha256 is not None and algorithms == {"sha256"} and f"sha256:{sha256}" not in set(hashes):
        observer.warning(f"no source lists the file of `{one.requirement}` that is installed")
