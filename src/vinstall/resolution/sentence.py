"""Words for requirements and candidates, shared by failures and notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.version import Version

from vinstall.formats.requirement import Requirement
from vinstall.net.redaction import redact
from vinstall.resolution.candidate import Ask
from vinstall.selection.reason import (
    NamespaceUnavailable,
    NoSuchLabel,
    Rejection,
    UnsupportedFeature,
    VariantDataInvalid,
)
from vinstall.selection.wording import either

_VARIANT_REASONS = (UnsupportedFeature, NamespaceUnavailable, VariantDataInvalid, NoSuchLabel)
_SHOWN = 6


def shown(requirement: Requirement) -> str:
    """The requirement in backticks, without its marker and without credentials."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    if requirement.url is not None:
        return f"`{requirement.name}{extras} @ {redact(requirement.url)}`"
    return f"`{requirement.name}{extras}{requirement.specifier}`"


def user_asked(ask: Ask) -> str:
    """Who of the user's files and arguments asked: "you asked for `a` (`-r x.txt` line 3)"."""
    place = f" ({ask.origin})" if ask.origin is not None else ""
    verb = "a constraint allows only" if ask.is_constraint else "you asked for"
    return f"{verb} {shown(ask.requirement)}{place}"


def yanked_text(name: str, version: Version, why: str) -> str:
    """That a release is yanked, and why where its maker says so."""
    reason = redact(" ".join(why.split()))
    return f"`{name}` {version} is yanked{f': {reason}' if reason else ''}"


def versions_text(versions: Sequence[Version]) -> str:
    """`3.0`, `3.0 and 2.0`, ...; a long list is cut."""
    return either([str(version) for version in versions], "and")


def is_for_variant_reasons(rejections: Iterable[Rejection]) -> bool:
    """Whether a file that fits the target otherwise was refused for its variant.

    Tags are judged before variants: a file refused for its variant had passed them.
    """
    return any(isinstance(rejection.reason, _VARIANT_REASONS) for rejection in rejections)


def rejection_texts(rejections: Iterable[Rejection]) -> tuple[str, ...]:
    """One text for each label or file and reason: "`cu130` needs CUDA 13.0, the driver offers 12.4".

    Labels stand for their files.  In the order given, each text once, a long list cut.
    """
    texts = dict.fromkeys(
        f"`{rejection.label if rejection.label is not None else rejection.filename}`"
        f" {rejection.reason.sentence()}"
        for rejection in rejections
    )
    found = tuple(texts)
    if len(found) <= _SHOWN + 1:
        return found
    return (*found[:_SHOWN], f"{len(found) - _SHOWN} other files cannot be used either")
