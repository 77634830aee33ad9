"""FileOptions: the options in requirements files that concern the whole run.

Spec: pip, "Requirements File Format", "Global options".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from vinstall.errors import FormatError
from vinstall.values import Row, frozen, replace

if TYPE_CHECKING:
    from vinstall.formats.option_line import LineOption


class FindLinks(Row):
    """One `--find-links`."""

    value: str
    """As written: a URL or a path."""
    file: str
    """The file it stands in; pip takes a relative path from there if something is there."""


@frozen
class FileOptions:
    """The options of a requirements file and all files it refers to, together."""

    index_url: str | None = None
    """The last one given."""
    extra_index_urls: tuple[str, ...] = ()
    no_index: bool = False
    find_links: tuple[FindLinks, ...] = ()
    no_binary: frozenset[str] = frozenset()
    """Normalised names, or `:all:`."""
    only_binary: frozenset[str] = frozenset()
    all_releases: frozenset[str] = frozenset()
    """Normalised names, or `:all:`: pre-releases are welcome."""
    only_final: frozenset[str] = frozenset()
    pre: bool = False
    prefer_binary: bool = False
    trusted_hosts: tuple[str, ...] = ()
    require_hashes: bool = False
    no_require_hashes: bool = False
    """`--hash` beside one requirement does not oblige the others."""
    use_features: tuple[str, ...] = ()


def with_option(options: FileOptions, option: LineOption, *, file: str) -> FileOptions:
    """`options` and one more, met in `file`.

    Raises FormatError for an option that goes with a single requirement.
    """
    name, value = option
    match name:
        case "--index-url":
            return replace(options, index_url=value)
        case "--extra-index-url":
            return replace(options, extra_index_urls=(*options.extra_index_urls, value))
        case "--find-links":
            return replace(options, find_links=(*options.find_links, FindLinks(value, file)))
        case "--trusted-host":
            return replace(options, trusted_hosts=(*options.trusted_hosts, value))
        case "--use-feature":
            return replace(options, use_features=(*options.use_features, value))
        case _:
            return _with_flag(_with_choice(options, name, value), name)


def _with_flag(options: FileOptions, name: str) -> FileOptions:
    match name:
        case "--no-index":
            return replace(options, no_index=True)
        case "--pre":
            return replace(options, pre=True)
        case "--prefer-binary":
            return replace(options, prefer_binary=True)
        case "--require-hashes":
            return replace(options, require_hashes=True)
        case "--no-require-hashes":
            return replace(options, no_require_hashes=True)
        case "--no-binary" | "--only-binary" | "--all-releases" | "--only-final":
            return options
        case _:
            raise FormatError(f"`{name}` goes with a requirement, and here is none")


def _with_choice(options: FileOptions, name: str, value: str) -> FileOptions:
    match name:
        case "--no-binary":
            chosen, opposite = choose(value, options.no_binary, options.only_binary)
            return replace(options, no_binary=chosen, only_binary=opposite)
        case "--only-binary":
            chosen, opposite = choose(value, options.only_binary, options.no_binary)
            return replace(options, only_binary=chosen, no_binary=opposite)
        case "--all-releases":
            chosen, opposite = choose(value, options.all_releases, options.only_final)
            return replace(options, all_releases=chosen, only_final=opposite)
        case "--only-final":
            chosen, opposite = choose(value, options.only_final, options.all_releases)
            return replace(options, only_final=chosen, all_releases=opposite)
        case _:
            return options


def choose(
    value: str, chosen: frozenset[str], opposite: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """A set of projects and its opposite after `value` was given for the former.

    `value` lists names, `:all:` and `:none:` with commas.  As in pip: `:all:` takes every project
    away from the opposite and makes the names beside it moot, `:none:` empties the set, and the
    last word on one project wins.  Raises FormatError for an empty name.
    """
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise FormatError(f"`{value}` is no list of projects")
    if ":all:" in names:
        chosen, opposite = frozenset({":all:"}), frozenset()
        names = names[len(names) - names[::-1].index(":all:") :]
        names = names if ":none:" in names else []
    for name in names:
        if name == ":none:":
            chosen = frozenset()
        else:
            chosen |= {canonicalize_name(name)}
            opposite -= {canonicalize_name(name)}
    return chosen, opposite
