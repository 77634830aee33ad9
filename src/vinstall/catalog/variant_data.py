"""VariantData: the variant metadata of a release, from its index or from its wheels.

Spec: PEP 825 "Variant metadata", "Metadata consistency"; contract, section 2.  Bad data is a
fault of the labels it describes and never an error: the installer degrades.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from vinstall.catalog.metadata_shelf import MetadataShelf
from vinstall.errors import FormatError, IntegrityError, SourceError, VinstallError
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable, combine, parse_variant_table
from vinstall.formats.wheel_name import NULL_LABEL
from vinstall.observer import Observer
from vinstall.selection.choose import Usable
from vinstall.selection.release import Release
from vinstall.sources.once import Once
from vinstall.sources.source import FileReader
from vinstall.values import Row, replace


class Described(Row):
    """What is known of the labels of a release."""

    table: VariantTable | None
    fault: str | None = None
    """What is wrong with the metadata of labels the table does not know; None: nothing."""


class VariantData:
    """Reads variant metadata; each file once.  Thread-safe."""

    def __init__(
        self,
        reader: FileReader,
        observer: Observer,
        shelf: Callable[[], MetadataShelf | None] = lambda: None,
    ) -> None:
        """`shelf` gives where tables are looked for first, and left."""
        self._reader = reader
        self._shelf = shelf
        self._observer = observer
        self._index_files: Once[str, Described] = Once()
        self._wheel_files: Once[str, VariantTable | str] = Once()
        self.is_listed = True
        """Whether each file could be read, and its hash is listed: the pages tell when it changes."""

    def describe(self, release: Release, usable: Iterable[Usable]) -> Described:
        """The metadata on the labels of `usable`; nothing is read where none has one.

        The file of the index where it offers one; otherwise `variant.json` of one wheel for each
        label, combined.  Never from another source than the release's own.
        """
        wheels: dict[str, RemoteFile] = {}
        for one in usable:
            label = one.wheel.name.label
            if label is not None:
                wheels.setdefault(label, one.wheel.file)
        if not wheels:
            return Described(None)
        listed = release.variants_json
        if listed is not None:
            return self._index_files.get(listed.url, partial(self._from_index, listed))
        return self._from_wheels(wheels)

    def _from_index(self, file: RemoteFile) -> Described:
        self.is_listed &= bool(file.hashes)
        try:
            table = self._table(file)
        except (FormatError, IntegrityError, SourceError) as error:
            fault = f"`{file.filename}`: {error.message}"
            self.is_listed = False
            self._observer.detail(fault)
            return Described(None, fault)
        for path in table.ignored:
            self._observer.detail(f"`{file.filename}`: the key `{path}` is ignored")
        return Described(table)

    def _table(self, file: RemoteFile) -> VariantTable:
        shelf = self._shelf()
        known = shelf.find_table(file) if shelf is not None else None
        table = known or parse_variant_table(self._reader.read(file))
        if known is None and shelf is not None:
            shelf.put_table(file, table)
        return table

    def _from_wheels(self, wheels: Mapping[str, RemoteFile]) -> Described:
        """Faults of one wheel are those of its label; what contradicts is a fault of all."""
        combined: VariantTable | None = None
        spoiled: dict[str, str] = {}
        for label in sorted(wheels):
            if label == NULL_LABEL:
                continue  # it needs no metadata
            file = wheels[label]
            found = self._wheel_files.get(file.url, partial(self._from_wheel, file))
            if isinstance(found, str):
                spoiled[label] = found
                continue
            try:
                combined = found if combined is None else combine(combined, found)
            except FormatError as error:
                fault = f"the wheels contradict one another: {error.message}"
                self._observer.detail(fault)
                return Described(None, fault)
        if spoiled:
            known = combined or VariantTable(namespaces=(), variants={})
            combined = replace(known, spoiled={**known.spoiled, **spoiled})
        return Described(combined)

    def _from_wheel(self, file: RemoteFile) -> VariantTable | str:
        """The table inside a wheel, or what is wrong with it."""
        self.is_listed &= bool(file.hashes)
        try:
            text = self._reader.variant_metadata(file)
            if text is None:
                return "the wheel has no `variant.json`"
            return parse_variant_table(text)
        except (FormatError, IntegrityError, SourceError) as error:
            self.is_listed = False
            return _inside(file, error)


def _inside(file: RemoteFile, error: VinstallError) -> str:
    return f"`variant.json` in `{file.filename}`: {error.message}"
