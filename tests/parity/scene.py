"""Scene: a folder with a fresh environment in which one case is played by one installer."""

from __future__ import annotations

import glob
import hashlib
import http.server
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.parity.case import Case, Expectation
from tests.parity.sources import Package, make_package, write_index

_LIMIT = 120
"""Seconds for one command line."""

_PLACEHOLDER = re.compile(r"(?<!\$)\{(\w+)(?::([^{}]*))?\}")

_ASKS_SOURCES = ("install", "download")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """An installer."""

    name: str
    words: tuple[str, ...]
    """What its command lines begin with; `{python}` is the environment's interpreter."""
    variables: Mapping[str, str]
    """Set for it alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What came of a case."""

    failed_early: str | None
    """The output of the first preparing command line that failed."""
    code: int
    output: str
    """Both streams of the last command line."""
    before: tuple[str, ...]
    """What was installed before the last command line."""
    root: Path
    site: Path
    fill: Callable[[str], str]
    """Replaces the placeholders in a text."""


def vinstall_tool() -> Tool:
    """vinstall as it stands in this checkout."""
    return Tool(
        name="vinstall",
        words=(sys.executable, "-m", "vinstall"),
        variables={"VINSTALL_CACHE_DIR": "{root}/cache"},
    )


def pip_tool() -> Tool | None:
    """The pip beside vinstall, run by the environment's interpreter; None where there is none."""
    found = importlib.util.find_spec("pip")
    if found is None or found.origin is None:
        return None
    runner = Path(found.origin).with_name("__pip-runner__.py")
    quiet = {"PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return Tool(
        name="pip",
        words=("{python}", str(runner)),
        variables={**quiet, "PIP_ROOT_USER_ACTION": "ignore"},
    )


def make_template(folder: Path) -> Path:
    """A virtual environment that holds nothing, to be copied."""
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder)
    return folder


def play(case: Case, tool: Tool, *, root: Path, template: Path, host: str) -> Ending:
    """Set up `case` below `root`, run its command lines with `tool`, and tell how it ended.

    `host` is the URL of a server of the folder two levels above `root`.
    """
    environment = root / "env"
    shutil.copytree(template, environment, symlinks=True)
    site = next(environment.glob("lib/python*/site-packages"))
    fill = partial(_fill, places=_places(root, site, host))
    made = {}
    for package in case.packages:
        filled = _fill_package(package, fill)
        made[make_package(root, filled)] = filled
    (root / "links").mkdir(exist_ok=True)
    if case.index in ("index", "nothing said"):
        write_index(root, made)
    for path, text in case.files.items():
        (root / fill(path)).parent.mkdir(parents=True, exist_ok=True)
        (root / fill(path)).write_bytes(fill(text).encode())
    variables = _variables(case, tool, environment, fill)
    failed_early = None
    for line in case.before:
        ended = _run(line, case, tool, fill, variables, root)
        if ended.returncode != 0:
            failed_early = f"{line}\n{ended.stdout}"
            break
    before = installed(site)
    ended = _run(case.run, case, tool, fill, variables, root)
    return Ending(
        failed_early=failed_early,
        code=ended.returncode,
        output=ended.stdout,
        before=before,
        root=root,
        site=site,
        fill=fill,
    )


def _places(root: Path, site: Path, host: str) -> Mapping[str, str]:
    environment = root / "env"
    return {
        "root": str(root),
        "links": str(root / "links"),
        "env": str(environment),
        "site": str(site),
        "bin": str(environment / "bin"),
        "python": str(environment / "bin" / "python"),
        "host": f"{host}/{root.parent.name}/{root.name}",
        "minor": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "tag": f"cp{sys.version_info[0]}{sys.version_info[1]}",
    }


def _fill(text: str, *, places: Mapping[str, str]) -> str:
    """`text` with `{name}`, `{url:path}` (a file URL) and `{sha256:path}` replaced."""
    root = Path(places["root"])

    def put(match: re.Match[str]) -> str:
        name, path = match[1], match[2]
        if path is None:
            return places.get(name, match[0])
        if name == "url":
            return (root / path).as_uri()
        return hashlib.new(name, (root / path).read_bytes()).hexdigest()

    return _PLACEHOLDER.sub(put, text)


def _fill_package(package: Package, fill: Callable[[str], str]) -> Package:
    extras = {name: [fill(one) for one in several] for name, several in package.extras.items()}
    requires = tuple(fill(one) for one in package.requires)
    return replace(package, requires=requires, extras=extras, tag=fill(package.tag))


def _variables(
    case: Case, tool: Tool, environment: Path, fill: Callable[[str], str]
) -> dict[str, str]:
    """The environment variables: none of the user's but the harmless ones."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    ours = {
        "HOME": str(environment.parent / "home"),
        "VIRTUAL_ENV": str(environment),
        "PIP_CONFIG_FILE": os.devnull,
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    given = {**tool.variables, **case.variables}
    return {**kept, **ours, **{name: fill(value) for name, value in given.items()}}


def _run(
    line: str,
    case: Case,
    tool: Tool,
    fill: Callable[[str], str],
    variables: Mapping[str, str],
    root: Path,
) -> subprocess.CompletedProcess[str]:
    """Run one line: words for the installer, or after `!` for the shell."""
    if line.startswith("!"):
        words = ["/bin/sh", "-ec", fill(line[1:])]
    else:
        command, *rest = shlex.split(fill(line))
        confirmed = ["-y"] if command == "uninstall" and tool.name == "pip" else []
        origin = _source_words(case, fill) if command in _ASKS_SOURCES else []
        words = [*map(fill, tool.words), command, *confirmed, *origin, *rest]
    return subprocess.run(
        words,
        cwd=root,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_LIMIT,
        check=False,
    )


def _source_words(case: Case, fill: Callable[[str], str]) -> list[str]:
    match case.index:
        case "links":
            return ["--no-index", "--find-links", fill("{links}")]
        case "index":
            return ["--index-url", fill("{host}/index/")]
        case "none":
            return ["--no-index"]
        case "nothing said":
            return []
        case other:
            raise ValueError(f"no such index: {other!r}")


def installed(folder: Path) -> tuple[str, ...]:
    """What is installed in a folder, as sorted `name==version` with normal names."""
    found = []
    for metadata in folder.glob("*.dist-info/METADATA"):
        head = metadata.read_text("utf-8").split("\n\n")[0]
        fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        found.append(f"{canonicalize_name(fields['Name'])}=={fields['Version']}")
    return tuple(sorted(found))


def faults(expect: Expectation, ending: Ending) -> Iterator[str]:
    """Where `ending` is not what was expected, in sentences."""
    if ending.failed_early is not None:
        yield f"a preparing command failed: {ending.failed_early}"
    result = "ok" if ending.code == 0 else "failed"
    if result != expect.result:
        yield f"it ended {result} (exit code {ending.code}), not {expect.result}"
    wanted = expect.installed
    if wanted is None and expect.result == "failed":
        wanted = ending.before
    now = installed(ending.site)
    if wanted is not None and now != tuple(sorted(wanted)):
        yield f"installed is {list(now)}, not {sorted(wanted)}"
    for folder, names in expect.elsewhere.items():
        now = installed(ending.root / ending.fill(folder))
        if now != tuple(sorted(names)):
            yield f"installed in {folder} is {list(now)}, not {sorted(names)}"
    yield from _file_faults(expect, ending)


def _file_faults(expect: Expectation, ending: Ending) -> Iterator[str]:
    for pattern in expect.present:
        if not _matches(pattern, ending):
            yield f"{pattern} is missing"
    for pattern in expect.absent:
        if _matches(pattern, ending):
            yield f"{pattern} is there"
    for path, text in expect.contents.items():
        found = "".join(match.read_text("utf-8") for match in _matches(path, ending))
        if ending.fill(text) not in found:
            yield f"{path} does not hold {text!r}: {found!r}"
    for path, wanted in expect.json.items():
        yield from _document_faults(path, wanted, ending)


def _document_faults(path: str, wanted: Mapping[str, object], ending: Ending) -> Iterator[str]:
    """Where a JSON document, which must be there, does not hold what is `wanted`."""
    for match in _matches(path, ending) or [Path(path)]:
        document = json.loads(match.read_text("utf-8")) if match.is_file() else None
        for key, value in wanted.items():
            found, filled = _at(document, key), _filled(value, ending.fill)
            if found != filled:
                yield f"{path}: {key} is {found!r}, not {filled!r}"


def _filled(value: object, fill: Callable[[str], str]) -> object:
    if isinstance(value, list):
        return [_filled(item, fill) for item in value]
    return fill(value) if isinstance(value, str) else value


def _matches(pattern: str, ending: Ending) -> list[Path]:
    found = glob.glob(str(ending.root / ending.fill(pattern)), include_hidden=True)
    return [Path(path) for path in sorted(found)]


def _at(document: object, key: str) -> object:
    """The value at a dotted key.

    In a list a number is a place, `#` the length, and any other word the sorted values that its
    items have at that key, in which `/` stands for a dot.
    """
    for word in key.split("."):
        if isinstance(document, list) and word == "#":
            document = len(document)
        elif isinstance(document, list) and word.isdigit():
            document = document[int(word)] if int(word) < len(document) else None
        elif isinstance(document, list):
            document = sorted(str(_at(item, word.replace("/", "."))) for item in document)
        elif isinstance(document, dict):
            document = document.get(word)
        else:
            return None
    return document


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Static files; a folder's page is JSON for those who ask for it."""

    def send_head(self) -> object:  # type: ignore[override]
        accepts = "application/vnd.pypi.simple.v1+json" in self.headers.get("Accept", "")
        folder = Path(self.translate_path(self.path))
        if accepts and self.path.endswith("/") and (folder / "index.json").is_file():
            content = (folder / "index.json").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if self.command == "GET" else b"")
            return None
        return super().send_head()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A server of `folder` on loopback while the context lasts; gives its URL, without a slash at the end."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
