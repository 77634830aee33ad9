"""TrustedPlugin ← `NAME==VERSION[@sha256:…]`: a provider plugin the user allows to run."""

from __future__ import annotations

from packaging.utils import NormalizedName, canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version

from vinstall.errors import UsageError
from vinstall.pattern import pattern
from vinstall.values import frozen

_FORM = pattern(r"\s*([A-Za-z0-9._-]+)\s*==\s*([^@\s]+?)\s*(?:@\s*sha256:([0-9A-Fa-f]+))?\s*")


@frozen
class TrustedPlugin:
    """One release of a plugin, and the file if the user named it."""

    name: NormalizedName
    version: Version
    sha256: str | None = None
    """Of its wheel, in lower-case hex; None where only name and version were named."""

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def parse_trust(text: str) -> TrustedPlugin:
    """`text`, the value of `--trust-provider`.  Raises UsageError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise _malformed(text)
    name = canonicalize_name(match[1])
    if not is_normalized_name(name) or (match[3] is not None and len(match[3]) != 64):
        raise _malformed(text)
    try:
        version = Version(match[2])
    except InvalidVersion as error:
        raise _malformed(text) from error
    return TrustedPlugin(name=name, version=version, sha256=match[3].lower() if match[3] else None)


def _malformed(text: str) -> UsageError:
    return UsageError(
        f"`--trust-provider {text}` does not name a plugin",
        hint="write `NAME==VERSION`, or `NAME==VERSION@sha256:` and the 64 digits of its hash",
    )
