"""render_lock(): a Lock as the text of a `pylock.toml`.  Spec: PEP 751 "File Format".

Keys stand in the order the PEP gives them, arrays in the order of the values: rendering what was
parsed from our own text gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

from vinstall.formats.pylock import (
    Lock,
    LockedDirectory,
    LockedFile,
    LockedPackage,
    LockedVcs,
    Table,
)


def render_lock(lock: Lock) -> str:
    """The text of `lock`, ending in a newline."""
    import tomli_w

    return tomli_w.dumps(lock_document(lock), multiline_strings=False)


def lock_document(lock: Lock) -> dict[str, object]:
    """`lock` as the tables a TOML writer takes; absent values are left out."""
    return _present(
        {
            "lock-version": lock.lock_version,
            "environments": [marker.text for marker in lock.environments] or None,
            "requires-python": _text(lock.requires_python),
            "extras": _list(lock.extras),
            "dependency-groups": _list(lock.dependency_groups),
            "default-groups": _list(lock.default_groups),
            "created-by": lock.created_by,
            **lock.unknown,
            "packages": [_package(package) for package in lock.packages],
            "tool": dict(lock.tool) or None,
        }
    )


def _package(package: LockedPackage) -> dict[str, object]:
    return _present(
        {
            "name": package.name,
            "version": _text(package.version),
            "marker": package.marker.text if package.marker else None,
            "requires-python": _text(package.requires_python),
            "dependencies": [dict(table) for table in package.dependencies] or None,
            "index": package.index,
            **package.unknown,
            "vcs": _vcs(package.vcs) if package.vcs else None,
            "directory": _directory(package.directory) if package.directory else None,
            "archive": _file(package.archive) if package.archive else None,
            "sdist": _file(package.sdist) if package.sdist else None,
            "wheels": [_file(wheel) for wheel in package.wheels] or None,
            "variants-json": dict(package.variants.document) if package.variants else None,
            "attestation-identities": [dict(each) for each in package.attestation_identities]
            or None,
            "tool": dict(package.tool) or None,
        }
    )


def _vcs(vcs: LockedVcs) -> dict[str, object]:
    return _present(
        {
            "type": vcs.type,
            "url": vcs.url,
            "path": vcs.path,
            "requested-revision": vcs.requested_revision,
            "commit-id": vcs.commit_id,
            "subdirectory": vcs.subdirectory,
            **vcs.unknown,
        }
    )


def _directory(directory: LockedDirectory) -> dict[str, object]:
    return _present(
        {
            "path": directory.path,
            "editable": directory.editable,
            "subdirectory": directory.subdirectory,
            **directory.unknown,
        }
    )


def _file(file: LockedFile) -> dict[str, object]:
    return _present(
        {
            "name": file.name,
            "upload-time": file.upload_time,
            "url": file.url,
            "path": file.path,
            "size": file.size,
            "subdirectory": file.subdirectory,
            **file.unknown,
            "hashes": dict(file.hashes),
        }
    )


def _present(table: Table) -> dict[str, object]:
    return {key: _plain(value) for key, value in table.items() if value is not None}


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _list(value: tuple[str, ...] | None) -> list[str] | None:
    return None if value is None else list(value)
