"""WebTexts: small files from the web, kept as long as their servers say."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from vinstall.cache.files import Cache, Key
from vinstall.net.client import HttpClient
from vinstall.sources.freshness import Stamp, stamp_answer
from vinstall.sources.source import KeptFile
from vinstall.values import Row

TEXTS = "texts"
"""The bucket of the cache."""
_REVISION = 1
LIMIT = 64 * 1024 * 1024
"""Bytes."""


class WebText(Row):
    """A small file."""

    url: str
    """Where it came from after redirects."""
    content: bytes

    @property
    def text(self) -> str:
        """As UTF-8; what is none is replaced."""
        return self.content.decode("utf-8", "replace")


class WebTexts:
    """Reads small files over HTTP.  Thread-safe."""

    def __init__(
        self,
        client: HttpClient,
        cache: Cache,
        *,
        refresh: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._cache = cache
        self._refresh = refresh
        self._now = now

    def read(self, url: str, *, limit: int = LIMIT) -> WebText:
        """The file, from the cache while it is fresh.  At most one request; raises NetworkError."""
        key: Key = ("text", _REVISION, url)
        kept = self._kept(key)
        if kept is not None:
            stamp, text = kept
            fresh = not self._refresh and stamp.until > self._now()
            if fresh or self._client.settings.offline:
                return text
        headers = kept[0].conditions if kept is not None else {}
        accepting = (200, 304) if headers else (200,)
        response = self._client.get(url, headers=headers, accepting=accepting, limit=limit)
        unchanged = kept is not None and response.status == 304
        text = kept[1] if kept and unchanged else WebText(response.url, response.content)
        renewed = stamp_answer(response.headers, self._now())
        if renewed is not None:
            renewed = renewed.over(kept[0]) if kept and unchanged else renewed
            self._cache.write_value(TEXTS, key, (tuple(renewed), tuple(text)))
        return text

    def kept(self, url: str) -> KeptFile | None:
        """The file that holds what `read` gave; None where it is not kept."""
        key: Key = ("text", _REVISION, url)
        kept = self._kept(key)
        return KeptFile(self._cache.value_file(TEXTS, key), kept[0].until) if kept else None

    def _kept(self, key: Key) -> tuple[Stamp, WebText] | None:
        value = self._cache.read_value(TEXTS, key)
        if value is None:
            return None
        stamp, text = cast("tuple[tuple[str, str, float], tuple[str, bytes]]", value)
        return Stamp(*stamp), WebText(*text)
