"""The files an HTML page links to.  Spec: PEP 503, 592 (yanked), 658 and 714 (core metadata), 740."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from vinstall.formats.simple_api import (
    BEGINNING,
    LINK_FIELDS,
    LISTED_SUFFIXES,
    Absolute,
    FileRow,
    Hashes,
    absolute_from,
    is_listed_name,
    is_safe_name,
    leads_somewhere,
    link_name,
    parse_hash_fragment,
)
from vinstall.pattern import pattern

# One pass over the page.  What a browser would not take for a tag (comments, style sheets,
# scripts) is matched too, so that it is skipped.  No part can fail after it has consumed
# something: the cost is linear, whatever the page.
_TOKEN = pattern(
    r"""<(?:
        ([aA]|[bB][aA][sS][eE]|[mM][eE][tT][aA])(?=[\s/>])
        (?:\s++href="([^"]*+)")?
        ([^>=]*+(?:=\s*+(?:"[^"]*+"|'[^']*+')?[^>=]*+)*+)>?
      | !--.*?(?:-->|\Z)
      | ((?i:style|script|title|textarea))(?=[\s/>]).*?(?:</(?i:\4)|\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ATTRIBUTE = pattern(
    r"""([^\s=>/][^\s=>/]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+)))?"""
)
_BEFORE_VALUE = pattern(r"[\s/]*+([^\s=>/\"']++)\s*+=\s*+")

_FIELDS = ("data-requires-python", "data-yanked", "data-provenance", "data-core-metadata")
_Pick = Callable[[list[str | None]], tuple[str | None, ...]]
_Details = tuple[str | None, str | None, Hashes | None, str | None]


def scan_html(text: str, url: str) -> tuple[Sequence[FileRow], dict[str, str], str]:
    """The files the page at `url` links to, in order; its `<meta>` names with their contents.

    And the URL from which links are taken.  Most files are left as (name, href, attributes), for
    `read_link` to make more of: few of them are looked at.
    """
    files: list[tuple[Any, ...]] = []
    beginnings: set[str] = set()
    meta: dict[str, str] = {}
    base, absolute, based = url, absolute_from(url), False
    for tag, href, attributes, _ in _TOKEN.findall(text):
        if tag in ("a", "A"):
            link = href.partition("#")[0]
            name = link[link.rfind("/") + 1 :]
            if name.endswith(LISTED_SUFFIXES) and not ("?" in link or "%" in name or "&" in href):
                beginnings.add(href[:BEGINNING])
                files.append((name, href, attributes))
            elif (file := _anchor(href, attributes, absolute)) is not None:
                files.append(file)
        elif tag:
            values = _attributes(attributes)
            href = _text(href or values.get("href", "")).strip()
            if href and not based and tag.lower() == "base":
                files, based = _read_all(files, absolute), True
                base = absolute(href)
                absolute = absolute_from(base)
            meta.setdefault(values.get("name", "").lower(), _text(values.get("content", "")))
    names = "".join([file[0] for file in files])
    if not (base and is_safe_name(names) and all(map(leads_somewhere, beginnings))):
        files = _read_all(files, absolute)
    return files, meta, base


def read_link(row: tuple[Any, ...], absolute: Absolute) -> tuple[Any, ...]:
    """The fields of a file that `scan_html` left as it stands on the page."""
    fields = _anchor(row[1], row[2], absolute)
    assert fields is not None  # it was found to be followed
    return fields


def _read_all(files: list[tuple[Any, ...]], absolute: Absolute) -> list[tuple[Any, ...]]:
    """All fields of each file that is to be followed."""
    found = (
        _anchor(file[1], file[2], absolute) if len(file) == LINK_FIELDS else file for file in files
    )
    return [file for file in found if file is not None]


def _attributes(text: str) -> Mapping[str, str]:
    """Attribute names in lower case to values as written; the first of equal names counts.

    Nearly all tags of a page have the same few attributes in double quotes: what stands between
    the values is looked at once.
    """
    parts = text.split('"')
    names = _names(tuple(parts[::2])) if len(parts) % 2 else None
    if names is not None:
        return dict(zip(names, parts[1::2], strict=True))
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), double or single or bare)
    return found


@lru_cache(maxsize=64)
def _names(between: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names if `between` is what stands around values in double quotes and nothing else."""
    matches = [_BEFORE_VALUE.fullmatch(part) for part in between[:-1]]
    names = tuple(match[1].lower() for match in matches if match is not None)
    plain = len(names) == len(matches) == len(set(names)) and not between[-1].strip("/ \t\r\n\f")
    return names if plain else None


@lru_cache(maxsize=64)
def _picker(between: tuple[str | None, ...]) -> _Pick | None:
    """What takes the values of _FIELDS from a text that was split at its double quotes.

    `between` is what stands around the values, which end in None.  None where `_names` is.
    """
    names = _names(tuple(text or "" for text in between))
    if names is None:
        return None
    at = {name: 2 * place + 1 for place, name in enumerate(names)}
    at.setdefault("data-core-metadata", at.get("data-dist-info-metadata", -1))
    return itemgetter(*(at.get(name, -1) for name in _FIELDS))


@lru_cache(maxsize=256)
def _text(value: str) -> str:
    """An attribute's value with its character references resolved."""
    if "&" not in value:
        return value
    import html  # its table of entities takes 2 ms to load

    return html.unescape(value)


def _anchor(href: str, attributes: str, absolute: Absolute) -> tuple[Any, ...] | None:
    """The file one `<a>` offers, or None where it leads elsewhere.

    `href` is the value where it is the first attribute, as it nearly always is.
    """
    href = href or _attributes(attributes).get("href", "")
    link, _, fragment = (_text(href) if "&" in href else href).strip().partition("#")
    filename = link[link.rfind("/") + 1 :]
    if "%" in filename or "?" in link:
        filename = link_name(link)
    if not is_listed_name(filename):
        return None
    if not link.startswith(("https://", "http://")):
        link = absolute(link)
        if not link:
            return None
    hashes = parse_hash_fragment(fragment) if fragment else ()
    # Where no hash is among them, many files share their attributes.
    details = _details(attributes) if '="sha' in attributes else _shared_details(attributes)
    python, yanked, core, seal = details
    return filename, link, hashes, None, python, yanked, core, None, seal


def _details(attributes: str) -> _Details:
    """Requires-Python, the reason of a yank, the hashes of the metadata sidecar, the provenance."""
    parts: list[str | None] = [*attributes.split('"')]
    pick = _picker(tuple(parts[::2])) if len(parts) % 2 else None
    if pick is not None:
        parts.append(None)
        python, yanked, provenance, core = pick(parts)
    else:
        values = _attributes(attributes)
        python, yanked, provenance = map(values.get, _FIELDS[:3])
        core = values.get("data-core-metadata", values.get("data-dist-info-metadata"))
    return (
        _text(python) if python else None,
        _text(yanked) if yanked else yanked,
        core if core is None else _metadata_hashes(core),
        _text(provenance) if provenance else None,
    )


_shared_details = lru_cache(maxsize=512)(_details)


def _metadata_hashes(value: str) -> Hashes | None:
    """PEP 658: `true`, or `algorithm=digest`.  Anything else promises a file without a hash."""
    if value.startswith("sha256=") and "&" not in value:
        return (("sha256", value[7:].lower()),)
    value = _text(value).strip()
    return None if value.lower() == "false" else parse_hash_fragment(value)
