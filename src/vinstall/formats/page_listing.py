"""Listing: the files of a project page by version, newest first, packed so that they can be read bit by bit.

A page may list thousands of files and a resolution looks at a handful of versions.  So names are
split as strings and versions sorted once, when the page was received; whoever reads the listing
later unpacks the files of the versions that he looks at.  Spec: PEP 427, PEP 625 (names), PEP 825
"Index-level metadata".
"""

from __future__ import annotations

import marshal
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, overload

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from vinstall.formats.simple_api import FileRow, RemoteFile, absolute_from, as_files
from vinstall.formats.wheel_name import parse_variants_json_name
from vinstall.values import Row

LISTING_REVISION = 5
"""Other numbers are of other layouts, or of other rules on which file belongs to which version."""

_SDIST_SUFFIXES = (".tar.gz", ".zip")
_VARIANTS_JSON_SUFFIX = "-variants.json"
_MARSHAL = 4
_HEAD_SIZE = 4
_PART = 24
"""Files that are packed together, if the versions they are of have no more: packing a part takes
as long as packing five files, and reading one reads all of it."""


_PackedVersion = tuple[list[int], list[FileRow], list[FileRow], list[FileRow]]
"""Places in the page of the files of a version, all kinds; wheels, source distributions, variants."""


class VersionFiles(Row):
    """The files of one version, each kind in page order; their names are not parsed."""

    wheels: tuple[RemoteFile, ...]
    sdists: tuple[RemoteFile, ...]
    variants_json: tuple[RemoteFile, ...]


class Misfit(Row):
    """A file that belongs to no version."""

    filename: str
    fault: str | None
    """The end of a sentence that begins with the file name; None: it is of another project."""


class Listing(Sequence[RemoteFile]):
    """The files of a page: as a sequence in page order, and by version.  Threads may share one."""

    def __init__(self, packed: bytes | memoryview) -> None:
        """`packed` is that of another Listing; it is trusted, and read when it is asked about."""
        self.packed = packed
        view = memoryview(packed)
        start = _HEAD_SIZE + int.from_bytes(view[:_HEAD_SIZE], "little")
        versions, firsts, ends, misfits, count, labels, variants, base = _load(
            view[_HEAD_SIZE:start]
        )
        self.versions: tuple[str, ...] = versions
        """Every version with a wheel or a source distribution as first written, newest first."""
        self.misfits: tuple[Misfit, ...] = tuple(Misfit(*one) for one in misfits)
        self.has_labels: bool = labels
        """Whether any wheel carries a variant label."""
        self.has_variants_json: bool = variants
        """Whether there is any file of variant metadata."""
        self._count: int = count
        self._absolute = absolute_from(base)
        self._firsts: tuple[int, ...] = firsts
        """The first version of each part; the last part is of files that belong to no version."""
        self._ends: tuple[int, ...] = ends
        self._parts = view[start:]
        self._last: tuple[int, Sequence[_PackedVersion]] = -1, ()
        """The part that was read last."""

    def of(self, at: int) -> VersionFiles:
        """The files of the version at this place of `versions`.  Costs a microsecond a file."""
        part = bisect_right(self._firsts, range(len(self.versions))[at]) - 1
        last, packed = self._last
        if last != part:
            packed = self._part(part)
            self._last = part, packed
        _, wheels, sdists, variants = packed[at - self._firsts[part]]
        absolute = self._absolute
        return VersionFiles(
            as_files(wheels, absolute), as_files(sdists, absolute), as_files(variants, absolute)
        )

    def _part(self, part: int) -> Sequence[_PackedVersion]:
        found: Sequence[_PackedVersion] = _load(
            self._parts[self._ends[part] : self._ends[part + 1]]
        )
        return found

    @cached_property
    def _files(self) -> tuple[RemoteFile, ...]:
        """All files in page order, those included that belong to no version."""
        placed = {
            place: row
            for part in range(len(self._firsts))
            for places, *kinds in self._part(part)
            for place, row in zip(places, (row for kind in kinds for row in kind), strict=True)
        }
        return as_files((placed[place] for place in range(self._count)), self._absolute)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> RemoteFile: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[RemoteFile, ...]: ...
    def __getitem__(self, at: int | slice) -> RemoteFile | tuple[RemoteFile, ...]:
        return self._files[at]

    def __iter__(self) -> Iterator[RemoteFile]:
        return iter(self._files)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._files == tuple(other)

    def __hash__(self) -> int:
        return hash(self._files)


def list_files(project: NormalizedName, files: Sequence[FileRow], base: str = "") -> Listing:
    """The files of a page on `project` by version: wheels, source distributions, variants files.

    Links in rows that are as they stand on the page are taken from `base`.

    Files of other kinds (eggs, installers, signatures) are of no version; files of another
    project, and those whose version cannot be read, are `misfits` besides.
    """
    filenames = [row["filename"] if isinstance(row, dict) else row[0] for row in files]
    grouping = _Grouping(project, filenames)
    try:
        return Listing(_pack(grouping, files, base))
    except ValueError:  # a row with more in it than `marshal` takes
        return Listing(_pack(grouping, as_files(files, absolute_from(base)), base))


def lists_variants(files: Sequence[RemoteFile]) -> bool:
    """Whether any file of variant metadata is among the files of a page; unpacks nothing."""
    if isinstance(files, Listing):
        return files.has_variants_json
    return any(file.filename.endswith(_VARIANTS_JSON_SUFFIX) for file in files)


class _Group:
    """The places in the page of the files of one version."""

    __slots__ = ("sdists", "variants_json", "wheels")

    def __init__(self) -> None:
        self.wheels: list[int] = []
        self.sdists: list[int] = []
        self.variants_json: list[int] = []

    @property
    def kinds(self) -> tuple[list[int], list[int], list[int]]:
        return self.wheels, self.sdists, self.variants_json

    @property
    def count(self) -> int:
        return len(self.wheels) + len(self.sdists) + len(self.variants_json)

    def take(self, other: _Group) -> None:
        self.wheels = sorted(self.wheels + other.wheels)
        self.sdists = sorted(self.sdists + other.sdists)
        self.variants_json += other.variants_json


class _Grouping:
    """Files of a page on their way to a Listing."""

    def __init__(self, project: NormalizedName, filenames: Sequence[str]) -> None:
        """`filenames` are the names of a page's files, in page order."""
        self.project = project
        self.misfits: list[Misfit] = []
        self.has_labels = False
        self.has_variants_json = False
        self._by_text: dict[str, _Group] = {}
        """By version as written."""
        self._own_names: dict[str, bool] = {}
        """Project name as written in a file name to whether it is the page's."""
        self._add(filenames)
        self.listed = self._newest_first(filenames)

    def _add(self, filenames: Sequence[str]) -> None:
        """Nearly all are wheels, most of them of the version of the wheel before them."""
        start = ""
        places: list[int] | None = None
        for place, filename in enumerate(filenames):
            if not filename.endswith(".whl"):
                self._add_other(place, filename)
                continue
            if not start or not filename.startswith(start):
                # Name and version, with the dashes after them, or nothing.
                start = filename[: filename.find("-", filename.find("-") + 1) + 1]
                places = self._wheels_of(filename)
            if places is None:
                start = ""
                continue
            places.append(place)
            if not self.has_labels and filename.count("-") > 4:
                self.has_labels = _has_label(filename)

    def _wheels_of(self, filename: str) -> list[int] | None:
        """Where the places of wheels of one version are gathered; None for a misfit."""
        parts = filename.split("-", 2)
        version = parts[1] if len(parts) > 1 else ""
        if not version:
            self.misfits.append(Misfit(filename, "is no wheel name"))
        elif not self._is_own(parts[0]):
            self.misfits.append(Misfit(filename, None))
        else:
            return self._group(version).wheels
        return None

    def _add_other(self, place: int, filename: str) -> None:
        if filename.endswith(_SDIST_SUFFIXES):
            text = self._sdist_version(filename)
            if text is None:
                self.misfits.append(Misfit(filename, None))
            else:
                self._group(text).sdists.append(place)
        elif filename.endswith(_VARIANTS_JSON_SUFFIX):
            self._add_variants_json(place, filename)

    def _group(self, version: str) -> _Group:
        group = self._by_text.get(version)
        if group is None:
            group = self._by_text[version] = _Group()
        return group

    def _is_own(self, name: str) -> bool:
        own = self._own_names.get(name)
        if own is None:
            own = self._own_names[name] = canonicalize_name(name) == self.project
        return own

    def _sdist_version(self, filename: str) -> str | None:
        """The version as written; None where the name does not begin with the project's.

        Names older than PEP 625 may have dashes in the project name and in the version: only the
        known project name tells where the one ends.
        """
        stem = filename.removesuffix(".zip").removesuffix(".tar.gz")
        end = stem.find("-")
        while end > 0:
            if self._is_own(stem[:end]):
                return stem[end + 1 :]
            end = stem.find("-", end + 1)
        return None

    def _add_variants_json(self, place: int, filename: str) -> None:
        self.has_variants_json = True
        parsed = parse_variants_json_name(filename)
        if parsed is None:
            self.misfits.append(Misfit(filename, "has an invalid version"))
        elif parsed[0] != self.project:
            self.misfits.append(Misfit(filename, None))
        else:
            self._group(str(parsed[1])).variants_json.append(place)

    def _newest_first(self, filenames: Sequence[str]) -> list[tuple[str, _Group]]:
        """Each version that can be installed, as first written; files of bad ones become misfits."""
        groups: dict[Version, tuple[str, _Group]] = {}
        for text, group in self._by_text.items():
            try:
                version = Version(text)
            except ValueError:
                fault = f"has the invalid version `{text}`"
                listed = (*group.wheels, *group.sdists)
                self.misfits += [Misfit(filenames[place], fault) for place in listed]
                continue
            same = groups.setdefault(version, (text, group))[1]
            if same is not group:
                same.take(group)
        return [
            groups[version]
            for version in sorted(groups, reverse=True)
            if groups[version][1].wheels or groups[version][1].sdists
        ]


def _pack(grouping: _Grouping, files: Sequence[FileRow], base: str) -> bytes:
    groups = [group for _, group in grouping.listed]
    rows = _rows(files, groups[0] if groups else _Group(), base)
    firsts = _firsts(groups)
    parts = [_pack_part(rows, groups[first:end]) for first, end in pairwise(firsts)]
    parts.append(_pack_part(rows, [_left_out(groups, len(rows))]))
    head = marshal.dumps(
        (
            tuple(text for text, _ in grouping.listed),
            tuple(firsts),
            (0, *accumulate(map(len, parts))),
            tuple(map(tuple, grouping.misfits)),
            len(files),
            grouping.has_labels,
            grouping.has_variants_json,
            base,
        ),
        _MARSHAL,
    )
    return b"".join((len(head).to_bytes(_HEAD_SIZE, "little"), head, *parts))


def _rows(files: Sequence[FileRow], newest: _Group, base: str) -> list[FileRow]:
    """What `marshal` takes: tuples, and no subclass of them.

    The files of the newest version, which nearly every run looks at, are made easy to read.
    """
    rows = [row if type(row) is dict else tuple(row) for row in files]
    places = [place for kind in newest.kinds for place in kind]
    values = as_files([rows[place] for place in places], absolute_from(base))
    for place, value in zip(places, values, strict=True):
        rows[place] = tuple(value)
    return rows


def _firsts(groups: Sequence[_Group]) -> list[int]:
    """The places of the versions that parts begin with, and the end; the newest stands alone."""
    firsts, count = [0], _PART
    for end, group in enumerate(groups, 1):
        count += group.count
        if count >= _PART:
            firsts.append(end)
            count = 0
    return firsts if count == 0 or not groups else [*firsts, len(groups)]


def _left_out(groups: Sequence[_Group], count: int) -> _Group:
    """The files that belong to no version, as if they were wheels of one."""
    others = _Group()
    if sum(group.count for group in groups) < count:
        placed = {at for group in groups for kind in group.kinds for at in kind}
        others.wheels += [at for at in range(count) if at not in placed]
    return others


def _pack_part(rows: Sequence[FileRow], groups: Sequence[_Group]) -> bytes:
    packed = [
        ([*g.wheels, *g.sdists, *g.variants_json], *[[rows[at] for at in kind] for kind in g.kinds])
        for g in groups
    ]
    return marshal.dumps(packed, _MARSHAL)


def _load(content: memoryview) -> Any:
    return marshal.loads(content)  # noqa: S302 - our own, see `Listing`


def _has_label(filename: str) -> bool:
    """Whether a wheel's name has a variant label, by its dashes alone (PEP 825 "Variant label")."""
    dashes = filename.count("-")
    return dashes == 6 or (dashes == 5 and not filename.split("-", 3)[2][:1].isdigit())
