"""The options of one line of a requirements file.  Spec: pip, "Requirements File Format".

Only the words are understood here: which option stands there, and with which value.  As on pip's
command line a value may follow after a space or `=`, or directly after a single letter, and a long
name may be cut short where that is not ambiguous.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from vinstall.errors import FormatError
from vinstall.values import Row

_WITH_VALUE: Mapping[str, str] = {
    "-i": "--index-url",
    "--index-url": "--index-url",
    "--pypi-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-c": "--constraint",
    "--constraint": "--constraint",
    "-r": "--requirement",
    "--requirement": "--requirement",
    "-e": "--editable",
    "--editable": "--editable",
    "-f": "--find-links",
    "--find-links": "--find-links",
    "--no-binary": "--no-binary",
    "--only-binary": "--only-binary",
    "--all-releases": "--all-releases",
    "--only-final": "--only-final",
    "--trusted-host": "--trusted-host",
    "--use-feature": "--use-feature",
    "--hash": "--hash",
    "-C": "--config-settings",
    "--config-settings": "--config-settings",
}
_FLAGS = frozenset(
    {"--no-index", "--prefer-binary", "--require-hashes", "--no-require-hashes", "--pre"}
)
_LONG = sorted(_FLAGS | {name for name in _WITH_VALUE if name.startswith("--")})


class LineOption(Row):
    """One option, under its long name."""

    name: str
    value: str
    """Empty for a flag."""


def parse_options(text: str) -> tuple[LineOption, ...]:
    """The options in `text`, in the order written.

    Words are split as a POSIX shell does.  Raises FormatError for an unknown or ambiguous option,
    a value that is missing or not asked for, and a word that belongs to no option.
    """
    words = split_words(text)
    found = []
    while words:
        option, taken = _option(words)
        found.append(option)
        words = words[taken:]
    return tuple(found)


def split_words(text: str) -> list[str]:
    """`text` as words, quotes and backslashes taken as in a POSIX shell.  Raises FormatError."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise FormatError("a quote is not closed") from error


def _option(words: Sequence[str]) -> tuple[LineOption, int]:
    """The first option of `words`, and how many words it takes."""
    word = words[0]
    if not word.startswith("-") or word in ("-", "--"):
        raise FormatError(f"`{word}` belongs to no option")
    if word.startswith("--"):
        written, equals, value = word.partition("=")
        name = _long_name(written)
    else:
        written, value = word[:2], word[2:]
        name, equals = written, value
    if name in _FLAGS:
        if equals:
            raise FormatError(f"`{name}` takes no value")
        return LineOption(name, ""), 1
    if name not in _WITH_VALUE:
        raise FormatError(f"`{written}` is no option of a requirements file")
    name = _WITH_VALUE[name]
    if equals:
        return LineOption(name, value), 1
    if len(words) < 2 or (words[1].startswith("-") and name != "--config-settings"):
        raise FormatError(f"`{name}` needs a value")
    return LineOption(name, words[1]), 2


def _long_name(written: str) -> str:
    if written in _LONG:
        return written
    matches = [name for name in _LONG if name.startswith(written)]
    if len(matches) > 1:
        raise FormatError(f"`{written}` can mean {' or '.join(f'`{name}`' for name in matches)}")
    return matches[0] if matches else written
