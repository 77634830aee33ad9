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
    TagMismatch,
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
    """A text for each reason, in the order given: "`cu130` needs CUDA 13.0, the driver offers 12.4".

    A label stands for its files.  Files without one that share a reason share a text, and so do all
    those made for elsewhere.  A long list is cut.
    """
    elsewhere: list[Rejection] = []
    labelled: dict[str, None] = {}
    plain: dict[str, list[str]] = {}
    for rejection in rejections:
        sentence = rejection.reason.sentence()
        if isinstance(rejection.reason, TagMismatch):
            elsewhere.append(rejection)
        elif rejection.label is not None:
            labelled[f"`{rejection.label}` {sentence}"] = None
        else:
            plain.setdefault(sentence, []).append(rejection.filename)
    texts = [*labelled, *(_of_files(names, sentence) for sentence, names in plain.items())]
    if len(texts) > _SHOWN + 1:
        texts = [*texts[:_SHOWN], f"{len(texts) - _SHOWN} other files cannot be used either"]
    if len(elsewhere) == 1:
        texts.append(f"`{elsewhere[0].filename}` {elsewhere[0].reason.sentence()}")
    elif elsewhere:
        texts.append(f"{len(elsewhere)} wheels are for other platforms or versions of Python")
    return tuple(texts)


def _of_files(names: Sequence[str], sentence: str) -> str:
    if len(names) == 1:
        return f"`{names[0]}` {sentence}"
    others = "1 other file" if len(names) == 2 else f"{len(names) - 1} other files"
    return f"`{names[0]}` {sentence} (as {others})"
