"""ProjectPage → simple repository API, HTML or JSON; the inverse of `simple_api`.

Spec: PEP 503, 592, 629, 658 and 714, 691, 700, 792.  The HTML form has no place for sizes, upload
times, versions, and for more than one hash of a file.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable

from packaging.utils import NormalizedName

from vinstall.formats.simple_api import ProjectPage, RemoteFile

_FULL_VERSION = "1.4"
_PLAIN_VERSION = "1.0"


def render_project_html(page: ProjectPage) -> str:
    """The page as PEP 503 HTML; URLs as they stand in `page`, which may be relative ones."""
    meta = [f'<meta name="pypi:repository-version" content="{_FULL_VERSION}">']
    if page.status is not None:
        meta.append(f'<meta name="pypi:project-status" content="{html.escape(page.status)}">')
    return _document(f"Links for {page.name}", meta, map(_anchor, page.files))


def render_project_json(page: ProjectPage) -> bytes:
    """The page as PEP 691 JSON, one line, keys in a fixed order.

    Versions above 1.0 promise all sizes and versions (PEP 700); a page without them says 1.0.
    """
    complete = page.versions is not None and all(file.size is not None for file in page.files)
    document: dict[str, object] = {
        "meta": {"api-version": _FULL_VERSION if complete else _PLAIN_VERSION},
        "name": page.name,
        "files": [_row(file) for file in page.files],
    }
    if page.versions is not None:
        document["versions"] = list(page.versions)
    if page.status is not None:
        document["project-status"] = {"status": page.status}
    return _json_bytes(document)


def render_index_html(names: Iterable[NormalizedName]) -> str:
    """The root page, which links to each project's folder."""
    meta = [f'<meta name="pypi:repository-version" content="{_FULL_VERSION}">']
    return _document("Simple index", meta, (f'<a href="{name}/">{name}</a>' for name in names))


def render_index_json(names: Iterable[NormalizedName]) -> bytes:
    """The root page as PEP 691 JSON."""
    return _json_bytes(
        {
            "meta": {"api-version": _FULL_VERSION},
            "projects": [{"name": name} for name in names],
        }
    )


def _document(title: str, meta: Iterable[str], anchors: Iterable[str]) -> str:
    lines = ["<!DOCTYPE html>", "<html>", "<head>", '<meta charset="utf-8">', *meta]
    lines += [f"<title>{html.escape(title)}</title>", "</head>", "<body>"]
    lines += [f"{anchor}<br>" for anchor in anchors]
    lines += ["</body>", "</html>", ""]
    return "\n".join(lines)


def _anchor(file: RemoteFile) -> str:
    """One `<a>`; of several hashes the sha256 is written, for it is the one every tool knows."""
    hashes = dict(file.hashes)
    algorithm = "sha256" if "sha256" in hashes else next(iter(hashes), None)
    fragment = f"#{algorithm}={hashes[algorithm]}" if algorithm is not None else ""
    attributes = [("href", file.url + fragment)]
    if file.requires_python is not None:
        attributes.append(("data-requires-python", file.requires_python))
    if file.yanked is not None:
        attributes.append(("data-yanked", file.yanked))
    if file.metadata_hashes is not None:
        pair = next(iter(file.metadata_hashes), None)
        value = "true" if pair is None else "=".join(pair)
        # PEP 714: both names, for clients that know the first one only.
        attributes += [("data-dist-info-metadata", value), ("data-core-metadata", value)]
    if file.provenance is not None:
        attributes.append(("data-provenance", file.provenance))
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes)
    return f"<a {written}>{html.escape(file.filename)}</a>"


def _row(file: RemoteFile) -> dict[str, object]:
    """One element of `files`; keys without a value are left out where the PEPs allow it."""
    row: dict[str, object] = {
        "filename": file.filename,
        "url": file.url,
        "hashes": dict(file.hashes),
    }
    if file.size is not None:
        row["size"] = file.size
    if file.upload_time is not None:
        row["upload-time"] = file.upload_time
    if file.requires_python is not None:
        row["requires-python"] = file.requires_python
    if file.yanked is not None:
        row["yanked"] = file.yanked or True
    if file.metadata_hashes is not None:
        value = dict(file.metadata_hashes) or True
        row["core-metadata"] = row["dist-info-metadata"] = value
    if file.provenance is not None:
        row["provenance"] = file.provenance
    return row


def _json_bytes(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
