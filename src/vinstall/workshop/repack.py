"""Wheels made from wheels: plain to variant and back, renamed, with other dependencies.

Spec: PEP 825 "Variant wheel", PEP 427.  Members that stay as they are keep their compressed bytes,
so a wheel of any size costs little memory, and equal input gives equal output to the last byte.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import InvalidName, canonicalize_name

from vinstall.errors import FormatError, UsageError
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.variant_json import VariantTable
from vinstall.formats.wheel_name import split_label
from vinstall.values import frozen
from vinstall.workshop.archive import Inflater, Member
from vinstall.workshop.atomic_file import new_file, put_in_place
from vinstall.workshop.fault import Fault, refuse
from vinstall.workshop.metadata_text import add_requirements, drop_requirements, rename_project
from vinstall.workshop.release_table import render_table
from vinstall.workshop.wheel_content import (
    VARIANT_JSON,
    ContentCheck,
    WheelFile,
    content_checks,
    open_wheel,
)
from vinstall.workshop.wheel_record import RecordRow, record_hash, render_record
from vinstall.workshop.zip_writer import Date, ZipWriter

_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_EARLIEST = 315532800
"""1980-01-01, where the zip format's time begins."""


@frozen
class Edits:
    """Changes of metadata beside the label."""

    rename: str | None = None
    """The new distribution name; names of modules stay."""
    drop_requirements: tuple[str, ...] = ()
    """Projects that are no longer depended on."""
    add_requirements: tuple[str, ...] = ()
    """Dependency specifiers, as written."""


@frozen
class Repacked:
    """A wheel that was made."""

    path: Path
    sha256: str
    size: int
    """Bytes."""
    changes: tuple[str, ...]
    """What is different from the wheel it was made from, one sentence each."""


@dataclass(slots=True, kw_only=True)
class _Recipe:
    """The new archive: where each member goes, what is written anew, what was changed."""

    filename: str
    info: str
    names: dict[str, str]
    """Old name to new; a member that is not in it is left out."""
    replaced: dict[str, bytes] = field(default_factory=dict)
    """New name to content."""
    variant_json: bytes | None = None
    changes: list[str] = field(default_factory=list)


def make_variant(
    wheel: Path,
    folder: Path,
    *,
    table: VariantTable,
    edits: Edits | None = None,
    epoch: int | None = None,
    overwrite: bool = False,
) -> Repacked:
    """A variant wheel below `folder`; `wheel` itself is only read.

    `table` describes exactly one label.  `epoch` (SOURCE_DATE_EPOCH, seconds) becomes the time of
    every member; without it members keep their times.  Raises FormatError and IntegrityError for
    a wheel with faults, UsageError where another file has the name; then nothing is written.
    """
    (label,) = table.variants
    with open_wheel(wheel) as opened:
        refuse(f"`{wheel.name}` cannot be made into a variant wheel", opened.faults)
        if opened.label is not None:
            raise UsageError(
                f"`{wheel.name}` has the variant label `{opened.label}` already",
                hint="`vinstall wheel unmake` gives the plain wheel back",
            )
        recipe = _recipe(opened, edits or Edits(), label)
        recipe.variant_json = render_table(table)
        properties = ", ".join(map(str, sorted(table.variants[label]))) or "no properties"
        recipe.changes.append(f"{VARIANT_JSON} is new: `{label}` with {properties}")
        return _write(opened, recipe, folder, epoch, overwrite=overwrite)


def unmake_variant(
    wheel: Path, folder: Path, *, epoch: int | None = None, overwrite: bool = False
) -> Repacked:
    """The plain wheel that a variant wheel was made from, below `folder`; `wheel` is only read.

    Raises as `make_variant` does, and UsageError for a wheel without a label.
    """
    with open_wheel(wheel) as opened:
        faults = [fault for fault in opened.faults if not _is_undone(fault)]
        refuse(f"`{wheel.name}` cannot be made into a plain wheel", faults)
        if opened.label is None:
            raise UsageError(f"`{wheel.name}` has no variant label, it is a plain wheel already")
        recipe = _recipe(opened, Edits(), None)
        if recipe.names.pop(f"{opened.info}/{VARIANT_JSON}", None) is not None:
            recipe.changes.append(f"{VARIANT_JSON} is gone")
        if b"variant_" in (opened.metadata_text or b""):
            recipe.changes.append(
                "METADATA still has variant markers, which installers without variants refuse"
            )
        return _write(opened, recipe, folder, epoch, overwrite=overwrite)


def copy_wheel(wheel: Path, folder: Path, *, overwrite: bool = False) -> Repacked:
    """`wheel` as it is, below `folder`, there whole or not at all.  Raises UsageError as above."""
    with new_file(folder) as (temporary, file), wheel.open("rb") as content:
        shutil.copyfileobj(content, file)
        size = file.tell()
        file.close()
        sha256 = _sha256(temporary)
        path = _place(temporary, folder / wheel.name, sha256, overwrite=overwrite)
    return Repacked(path=path, sha256=sha256, size=size, changes=())


def _is_undone(fault: Fault) -> bool:
    return fault.rule in ("variant-json", "label-without-metadata")


def _recipe(wheel: WheelFile, edits: Edits, label: str | None) -> _Recipe:
    """Everything that changes except `variant.json`."""
    if wheel.info is None or wheel.metadata_text is None:
        raise FormatError(f"`{wheel.archive.path.name}` has no readable METADATA")
    old_name = wheel.archive.path.name
    recipe = _Recipe(
        filename=_filename(old_name, edits.rename, label),
        info=wheel.info,
        names={member.name: member.name for member in wheel.archive.members},
    )
    recipe.changes.append(f"file name `{old_name}` is now `{recipe.filename}`")
    for signature in _SIGNATURES:
        if recipe.names.pop(f"{wheel.info}/{signature}", None) is not None:
            recipe.changes.append(f"{signature} is gone, a signature does not survive changes")
    text = _edited_metadata(wheel.metadata_text, edits, recipe)
    if edits.rename is not None:
        _rename_folders(wheel.info, edits.rename, recipe)
    if text != wheel.metadata_text:
        recipe.replaced[f"{recipe.info}/METADATA"] = text
    return recipe


def _filename(old: str, rename: str | None, label: str | None) -> str:
    plain, _ = split_label(old)
    parts = plain.removesuffix(".whl").split("-")
    if rename is not None:
        parts[0] = _escaped(rename)
    if label is not None:
        parts.append(label)
    return "-".join(parts) + ".whl"


def _escaped(name: str) -> str:
    """`name` as it stands in file names.  Raises UsageError where it is no project name."""
    try:
        return canonicalize_name(name, validate=True).replace("-", "_")
    except InvalidName as error:
        raise UsageError(f"`{name}` is no project name") from error


def _edited_metadata(text: bytes, edits: Edits, recipe: _Recipe) -> bytes:
    if edits.drop_requirements:
        text, changes = drop_requirements(text, edits.drop_requirements)
        recipe.changes += changes
    for requirement in edits.add_requirements:
        parse_requirement(requirement)
    if edits.add_requirements:
        text, changes = add_requirements(text, edits.add_requirements)
        recipe.changes += changes
    if edits.rename is not None:
        text, changes = rename_project(text, edits.rename)
        recipe.changes += changes
    return text


def _rename_folders(info: str, rename: str, recipe: _Recipe) -> None:
    """PEP 427: `.dist-info` and `.data` carry the distribution's name; nothing else does."""
    stem = info.removesuffix(".dist-info")
    new = f"{_escaped(rename)}-{stem.partition('-')[2]}"
    folders = {info: f"{new}.dist-info", f"{stem}.data": f"{new}.data"}
    found = set()
    for old in list(recipe.names):
        first, slash, rest = old.partition("/")
        if first in folders and slash:
            recipe.names[old] = f"{folders[first]}/{rest}"
            found.add(first)
    for first in sorted(found, reverse=True):
        if first != folders[first]:
            recipe.changes.append(f"folder `{first}` is now `{folders[first]}`")
    recipe.info = folders[info]
    if len(set(recipe.names.values())) != len(recipe.names):
        raise FormatError(f"the wheel has files under `{new}` already")


def _write(
    wheel: WheelFile, recipe: _Recipe, folder: Path, epoch: int | None, *, overwrite: bool
) -> Repacked:
    with new_file(folder) as (temporary, file):
        writer = ZipWriter(file)
        _write_members(wheel, recipe, writer, _date(epoch))
        sha256 = writer.finish()
        size = file.tell()
        file.close()
        path = _place(temporary, folder / recipe.filename, sha256, overwrite=overwrite)
    return Repacked(path=path, sha256=sha256, size=size, changes=tuple(recipe.changes))


def _place(temporary: Path, path: Path, sha256: str, *, overwrite: bool) -> Path:
    if path.exists() and not overwrite and _sha256(path) != sha256:
        raise UsageError(
            f"`{path}` exists and is another file",
            hint="name another folder with `--output`, or replace it with `--force`",
        )
    put_in_place(temporary, path)
    return path


def _write_members(wheel: WheelFile, recipe: _Recipe, writer: ZipWriter, date: Date | None) -> None:
    checks = content_checks(wheel)
    record = f"{wheel.info}/RECORD"
    if recipe.variant_json is not None:
        recipe.names.pop(f"{wheel.info}/{VARIANT_JSON}", None)
    for member in wheel.archive.members:
        name = recipe.names.get(member.name)
        when = date or member.date
        if name is None:
            continue
        if member.name == record:
            if recipe.variant_json is not None:
                writer.store(f"{recipe.info}/{VARIANT_JSON}", recipe.variant_json, when)
            writer.store(name, _new_record(wheel, recipe), when)
        elif name in recipe.replaced:
            writer.store(name, recipe.replaced[name], when)
        else:
            _copy(wheel, member, name, when, writer, checks.get(member.name))


def _copy(
    wheel: WheelFile,
    member: Member,
    name: str,
    date: Date,
    writer: ZipWriter,
    check: ContentCheck | None,
) -> None:
    """Copy the compressed bytes, and look inside as they pass: a RECORD that lies is found here."""
    inflater = Inflater(member, wheel.archive.path.name)

    def watched() -> Iterator[bytes]:
        for chunk in wheel.archive.raw(member):
            for piece in inflater.feed(chunk):
                if check is not None:
                    check.feed(piece)
            yield chunk

    writer.copy(member, name, date, watched())
    inflater.finish()
    if check is not None:
        check.finish()


def _new_record(wheel: WheelFile, recipe: _Recipe) -> bytes:
    own = f"{recipe.info}/RECORD"
    rows = []
    for row in wheel.record:
        name = recipe.names.get(row.path)
        if name is None or name == own:
            continue
        if name in recipe.replaced:
            rows.append(_row(name, recipe.replaced[name]))
        else:
            rows.append(row._replace(path=name))
    if recipe.variant_json is not None:
        rows.append(_row(f"{recipe.info}/{VARIANT_JSON}", recipe.variant_json))
    return render_record([*rows, RecordRow(own, "", None)])


def _row(name: str, data: bytes) -> RecordRow:
    return RecordRow(name, record_hash(data), len(data))


def _date(epoch: int | None) -> Date | None:
    if epoch is None:
        return None
    when = time.gmtime(max(epoch, _EARLIEST))
    return (min(when.tm_year, 2107), *when[1:6])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
