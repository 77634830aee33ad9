"""file_sizes(): how many bytes files have, asked for where their source does not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vinstall.errors import NetworkError
from vinstall.formats.simple_api import RemoteFile
from vinstall.net.client import HttpClient
from vinstall.sources.location import url_path

_THREADS = 16


def file_sizes(files: Iterable[RemoteFile], client: HttpClient) -> Mapping[RemoteFile, int | None]:
    """The size of each file in bytes; None where it cannot be learned.

    Listed sizes are believed, local files looked at; each other file costs one small request,
    many at a time.
    """
    found = {file: file.size if file.size is not None else _local(file) for file in files}
    unknown = [file for file, size in found.items() if size is None and _is_web(file)]
    if unknown and not client.settings.offline:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_THREADS) as pool:
            found.update(
                zip(unknown, pool.map(lambda file: _asked(file, client), unknown), strict=True)
            )
    return found


def _local(file: RemoteFile) -> int | None:
    if not file.url.startswith("file:"):
        return None
    try:
        return url_path(file.url.partition("#")[0]).stat().st_size
    except OSError:
        return None


def _is_web(file: RemoteFile) -> bool:
    return file.url.startswith(("http:", "https:"))


def _asked(file: RemoteFile, client: HttpClient) -> int | None:
    try:
        part = client.read_range(file.url.partition("#")[0], start=0, length=1)
    except NetworkError:
        return None
    return part.total if part is not None else None
