"""What a case installs from: wheels, source distributions, source trees, and an index of them."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.support.wheels import make_wheel

_BACKEND = '''"""Builds this tree, with nothing but the standard library."""
import base64, hashlib, json, os, zipfile
HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "tree.json")) as stream:
    TREE = json.load(stream)
STEM = TREE["name"].replace("-", "_") + "-" + TREE["version"]
INFO = STEM + ".dist-info"

def get_requires_for_build_wheel(config_settings=None):
    return TREE["build_requires"]

get_requires_for_build_editable = get_requires_for_build_wheel

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    os.makedirs(os.path.join(metadata_directory, INFO))
    with open(os.path.join(metadata_directory, INFO, "METADATA"), "w") as out:
        out.write(TREE["metadata"])
    return INFO

prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel

def row(path, text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return "%s,sha256=%s,%d\\n" % (path, digest, len(text.encode()))

def build(folder, files):
    if TREE["broken"]:
        raise SystemExit("this tree cannot be built")
    name = STEM + "-py3-none-any.whl"
    files = dict(files)
    files[INFO + "/METADATA"] = TREE["metadata"]
    files[INFO + "/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    record = "".join(row(path, text) for path, text in files.items()) + INFO + "/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as out:
        for path, text in [*files.items(), (INFO + "/RECORD", record)]:
            out.writestr(path, text)
    return name

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    module = TREE["name"].replace("-", "_") + ".py"
    text = "SETTINGS = " + json.dumps(config_settings or {}, sort_keys=True) + "\\n"
    return build(wheel_directory, {module: text})

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return build(wheel_directory, {"_editable_" + TREE["name"] + ".pth": HERE + "\\n"})
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One thing to make."""

    name: str
    version: str
    kind: str = "wheel"
    """`wheel`, `sdist` or `tree`."""
    requires: tuple[str, ...] = ()
    extras: Mapping[str, Sequence[str]] = field(default_factory=dict)
    requires_python: str | None = None
    folder: str = "links"
    """Where it is put; trees always go to `trees/NAME`, unless the case names a folder."""
    tag: str = "py3-none-any"
    build: str | None = None
    files: Mapping[str, str] | None = None
    entry_points: str | None = None
    metadata_lines: tuple[str, ...] = ()
    rewrite: Mapping[str, str] = field(default_factory=dict)
    """Members of the wheel, below its `.dist-info`, that say something else; RECORD agrees."""
    filename: str | None = None
    """The name of the file, where it is not to be the right one."""
    yanked: str | None = None
    """Why it was withdrawn; None: it was not."""
    uploaded: str | None = None
    """When, as PEP 700 writes it."""
    index: str = "index"
    """The index it is listed in."""
    build_requires: tuple[str, ...] = ()
    broken: bool = False
    """Its build fails."""


def make_package(root: Path, package: Package) -> Path:
    """Make `package` below `root` and return its file, or the folder of a tree."""
    if package.kind == "wheel":
        made = _wheel(root / package.folder, package)
    else:
        folder = root / (package.folder if package.folder != "links" else "trees") / package.name
        made = _tree(folder if package.kind == "tree" else root / "unpacked", package)
        if package.kind == "sdist":
            made = _sdist(root / package.folder, made, package)
    return made if package.filename is None else made.rename(made.with_name(package.filename))


def _requirements(package: Package) -> list[str]:
    found = list(package.requires)
    for extra, requirements in package.extras.items():
        for requirement in requirements:
            gap = " and " if ";" in requirement else " ; "
            found.append(f'{requirement}{gap}extra == "{extra}"')
    return found


def _wheel(folder: Path, package: Package) -> Path:
    made = make_wheel(
        folder,
        package.name,
        package.version,
        tag=package.tag,
        build=package.build,
        requires=_requirements(package),
        extras=tuple(package.extras),
        requires_python=package.requires_python,
        files=package.files,
        entry_points=package.entry_points,
        metadata_lines=package.metadata_lines,
    )
    if package.rewrite:
        _rewrite(made, package)
    return made


def _rewrite(wheel: Path, package: Package) -> None:
    """Replace members of `wheel`; a member with no text is taken out."""
    info = f"{package.name.replace('-', '_')}-{package.version}.dist-info"
    changes = {f"{info}/{name}": text for name, text in package.rewrite.items()}
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members |= {name: text.encode() for name, text in changes.items()}
    members = {name: content for name, content in members.items() if changes.get(name) != ""}
    record = f"{info}/RECORD"
    if record not in changes:
        rows = [_row(name, content) for name, content in members.items() if name != record]
        members[record] = ("".join(rows) + f"{record},,\n").encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)


def _row(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def _metadata(package: Package) -> str:
    lines = ["Metadata-Version: 2.2", f"Name: {package.name}", f"Version: {package.version}"]
    lines += [f"Requires-Python: {package.requires_python}"] if package.requires_python else []
    lines += [f"Requires-Dist: {requirement}" for requirement in _requirements(package)]
    lines += [f"Provides-Extra: {extra}" for extra in package.extras]
    return "\n".join([*lines, *package.metadata_lines]) + "\n"


def _tree(tree: Path, package: Package) -> Path:
    """A source tree with a backend of its own."""
    tree.mkdir(parents=True, exist_ok=True)
    (tree / "pyproject.toml").write_text(
        "[build-system]\n"
        f"requires = {json.dumps(list(package.build_requires))}\n"
        'build-backend = "backend"\nbackend-path = ["."]\n'
    )
    facts = {
        "name": package.name,
        "version": package.version,
        "metadata": _metadata(package),
        "build_requires": [],
        "broken": package.broken,
    }
    (tree / "tree.json").write_text(json.dumps(facts))
    (tree / "backend.py").write_text(_BACKEND)
    for path, text in (package.files or {}).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    return tree


def _sdist(folder: Path, tree: Path, package: Package) -> Path:
    stem = f"{canonicalize_name(package.name).replace('-', '_')}-{package.version}"
    (tree / "PKG-INFO").write_text(_metadata(package))
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{stem}.tar.gz", "w:gz") as out:
        for path in sorted(tree.iterdir()):
            out.add(path, arcname=f"{stem}/{path.name}", filter=_without_time)
    return folder / f"{stem}.tar.gz"


def _without_time(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = 1_600_000_000
    return member


def write_index(root: Path, made: Mapping[Path, Package]) -> None:
    """Pages below `root/index` that list the files of `made` as PEP 503 and PEP 691 say."""
    pages: dict[tuple[str, str], list[tuple[Path, Package]]] = {}
    for path, package in made.items():
        if path.is_file():
            key = (package.index, canonicalize_name(package.name))
            pages.setdefault(key, []).append((path, package))
    for (index, name), files in pages.items():
        folder = root / index / name
        folder.mkdir(parents=True, exist_ok=True)
        entries = [_entry(path, package, root) for path, package in files]
        document = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": entries}
        document["versions"] = sorted({package.version for _, package in files})
        (folder / "index.json").write_text(json.dumps(document))
        (folder / "index.html").write_text(_page(entries))


def _entry(path: Path, package: Package, root: Path) -> dict[str, object]:
    content = path.read_bytes()
    entry: dict[str, object] = {
        "filename": path.name,
        "url": f"../../{path.relative_to(root)}",
        "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
        "size": len(content),
        "yanked": (package.yanked or True) if package.yanked is not None else False,
    }
    entry |= {"requires-python": package.requires_python} if package.requires_python else {}
    return entry | ({"upload-time": package.uploaded} if package.uploaded else {})


def _page(entries: Sequence[Mapping[str, object]]) -> str:
    lines = ["<!DOCTYPE html>", "<html><body>"]
    for entry in entries:
        hashes = entry["hashes"]
        digest = hashes["sha256"] if isinstance(hashes, Mapping) else ""
        attributes = f'href="{entry["url"]}#sha256={digest}"'
        if entry["yanked"]:
            reason = entry["yanked"] if isinstance(entry["yanked"], str) else ""
            attributes += f' data-yanked="{html.escape(reason)}"'
        if "requires-python" in entry:
            needed = html.escape(str(entry["requires-python"]))
            attributes += f' data-requires-python="{needed}"'
        lines.append(f"<a {attributes}>{entry['filename']}</a>")
    return "\n".join([*lines, "</body></html>"])
