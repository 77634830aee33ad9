"""Index: a simple repository API over HTTP.  Spec: PEP 503, PEP 691 (negotiation), PEP 700.

A page is parsed once and kept as a Listing beside what its server said about its age, so that a
run within that time asks nobody and parses nothing.
"""

from __future__ import annotations

import marshal
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from packaging.utils import NormalizedName

from vinstall.cache.files import Cache, Key, view_value
from vinstall.errors import FormatError
from vinstall.formats.page_listing import LISTING_REVISION, Listing, list_files
from vinstall.formats.simple_api import (
    ProjectPage,
    RemoteFile,
    parse_project_html,
    parse_project_json,
)
from vinstall.net.address import with_slash
from vinstall.net.client import HttpClient
from vinstall.net.redaction import redact
from vinstall.net.response import Response
from vinstall.observer import Observer
from vinstall.pattern import pattern
from vinstall.sources.freshness import Stamp, stamp_answer
from vinstall.sources.once import Once
from vinstall.sources.source import KeptFile
from vinstall.values import Row

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.01"
)
_ANEW = {"Accept": ACCEPT, "Cache-Control": "max-age=0"}
"""Headers of a request that no cache on the way is to answer by itself."""
PAGES = "pages"
"""The bucket of the cache."""

_REVISION = (LISTING_REVISION, *RemoteFile._fields)
"""Pages kept by a vinstall that knew other fields, or read them otherwise, are passed over."""
_MARSHAL = 4
_UNKNOWN = (404, 410)
_CHARSET = pattern(r"charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_HEAD_SIZE = 4


class _Kept(Row):
    """A page in the cache."""

    stamp: Stamp
    versions: tuple[str, ...] | None = None
    status: str | None = None
    listing: memoryview | bytes = b""
    """The files, packed; empty where the index does not know the project."""


class Index:
    """One index.  Thread-safe; each project is asked for once."""

    def __init__(
        self,
        url: str,
        *,
        client: HttpClient,
        cache: Cache,
        observer: Observer | None = None,
        name: str | None = None,
        refresh: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`name` is what the user calls the index: its login may come from variables of that name.

        `refresh`: what is kept is used only after its server was asked whether it still holds.
        """
        self.url = with_slash(client.credentials.add(url, name=name))
        self._name = redact(self.url)
        self._client = client
        self._cache = cache
        self._observer = observer or Observer()
        self._refresh = refresh
        self._now = now
        self._pages: Once[NormalizedName, ProjectPage | None] = Once()
        self._believed: set[NormalizedName] = set()
        """Projects that an earlier run heard are not known here; nobody was asked in this one."""
        self._late: Once[NormalizedName, ProjectPage | None] = Once()
        self._files: dict[NormalizedName, KeptFile] = {}
        """Where each page in use is, and how long it is fresh; absent where it must not be kept."""

    @property
    def name(self) -> str:
        """The URL without user part and secrets."""
        return self._name

    def project(self, name: NormalizedName) -> ProjectPage | None:
        """The page of `name`; None where the index does not know it.  At most one request.

        Raises NetworkError; FormatError for a page that cannot be read.
        """
        page = self._pages.get(name, lambda: self._project(name))
        return self.ask_again(name) if page is None and name in self._late else page

    def ask_again(self, name: NormalizedName) -> ProjectPage | None:
        """The page of a project that no index was said to know; None where that is still so.

        It may have been published since an earlier run heard so.  At most one request, none
        where this run has asked already.  Raises what `project` raises.
        """
        if name not in self._believed or self._client.settings.offline:
            return None
        return self._late.get(name, lambda: self._received(name, self._ask(name, _ANEW)))

    def kept(self, name: NormalizedName) -> tuple[KeptFile, ...] | None:
        """The file that holds the page that `project` gave; None where it is not kept.

        Reads nothing.
        """
        file = self._files.get(name)
        return None if file is None else (file,)

    def _project(self, name: NormalizedName) -> ProjectPage | None:
        place = self._cache.value_file(PAGES, self._key(name))
        content = view_value(place)
        kept = None if content is None else _open(content)
        if kept is not None:
            fresh = not self._refresh and kept.stamp.until > self._now()
            if fresh or self._client.settings.offline:
                self._observer.page_read(name, self.name, from_cache=True)
                self._files[name] = KeptFile(place, kept.stamp.until)
                if not kept.listing:
                    self._believed.add(name)
                return self._unpack(name, kept)
        conditions = kept.stamp.conditions if kept is not None else {}
        headers = (_ANEW if self._refresh else {"Accept": ACCEPT}) | conditions
        response = self._ask(name, headers, unless_new=bool(conditions))
        unchanged = response.status == 304
        self._observer.page_read(name, self.name, from_cache=unchanged)
        if unchanged and kept is not None:
            stamp = stamp_answer(response.headers, self._now()) or kept.stamp
            kept = kept._replace(stamp=stamp.over(kept.stamp))
            self._keep(name, kept)
            return self._unpack(name, kept)
        return self._received(name, response)

    def _ask(
        self, name: NormalizedName, headers: Mapping[str, str], *, unless_new: bool = False
    ) -> Response:
        accepting = (200, 403, *_UNKNOWN, *((304,) if unless_new else ()))
        response = self._client.get(f"{self.url}{name}/", headers=headers, accepting=accepting)
        if response.status == 403:
            # A bucket of S3 that may not be listed says so for every name that is not in it.
            if "amazons3" not in response.headers.get("server", "").lower():
                from vinstall.net.failures import refusal

                raise refusal(403, response.url)
            return Response(status=404, url=response.url, headers=response.headers, content=b"")
        return response

    def _received(self, name: NormalizedName, response: Response) -> ProjectPage | None:
        page = None if response.status in _UNKNOWN else self._parse(name, response)
        stamp = stamp_answer(response.headers, self._now())
        if stamp is None:
            return page
        if page is None:
            self._keep(name, _Kept(stamp))
            return None
        packed = page.files.packed if isinstance(page.files, Listing) else b""
        self._keep(name, _Kept(stamp, page.versions, page.status, packed))
        return page

    def _parse(self, name: NormalizedName, response: Response) -> ProjectPage:
        content_type = response.headers.get("content-type", "text/html")
        if "json" in content_type:
            return parse_project_json(
                response.content,
                url=response.url,
                name=name,
                source=self.name,
                files=partial(list_files, name),
            )
        if "html" not in content_type and not response.content.lstrip()[:1] == b"<":
            raise FormatError(
                f"the page of `{name}` has the type `{redact(content_type)}`",
                context=(redact(response.url),),
                hint="is the URL of the index right? It often ends in `/simple/`",
            )
        charset = _CHARSET.search(content_type)
        text = _decode(response.content, charset[1] if charset is not None else "utf-8")
        return parse_project_html(
            text,
            url=response.url,
            name=name,
            source=self.name,
            files=partial(list_files, name),
        )

    # --- the cache ------------------------------------------------------------------------------

    def _key(self, name: NormalizedName) -> Key:
        return ("page", _REVISION, self.url, name)

    def _keep(self, name: NormalizedName, kept: _Kept) -> None:
        head = marshal.dumps((*kept.stamp, kept.versions, kept.status), _MARSHAL)
        content = b"".join((len(head).to_bytes(_HEAD_SIZE, "little"), head, kept.listing))
        self._cache.write(PAGES, self._key(name), content)
        place = self._cache.value_file(PAGES, self._key(name))
        self._files[name] = KeptFile(place, kept.stamp.until)

    def _unpack(self, name: NormalizedName, kept: _Kept) -> ProjectPage | None:
        if not kept.listing:
            return None
        return ProjectPage(
            name=name,
            source=self.name,
            files=Listing(kept.listing),
            versions=kept.versions,
            status=kept.status,
        )


def listed_files(content: memoryview) -> Sequence[RemoteFile] | None:
    """The files of a page as the cache keeps it; None where it says that there is no such project.

    Raises ValueError, EOFError or TypeError for a page of another layout.
    """
    kept = _open(content)
    return Listing(kept.listing) if kept.listing else None


def _open(content: memoryview) -> _Kept:
    end = _HEAD_SIZE + int.from_bytes(content[:_HEAD_SIZE], "little")
    etag, modified, until, versions, status = _load(content[_HEAD_SIZE:end])
    return _Kept(Stamp(etag, modified, until), versions, status, content[end:])


def _load(content: memoryview) -> Any:
    return marshal.loads(content)  # noqa: S302 - our own file, whose check sum was right


def _decode(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, "replace")
    except LookupError:
        return content.decode("utf-8", "replace")
