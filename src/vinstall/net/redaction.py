"""redact(): a URL or a text as it may be shown.  Pure."""

from __future__ import annotations

import re

from vinstall.pattern import pattern

_USER = pattern(r"(?<=://)[^\s/?#@]*(?:@[^\s/?#@]*)*@")
_SECRET_KEY = pattern(
    r"(?<=[?&;])([^\s=&;#]*(?:token|secret|passw|signature|credential|api_?key|auth|sig)[^\s=&;#]*)"
    r"=[^\s&;#]+",
    re.IGNORECASE,
)
_MASK = "****"


def redact(text: str) -> str:
    """`text` without the secrets of any URL in it, and without control characters.

    A user part becomes `****@`, since many servers take a token for the user; values of query
    keys that sound secret become `****`.
    """
    if "://" in text and "@" in text:
        text = _USER.sub(f"{_MASK}@", text)
    if "://" in text and "=" in text:
        text = _SECRET_KEY.sub(rf"\1={_MASK}", text)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
