"""What of some projects lies in the cache beside their files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from packaging.utils import canonicalize_name

from tests.support.server import Reply, Request, serving
from vinstall.cache.files import Cache
from vinstall.formats.simple_api import RemoteFile
from vinstall.net.client import HttpClient
from vinstall.sources.file_reader import METADATA, CachedFileReader, memory_keys
from vinstall.sources.index import PAGES, Index
from vinstall.sources.kept_values import kept_values
from vinstall.sources.web_text import TEXTS, WebTexts

KEPT = {"Cache-Control": "max-age=600"}


def found(cache: Cache, *names: str) -> list[str]:
    """The parts of the cache in which something is theirs and exists."""
    paths = kept_values(
        cache,
        frozenset(map(canonicalize_name, names)),
        is_theirs=lambda filename: filename.startswith(tuple(f"{name}-" for name in names)),
    )
    return sorted({path.parents[1].name for path in paths if path.is_file()})


def test_the_page_that_lists_their_files(cache: Cache, client: HttpClient) -> None:
    page = b'<a href="demo-1.0.tar.gz">demo-1.0.tar.gz</a>'
    with serving({"/demo/": Reply(body=page, headers=KEPT)}) as server:
        index = Index(f"{server.url}/", client=client, cache=cache)
        assert index.project(canonicalize_name("demo")) is not None
    assert found(cache, "demo") == [PAGES]
    assert found(cache, "other") == []


def test_that_they_are_not_known_somewhere(cache: Cache, client: HttpClient) -> None:
    with serving({"/demo/": Reply(status=404, headers=KEPT)}) as server:
        index = Index(f"{server.url}/", client=client, cache=cache)
        assert index.project(canonicalize_name("demo")) is None
    assert found(cache, "demo") == [PAGES]


def test_metadata_that_names_them(cache: Cache) -> None:
    for number, name in enumerate(("demo", "De.Mo_more")):
        content = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
        cache.write_value(METADATA, (number,), (content, None, False, None, None, 0.0))
    assert found(cache, "demo") == [METADATA]
    assert found(cache, "de-mo-more") == [METADATA]
    assert found(cache, "more") == []


def test_a_variants_file_that_their_page_lists(cache: Cache, client: HttpClient) -> None:
    content = b'{"no": "name"}'
    digest = hashlib.sha256(content).hexdigest()
    page = f'<a href="demo-1.0-variants.json#sha256={digest}">demo-1.0-variants.json</a>'
    routes: dict[str, bytes | Reply | Callable[[Request], Reply]] = {
        "/demo/": Reply(body=page.encode(), headers=KEPT),
        "/demo/demo-1.0-variants.json": content,
    }
    with serving(routes) as server:
        listed = Index(f"{server.url}/", client=client, cache=cache).project(
            canonicalize_name("demo")
        )
        assert listed is not None
        assert CachedFileReader(client, cache).read(listed.files[0]) == content
    assert found(cache, "demo") == [METADATA, PAGES]


def test_a_variants_file_without_a_hash(cache: Cache, client: HttpClient) -> None:
    name = "demo-1.0-variants.json"
    with serving({f"/{name}": Reply(body=b"{}", headers=KEPT)}) as server:
        WebTexts(client, cache).read(f"{server.url}/{name}")
    assert found(cache, "demo") == [TEXTS]
    assert found(cache, "other") == []


def test_what_another_vinstall_kept_otherwise_is_passed_over(cache: Cache) -> None:
    cache.write(PAGES, ("page",), b"\x05\x00\x00\x00xxxxx")
    cache.write(TEXTS, ("text",), b"not marshal")
    assert found(cache, "demo") == []


def test_a_file_without_hash_is_remembered_under_its_url() -> None:
    file = RemoteFile("demo-1.0-py3-none-any.whl", "https://index.example/demo.whl")
    assert memory_keys(file) == (("url", 1, file.url),)
