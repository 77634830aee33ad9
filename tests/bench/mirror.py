"""The mirror: real wheels, made ones, and their pages; built once, outside the repository."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from packaging.utils import NormalizedName, parse_wheel_filename

from tests.bench import synthetic
from vinstall.cache.files import Cache
from vinstall.errors import VinstallError
from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.formats.simple_page import render_project_html, render_project_json
from vinstall.net.client import HttpClient
from vinstall.sources.index import Index

JUPYTER = ("jupyterlab", "jupyter")
SCIENTIFIC = ("numpy", "scipy", "pandas", "scikit-learn", "matplotlib")
TORCH = ("torch==2.13.0+cpu",)
GROWTH_PROJECTS = (10, 100, 1000)
GROWTH_RELEASES = (1, 10, 100)
_REVISION = "1"

Say = Callable[[str], None]


def build_mirror(root: Path, say: Say) -> Path:
    """Build what is missing below `root`; the folder to serve comes back.

    Real wheels come through pip as it is configured here, pages from its index; a set that cannot
    be had is left out, and so are the scenarios that need it.
    """
    www, done = root / "www", root / "www" / "complete"
    if done.is_file() and done.read_text() == _REVISION:
        return www
    shutil.rmtree(www, ignore_errors=True)
    files = www / "files"
    files.mkdir(parents=True)
    (www / "simple").mkdir()
    for name, wanted in (("jupyter", JUPYTER), ("scientific", SCIENTIFIC), ("torch", TORCH)):
        _download(root / "wheels" / name, wanted, say)
    made = root / "wheels" / "made"
    made.mkdir(parents=True, exist_ok=True)
    for filename, make in (
        ("bigdemo-1.0-py3-none-any.whl", synthetic.big_wheel),
        ("manyfiles-1.0-py3-none-any.whl", synthetic.many_files_wheel),
    ):
        if not (made / filename).is_file():
            say(f"making {filename}")
            make(made)
    say("writing pages")
    for page in _pages(root, files, say):
        _write_page(www, page)
    done.write_text(_REVISION)
    return www


def has_set(www: Path, project: str) -> bool:
    """Whether the mirror lists a wheel of `project` that is there."""
    stem = project.replace("-", "_")
    return any((www / "files").glob(f"{stem}-*.whl"))


def _download(folder: Path, wanted: Sequence[str], say: Say) -> None:
    if (folder / "complete").is_file():
        return
    say(f"downloading {' '.join(wanted)}")
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    run = subprocess.run([*command, "--dest", str(folder), *wanted], check=False)
    if run.returncode:
        say(f"{' '.join(wanted)} cannot be had and is left out")
    (folder / "complete").touch()


def _pages(root: Path, files: Path, say: Say) -> Iterator[ProjectPage]:
    by_project: dict[NormalizedName, dict[str, Path]] = {}
    for path in sorted((root / "wheels").glob("*/*.whl")):
        name = parse_wheel_filename(path.name)[0]
        by_project.setdefault(name, {})[path.name] = path
    listing = _Listing(root / "listing", say)
    for name, wheels in by_project.items():
        rows = [_serve(path, files) for path in wheels.values()]
        listed = listing.files(name)
        absent = (row for row in listed if row.filename not in wheels)
        yield ProjectPage(name=name, source="bench", files=(*map(_absent, absent), *rows))
    yield from synthetic.variant_project(files)
    for releases in GROWTH_RELEASES:
        for number in range(max(GROWTH_PROJECTS)):
            yield synthetic.growing_project(files, number, releases, considered=True)[0]


class _Listing:
    """What the configured index lists of a project; nothing where it cannot be asked."""

    def __init__(self, folder: Path, say: Say) -> None:
        client = HttpClient(environ=os.environ)
        self._index = Index(_default_index(), client=client, cache=Cache(folder))
        self._say = say
        self._works = True

    def files(self, name: NormalizedName) -> tuple[RemoteFile, ...]:
        if not self._works:
            return ()
        try:
            page = self._index.project(name)
        except VinstallError as error:
            self._works = False
            self._say(f"pages list what is served and nothing else: {error.message}")
            return ()
        return tuple(page.files if page is not None else ())


def _default_index() -> str:
    """The index pip would use."""
    code = (
        "from pip._internal.cli.main_parser import create_main_parser;"
        "from pip._internal.commands import create_command;"
        "print(create_command('download').parser.get_default_values().index_url)"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def _serve(path: Path, files: Path) -> RemoteFile:
    """The row of a wheel, which is linked to where it is served, with its METADATA beside it."""
    target = files / path.name
    if not target.exists():
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)
    metadata = _metadata(path)
    (files / f"{path.name}.metadata").write_bytes(metadata)
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return RemoteFile(
        filename=path.name,
        url=f"../../files/{path.name.replace('+', '%2B')}",
        hashes=(("sha256", digest.hexdigest()),),
        size=path.stat().st_size,
        metadata_hashes=(("sha256", hashlib.sha256(metadata).hexdigest()),),
    )


def _absent(row: RemoteFile) -> RemoteFile:
    """A file that is listed, for the page to be as long as the real one, and is not there."""
    url = f"../../absent/{row.filename.replace('+', '%2B')}"
    return row._replace(url=url, metadata_hashes=None)


def _metadata(path: Path) -> bytes:
    with zipfile.ZipFile(path) as wheel:
        names = (n for n in wheel.namelist() if n.count("/") == 1)
        return wheel.read(next(n for n in names if n.endswith(".dist-info/METADATA")))


def _write_page(www: Path, page: ProjectPage) -> None:
    """Both forms, each beside a packed copy, as a web server sends them."""
    folder = www / "simple" / page.name
    folder.mkdir(exist_ok=True)
    _write(folder / "index.json", _without_nulls(render_project_json(page)))
    _write(folder / "index.html", render_project_html(page).encode())


def _without_nulls(content: bytes) -> bytes:
    document = json.loads(content)
    for row in document["files"]:
        for key in [key for key, value in row.items() if value is None]:
            del row[key]
    return json.dumps(document).encode()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, 6, mtime=0))


def folder_size(paths: Iterable[Path]) -> int:
    """Bytes of these files."""
    return sum(path.stat().st_size for path in paths)
