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


def _rules() -> dict[str, Rule]:
    wheel, record = "PEP 427", "recording installed projects"
    return {
        "archive-entry": Rule("error", "zip", "members are plain files with safe relative names"),
        "archive-duplicate": Rule("error", "zip", "no name stands twice"),
        "archive-bomb": Rule("error", "zip", "members do not overlap and sizes are believable"),
        "archive-content": Rule("error", "zip", "members unpack to what the directory declares"),
        "wheel-name": Rule("error", wheel, "the file name has the parts of a wheel's name"),
        "wheel-metadata": Rule("error", wheel, "one `.dist-info`, with METADATA, WHEEL and RECORD"),
        "wheel-identity": Rule("error", wheel, "metadata and file name mean the same release"),
        "wheel-tags": Rule("warning", wheel, "the tags in WHEEL are those of the file name"),
        "record": Rule("error", record, "RECORD lists every file once, with its hash and size"),
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
    }


RULES: Mapping[str, Rule] = MappingProxyType(_rules())
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
