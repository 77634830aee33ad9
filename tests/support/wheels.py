"""make_wheel(): real wheels for tests."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str = "demo",
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    build: str | None = None,
    label: str | None = None,
    variant_json: Mapping[str, object] | str | bytes | None = None,
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    requires_python: str | None = None,
    files: Mapping[str, str | bytes] | None = None,
    entry_points: str | None = None,
    metadata_lines: Sequence[str] = (),
    compression: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """Write one wheel below `folder` and return its path.

    `files` maps archive names to contents (default: a package with `__version__`);
    `variant_json` goes into the wheel as given.
    """
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    parts = [stem, version, *([build] if build else []), tag, *([label] if label else [])]
    contents: dict[str, bytes] = {}
    if files is None:
        files = {f"{stem}/__init__.py": f"__version__ = {version!r}\nLABEL = {label!r}\n"}
    for path, content in files.items():
        contents[path] = content.encode() if isinstance(content, str) else content
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += metadata_lines
    contents[f"{info}/METADATA"] = ("\n".join(lines) + "\n").encode()
    tags = "".join(
        f"Tag: {p}-{a}-{t}\n"
        for p in tag.split("-")[0].split(".")
        for a in tag.split("-")[1].split(".")
        for t in tag.split("-")[2].split(".")
    )
    wheel = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {str('none-any' in tag).lower()}\n{tags}"
    contents[f"{info}/WHEEL"] = wheel.encode()
    if entry_points is not None:
        contents[f"{info}/entry_points.txt"] = entry_points.encode()
    if variant_json is not None:
        text = variant_json if isinstance(variant_json, str | bytes) else json.dumps(variant_json)
        contents[f"{info}/variant.json"] = text.encode() if isinstance(text, str) else text
    contents[f"{info}/RECORD"] = _record(contents, info)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / ("-".join(parts) + ".whl")
    with zipfile.ZipFile(target, "w", compression) as archive:
        for path, content in contents.items():
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            entry.compress_type = compression
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return target


def _record(contents: Mapping[str, bytes], info: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for path, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow([path, f"sha256={digest}", len(content)])
    writer.writerow([f"{info}/RECORD", "", ""])
    return out.getvalue().encode()
