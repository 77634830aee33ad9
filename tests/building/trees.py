"""Source trees with a backend of their own, so that building needs nothing installed."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

_BACKEND = """
import os, zipfile
NAME, VERSION = {name!r}, {version!r}
INFO = f"{{NAME}}-{{VERSION}}.dist-info"
META = f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n" + {requires!r}

def get_requires_for_build_wheel(config_settings=None):
    return {extra!r}

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    print("preparing metadata")
    os.makedirs(os.path.join(metadata_directory, INFO))
    with open(os.path.join(metadata_directory, INFO, "METADATA"), "w") as out:
        out.write(META)
    return INFO

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    print("building the wheel")
    {fail}
    name = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as out:
        out.writestr(f"{{NAME}}.py", "SETTINGS = %r" % (config_settings,))
        out.writestr(f"{{INFO}}/METADATA", META)
        out.writestr(f"{{INFO}}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        paths = [f"{{NAME}}.py", *(f"{{INFO}}/{{part}}" for part in ("METADATA", "WHEEL", "RECORD"))]
        out.writestr(f"{{INFO}}/RECORD", "".join(f"{{path}},,\\n" for path in paths))
    return name

build_editable = build_wheel
"""


def make_tree(
    folder: Path,
    name: str = "demo",
    version: str = "1.0",
    *,
    requires: str = "",
    extra: tuple[str, ...] = (),
    fail: str = "pass",
) -> Path:
    """A source tree below `folder`; `fail` is a statement run inside build_wheel."""
    tree = folder / f"{name}-{version}"
    tree.mkdir(parents=True)
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    text = _BACKEND.format(
        name=name, version=version, requires=requires, extra=list(extra), fail=fail
    )
    (tree / "backend.py").write_text(text)
    return tree


def make_sdist(tree: Path, pkg_info: str | None = None) -> Path:
    """`tree` as a `.tar.gz` beside it."""
    if pkg_info is not None:
        (tree / "PKG-INFO").write_text(pkg_info)
    archive = tree.parent / f"{tree.name}.tar.gz"
    with tarfile.open(archive, "w:gz") as out:
        out.add(tree, arcname=tree.name)
    return archive


def make_tar(archive: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """A tar archive of exactly these members."""
    with tarfile.open(archive, "w:gz") as out:
        for info, content in members:
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return archive
