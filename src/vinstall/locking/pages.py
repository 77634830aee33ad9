"""A lock in the place of an index: the pages and files a catalog reads, without any network.

Selection then works on a lock exactly as it does on an index (PEP 825: "the tool SHOULD resolve
variants to select the best wheel file").
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName

from vinstall.formats.pylock import LockedFile, LockedPackage
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.locking.place import LockPlace
from vinstall.sources.source import FetchedFile, FileReader, Follow

_SCHEME = "lock:"
_STRENGTH = ("sha512", "sha384", "sha256", "sha224", "sha1", "md5")


class LockPages:
    """The project pages of locked packages: one page a package, no merging."""

    def __init__(self, packages: Sequence[LockedPackage], place: LockPlace) -> None:
        self._packages = packages
        self._place = place

    def pages(self, name: NormalizedName) -> Sequence[ProjectPage]:
        """A page for each entry of `name`; raises SourceError for a file outside what is allowed."""
        return [self._page(package) for package in self._packages if package.name == name]

    def asked(self, name: NormalizedName) -> tuple[str, ...]:  # noqa: ARG002
        """The lock."""
        return (self._place.name,)

    def _page(self, package: LockedPackage) -> ProjectPage:
        where = f"package `{package.name}`"
        files = [remote_file(wheel, self._place, where) for wheel in package.wheels]
        if package.sdist is not None:
            files.append(remote_file(package.sdist, self._place, where))
        if package.variants is not None:
            files.append(_variants_file(package))
        return ProjectPage(
            name=package.name,
            source=package.index or self._place.name,
            files=tuple(files),
        )


def remote_file(file: LockedFile, place: LockPlace, where: str) -> RemoteFile:
    """A locked file as an index would list it; its hashes are checked on reading."""
    hashes = sorted(file.hashes, key=lambda item: _rank(item[0]))
    return RemoteFile(
        filename=file.name,
        url=place.url(file.url, file.path, where=f"{where}, file `{file.name}`"),
        hashes=tuple(hashes),
        size=file.size,
        upload_time=file.upload_time.isoformat() if file.upload_time else None,
    )


def _rank(algorithm: str) -> int:
    return _STRENGTH.index(algorithm) if algorithm in _STRENGTH else len(_STRENGTH)


def _variants_file(package: LockedPackage) -> RemoteFile:
    stem = f"{package.name.replace('-', '_')}-{package.version}"
    return RemoteFile(
        filename=f"{stem}-variants.json", url=f"{_SCHEME}{package.name}/{package.version}"
    )


class LockReader:
    """Reads what the lock itself holds from the lock, and everything else through `files`."""

    def __init__(self, packages: Sequence[LockedPackage], files: FileReader) -> None:
        self._files = files
        self._tables: Mapping[str, LockedPackage] = {
            f"{_SCHEME}{package.name}/{package.version}": package for package in packages
        }
        self._by_file = {
            file.name: package
            for package in packages
            for file in (*package.wheels, *([package.sdist] if package.sdist else []))
        }

    def read(self, file: RemoteFile) -> bytes:
        """The inlined variant metadata, or the bytes of a file."""
        package = self._tables.get(file.url)
        if package is None or package.variants is None:
            return self._files.read(file)
        return json.dumps(package.variants.document).encode()

    def core_metadata(self, file: RemoteFile) -> bytes:
        """METADATA made from the entry: no request is sent (PEP 751: the lock is all there is)."""
        package = self._by_file.get(file.filename)
        return self._files.core_metadata(file) if package is None else _metadata(package)

    def variant_metadata(self, file: RemoteFile) -> bytes | None:  # noqa: ARG002
        """Never read from a wheel: a lock holds it, or the wheel's label is unknown."""
        return None

    def download(self, file: RemoteFile, *, follow: Follow | None = None) -> FetchedFile:
        """The whole file, its hashes checked."""
        return self._files.download(file, follow=follow)


def _metadata(package: LockedPackage) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {package.name}", f"Version: {package.version}"]
    if package.requires_python is not None:
        lines.append(f"Requires-Python: {package.requires_python}")
    lines += [
        f"Requires-Dist: {table['name']}" for table in package.dependencies if "name" in table
    ]
    return ("\n".join(lines) + "\n").encode()
