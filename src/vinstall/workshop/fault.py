"""Fault: one thing wrong with a wheel or an index, under the rule it breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from vinstall.errors import FormatError

Severity = Literal["error", "warning"]
"""error: a rule of a specification is broken.  warning: allowed, and it will hurt somebody."""


class Rule(NamedTuple):
    """What is asked of a wheel or an index."""

    severity: Severity
    source: str
    """The specification and its section."""
    sentence: str


_WHEEL, _RECORD = "PEP 427", "recording installed projects"
_INDEX_FILE = "PEP 825, Index-level metadata"

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "archive-entry": Rule("error", "zip", "members are plain files with safe relative names"),
        "archive-duplicate": Rule("error", "zip", "no name stands twice"),
        "archive-bomb": Rule("error", "zip", "members do not overlap and sizes are believable"),
        "archive-content": Rule("error", "zip", "members unpack to what the directory declares"),
        "wheel-name": Rule("error", _WHEEL, "the file name has the parts of a wheel's name"),
        "wheel-metadata": Rule(
            "error", _WHEEL, "one `.dist-info`, with METADATA, WHEEL and RECORD"
        ),
        "wheel-identity": Rule("error", _WHEEL, "metadata and file name mean the same release"),
        "wheel-tags": Rule("warning", _WHEEL, "the tags in WHEEL are those of the file name"),
        "record": Rule("error", _RECORD, "RECORD lists every file once, with its hash and size"),
        "label-without-metadata": Rule(
            "error", "PEP 825, Variant wheel", "a labelled wheel carries `variant.json`"
        ),
        "metadata-without-label": Rule(
            "warning", "PEP 825, Variant label", "a wheel without a label carries no `variant.json`"
        ),
        "variant-json": Rule(
            "error",
            "PEP 825, Variant metadata",
            "`variant.json` describes exactly the wheel's label",
        ),
        "index-duplicate": Rule("error", "PEP 503", "one file name means one file"),
        "variants-conflict": Rule(
            "error",
            "PEP 825, Metadata consistency",
            "wheels of one release agree on their variants",
        ),
        "index-agreement": Rule(
            "error", "PEP 825, Metadata consistency", "wheel and index file say the same of a label"
        ),
        "index-file-missing": Rule(
            "error",
            _INDEX_FILE,
            "a release with labelled wheels has a `-variants.json` on its page",
        ),
        "index-file-twice": Rule("error", _INDEX_FILE, "a release has one `-variants.json`"),
        "index-file-name": Rule("error", _INDEX_FILE, "its name is normalized as in wheel names"),
        "index-file-format": Rule("error", "PEP 825, Variant metadata", "the index file is valid"),
        "label-unlisted": Rule("error", _INDEX_FILE, "the index file lists every label there is"),
        "label-without-wheel": Rule("warning", _INDEX_FILE, "a label that is listed has a wheel"),
        "label-empty": Rule(
            "error", "PEP 825, Variant label", "the wheel without properties is labelled `null`"
        ),
        "label-twins": Rule("warning", "PEP 825, Variant label", "labels differ in properties"),
        "label-unreachable": Rule(
            "warning", "PEP 825, Variant properties", "some host can support each label"
        ),
        "label-gap": Rule(
            "warning", "PEP 825, Variant ordering", "sister labels cover the same platforms"
        ),
        "namespace-unlisted": Rule(
            "error", "PEP 825, Default priorities", "every namespace in use is in the list"
        ),
        "feature-unlisted": Rule(
            "warning", "schema v0.0.2", "the feature of a static value has a priority"
        ),
        "values-unsorted": Rule("error", "PEP 825, Variants", "feature values are sorted"),
        "no-fallback": Rule(
            "warning", "PEP 825, Variant label", "hosts that support no label have a wheel too"
        ),
        "platform-excluded": Rule(
            "warning", "PEP 817, Provider information", "wheels are offered where `enable-if` holds"
        ),
        "tag-unknown": Rule(
            "warning", "platform compatibility tags", "machines with the tag exist"
        ),
        "tag-linux": Rule("warning", "PEP 600", "Linux wheels say which C library they need"),
        "wheel-twice": Rule("warning", "PEP 427", "one wheel for each label, build and tag"),
        "page": Rule("error", "PEP 503, PEP 691", "pages can be read and list the same files"),
        "hash-missing": Rule("warning", "PEP 503", "links carry a hash"),
        "file-missing": Rule("error", "PEP 503", "what a page links to is there"),
        "file-hash": Rule("error", "PEP 503", "files have the hash the page gives"),
        "file-size": Rule("error", "PEP 700", "files have the size the page gives"),
        "requires-python": Rule("error", "PEP 503", "the page repeats the wheel's Requires-Python"),
        "core-metadata": Rule("error", "PEP 658", "the METADATA beside a wheel is the wheel's own"),
    }
)
"""Rule id to rule."""


class Fault(NamedTuple):
    """One breach of one rule."""

    rule: str
    """A key of `RULES`."""
    file: str
    """The file at fault, as the user knows it."""
    message: str

    @property
    def severity(self) -> Severity:
        """The severity of its rule."""
        return RULES[self.rule].severity

    def sentence(self) -> str:
        """The fault on one line."""
        return f"{self.file}: {self.message} [{self.rule}]"


def refuse(what: str, faults: Iterable[Fault]) -> None:
    """Raise FormatError with every error among `faults` in its context; return where there is none."""
    errors = tuple(fault.sentence() for fault in faults if fault.severity == "error")
    if errors:
        raise FormatError(what, context=errors, hint="nothing was written")
