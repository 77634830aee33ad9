"""ProjectPage, RemoteFile ← simple repository API, HTML or JSON.

Spec: PEP 503, 592 (yanked), 629 (version), 658 and 714 (core metadata), 691 (JSON), 700 (sizes,
upload times), 792 (status).  A page may list thousands of files: rows are plain tuples, cheap to
make and to marshal, and nothing is parsed from a file name here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any
from urllib.parse import unquote, urljoin

from packaging.utils import NormalizedName

from vinstall.errors import FormatError
from vinstall.pattern import pattern
from vinstall.values import Row, frozen


class RemoteFile(Row):
    """One file an index, folder or page offers."""

    filename: str
    """Unquoted; the last part of the URL's path."""
    url: str
    """Absolute, without the fragment; `http`, `https` or `file`."""
    hashes: tuple[tuple[str, str], ...] = ()
    """(algorithm, hex digest), strongest first; empty where the source gives none."""
    size: int | None = None
    """Bytes."""
    requires_python: str | None = None
    """A specifier as written."""
    yanked: str | None = None
    """None: not yanked; else the reason, which may be empty (PEP 592)."""
    metadata_hashes: tuple[tuple[str, str], ...] | None = None
    """None: no metadata sidecar; `()`: there is one, hash unknown (PEP 658)."""
    upload_time: str | None = None
    """ISO 8601 as written (PEP 700)."""
    provenance: str | None = None
    """URL of the file's attestations as written, or None (PEP 740)."""


@frozen
class ProjectPage:
    """What one source says about one project."""

    name: NormalizedName
    source: str
    """The source as shown to the user: a redacted URL or a path."""
    files: Sequence[RemoteFile]
    """In the order listed; a tuple, or a Listing, which reads them when they are looked at."""
    versions: tuple[str, ...] | None = None
    """PEP 700 `versions`; None where the page does not say."""
    status: str | None = None
    """PEP 792 project status, or None."""


ARCHIVE_SUFFIXES = (
    ".whl",
    ".tar.gz",
    ".zip",
    ".tar.bz2",
    ".tgz",
    ".tar.xz",
    ".tar",
    ".tbz",
    ".txz",
    ".tar.lzma",
    ".tlz",
)
"""How the names of wheels and source distributions end."""

LISTED_SUFFIXES = (*ARCHIVE_SUFFIXES, "-variants.json")
"""How the names of files end that a page is read for."""

_STRONGEST_FIRST = (
    "sha512",
    "sha3_512",
    "blake2b",
    "sha384",
    "sha3_384",
    "sha256",
    "sha3_256",
    "blake2s",
    "sha224",
    "sha3_224",
    "sha1",
    "md5",
)
_STRENGTH = {name: rank for rank, name in enumerate(_STRONGEST_FIRST)}
Hashes = tuple[tuple[str, str], ...]
FileRow = tuple[Any, ...] | dict[str, Any]
"""The fields of a RemoteFile, or a file as it stands on a page, a JSON object or LINK_FIELDS of an
HTML page: a page has thousands, and makes few into values."""
LINK_FIELDS = 3
"""Name, `href` and what else there is between `<a` and `>`."""

Absolute = Callable[[str], str]
"""From a link on a page to its URL."""
Files = Callable[[Sequence[FileRow], str], Sequence[RemoteFile]]
"""Makes values of rows, and of the URL that links are taken from."""

BEGINNING = 8
_WEB = ("https://", "http://")
_FOLLOWED = (*_WEB, "../", "./", "/")
"""How links begin that are followed from wherever they stand."""
_RELATIVE = pattern(r"((?:\.\./)*+)(?=[^/.:?])[^:?]*+")


def as_files(rows: Iterable[FileRow], absolute: Absolute) -> tuple[RemoteFile, ...]:
    """Each row as a value, by half the steps its own constructor takes.

    `absolute` is what `absolute_from` gives for the page.
    """
    return tuple(
        [
            _new_file(
                row if type(row) is tuple and len(row) > LINK_FIELDS else _read_row(row, absolute)
            )
            for row in rows
        ]
    )


_new_file = partial(tuple.__new__, RemoteFile)


def _read_row(row: FileRow, absolute: Absolute) -> tuple[Any, ...]:
    if isinstance(row, dict):
        return _json_row(row, absolute)
    return row if len(row) > LINK_FIELDS else _link_reader()(row, absolute)


@cache
def _link_reader() -> Callable[[tuple[Any, ...], Absolute], tuple[Any, ...]]:
    from vinstall.formats.html_links import read_link  # a warm run reads no page

    return read_link


def _all_files(rows: Iterable[FileRow], base: str) -> tuple[RemoteFile, ...]:
    return as_files(rows, absolute_from(base))


def parse_project_html(
    text: str,
    *,
    url: str,
    name: NormalizedName,
    source: str,
    files: Files = _all_files,
) -> ProjectPage:
    """The page in HTML form; relative links are taken from `url` or the page's `<base>`.

    `files` makes of the rows, and the URL that links are taken from, what the page shall have.

    Links to anything but wheels, source distributions and variant metadata are left out.
    Raises FormatError where the page says it follows a major version above 1 (PEP 629).
    """
    rows, meta, base = _scan_html(text, url)
    return ProjectPage(
        name=name,
        source=source,
        files=files(rows, base),
        status=meta.get("pypi:project-status"),
    )


def parse_links(text: str, *, url: str) -> tuple[RemoteFile, ...]:
    """Every archive an HTML page links to, of whatever project: a find-links page."""
    rows, _, base = _scan_html(text, url)
    return _all_files(rows, base)


def _scan_html(text: str, url: str) -> tuple[Sequence[FileRow], dict[str, str], str]:
    from vinstall.formats.html_links import scan_html  # a warm run reads no page

    rows, meta, base = scan_html(text, url)
    _check_version(meta.get("pypi:repository-version", "1.0"), url)
    return rows, meta, base


def parse_project_json(
    text: bytes,
    *,
    url: str,
    name: NormalizedName,
    source: str,
    files: Files = _all_files,
) -> ProjectPage:
    """The page in JSON form.  Raises FormatError; a major API version above 1 is refused (PEP 629).

    A row that cannot be used (no URL, an unsafe file name, another scheme) is left out.
    """
    import json  # a warm run reads no page

    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the page of `{name}` is no JSON document", context=(source,)) from error
    if not isinstance(document, dict) or not isinstance(document.get("files"), list):
        raise FormatError(f"the page of `{name}` has no list `files`", context=(source,))
    meta = document.get("meta")
    if isinstance(meta, dict):
        _check_version(str(meta.get("api-version", "1.0")), source)
    rows = _usable_rows(document["files"], url)
    versions = document.get("versions")
    status = document.get("project-status")
    state = status.get("status") if isinstance(status, dict) else None
    return ProjectPage(
        name=name,
        source=source,
        files=files(rows, url),
        versions=tuple(map(str, versions)) if isinstance(versions, list) else None,
        status=state if isinstance(state, str) else None,
    )


def parse_hashes(pairs: Mapping[str, object]) -> Hashes:
    """The hashes of a table as RemoteFile keeps them; algorithms Python need not have are left out.

    A digest that is malformed is kept: the file it belongs to will then never match.
    """
    if len(pairs) == 1:
        digest = pairs.get("sha256")
        if isinstance(digest, str):
            return (("sha256", digest.lower()),)
    known = [
        (algorithm, value.lower())
        for algorithm, value in ((key.lower(), value) for key, value in pairs.items())
        if algorithm in _STRENGTH and isinstance(value, str)
    ]
    return tuple(sorted(known, key=lambda pair: _STRENGTH[pair[0]]))


def parse_hash_fragment(fragment: str) -> Hashes:
    """The hashes in the fragment of a URL, such as `sha256=...`; other keys mean nothing here."""
    if fragment.startswith("sha256=") and "&" not in fragment:
        return (("sha256", fragment[7:].lower()),)
    return parse_hashes(
        dict(part.split("=", 1) for part in reversed(fragment.split("&")) if "=" in part)
    )


def link_name(url: str) -> str:
    """The file name of a URL without fragment: the last part of its path, unquoted.

    Empty where that is no safe name of one file in one folder: it has a separator, a colon or a
    control character, or is `.` or `..`.
    """
    path = url.partition("?")[0]
    name = path[path.rfind("/") + 1 :]
    name = unquote(name) if "%" in name else name
    return name if is_safe_name(name) and name not in (".", "..") else ""


def is_listed_name(filename: str) -> bool:
    """Whether `filename` is safe, and of a kind that a page is read for."""
    return filename.endswith(LISTED_SUFFIXES) and is_safe_name(filename)


def is_safe_name(name: str) -> bool:
    """Whether `name` has nothing in it that could lead out of a folder or confuse a terminal."""
    return name.isprintable() and not ("/" in name or "\\" in name or ":" in name)


def _check_version(text: str, source: str) -> None:
    """PEP 629: a client must refuse a major version it does not know."""
    major = text.strip().partition(".")[0]
    if not (major.isascii() and major.isdigit()):
        raise FormatError(f"`{text}` is no version of the simple repository API", context=(source,))
    if int(major) != 1:
        raise FormatError(
            f"the index follows version {text.strip()} of the simple repository API, "
            "only version 1 is understood",
            context=(source,),
            hint="look for a newer vinstall, or for another index",
        )


def absolute_from(base: str) -> Absolute:
    """A function from a link on the page at `base` to its absolute URL.

    The URL is empty where the link is none, where the scheme is none of http, https and file, or
    where a page that came over the network points into this machine.  `urljoin` takes 5 µs, so it
    is asked once for each of the few beginnings (`../../`) that relative links have.
    """
    local = base[:5].lower() == "file:"
    beginnings: dict[str, str] = {}

    def absolute(link: str) -> str:
        if link.startswith(_WEB):
            return link
        end = link.rfind("/") + 1
        start = beginnings.get(link[:end])
        if not start or ":" in link or "?" in link or link[end : end + 1] == ".":
            return other(link, end)
        return start + link[end:]

    def joined(link: str) -> str:
        try:
            return _allowed(urljoin(base, link), local=local)
        except ValueError:  # `//[`
            return ""

    def other(link: str, end: int) -> str:
        match = _RELATIVE.fullmatch(link)
        if match is None or "/." in link[len(match[1]) :]:
            return joined(link)
        up = match[1]
        if up not in beginnings:
            beginnings[up] = joined(up or ".")
        start = beginnings[up]
        if not start:
            return ""
        beginnings[link[:end]] = start + link[len(up) : end]
        return start + link[len(up) :]

    return absolute


def _allowed(url: str, *, local: bool) -> str:
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if not colon or not rest.startswith("//"):
        return ""
    if scheme in ("http", "https") or (scheme == "file" and local):
        return f"{scheme}:{rest}"
    return ""


def _usable_rows(rows: list[Any], base: str) -> list[FileRow]:
    """The elements of `files` that name a file and where it is, as they stand there.

    Nearly all pages are of a few kinds of links and of harmless names: these are judged together.
    """
    try:
        listed = [row for row in rows if row["filename"].endswith(LISTED_SUFFIXES)]
        beginnings = {row["url"][:BEGINNING] for row in listed}
        if is_safe_name("".join([row["filename"] for row in listed])) and all(
            map(leads_somewhere, beginnings)
        ):
            return listed
    except (AttributeError, KeyError, TypeError):
        pass
    absolute = absolute_from(base)
    return [row for row in rows if isinstance(row, dict) and _is_usable(row, absolute)]


def leads_somewhere(beginning: str) -> bool:
    """Whether links that begin so are to be followed, from whatever page."""
    # Tabs do not count in URLs: `/` and a tab may be the beginning of `//`.
    plain = beginning.isprintable() and not beginning.startswith("//")
    return plain and beginning.startswith(_FOLLOWED)


def _is_usable(row: Mapping[str, Any], absolute: Absolute) -> bool:
    filename, url = row.get("filename"), row.get("url")
    if not (isinstance(filename, str) and isinstance(url, str) and is_listed_name(filename)):
        return False
    return bool(absolute(_link(url)))


def _link(url: str) -> str:
    """What a JSON page says of a file's place, without what browsers would not send."""
    return url.strip().partition("#")[0]


def _json_row(row: Mapping[str, Any], absolute: Absolute) -> tuple[Any, ...]:
    """One element of `files` that is usable (PEP 691, 700, 714)."""
    get = row.get
    url = row["url"]
    if not url.startswith(_WEB) or "#" in url or url[-1].isspace():
        url = absolute(_link(url))
    hashes, size, python, yanked = get("hashes"), get("size"), get("requires-python"), get("yanked")
    uploaded, provenance = get("upload-time"), get("provenance")
    core = get("core-metadata", get("dist-info-metadata"))
    return (
        row["filename"],
        url,
        parse_hashes(hashes) if isinstance(hashes, dict) else (),
        size if type(size) is int and size >= 0 else None,
        python if isinstance(python, str) and python else None,
        _json_yanked(yanked) if yanked else None,
        None if core is None else _json_metadata(core),
        uploaded if isinstance(uploaded, str) else None,
        provenance if isinstance(provenance, str) and provenance else None,
    )


def _json_yanked(value: object) -> str | None:
    """PEP 691: a true value is a yank, a string its reason; an empty string is not true."""
    if isinstance(value, str):
        return value or None
    return "" if value is True else None


def _json_metadata(value: object) -> Hashes | None:
    """PEP 714: true, false or a table of hashes."""
    if isinstance(value, dict):
        return parse_hashes(value)
    return () if value is True else None
