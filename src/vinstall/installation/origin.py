"""Where a distribution came from, as files of its `.dist-info`.

Spec: PEP 610 (`direct_url.json`), PEP 710 (`provenance_url.json`).  Credentials are never written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

from vinstall.pattern import pattern
from vinstall.resolution.model import Pin
from vinstall.selection.release import SourceDistribution, Wheel

_VARIABLE_USER = pattern(r"\$\{[A-Za-z0-9_-]+\}(?::\$\{[A-Za-z0-9_-]+\})?")


def origin_file(
    pin: Pin, sha256: str, direct_url: Mapping[str, object] | None
) -> tuple[str, bytes] | None:
    """Name and content of the file that tells the origin; None where nothing is known.

    `sha256` is the digest of the wheel file; `direct_url` overrides what follows from the pin
    (a checkout's commit is known to whoever built it).
    """
    artifact = pin.choice.artifact
    if direct_url is not None:
        return "direct_url.json", _dump(direct_url)
    if pin.direct_url is not None:
        is_wheel = isinstance(artifact, Wheel)
        hashes = {"sha256": sha256} if is_wheel else dict(artifact.file.hashes)
        editable = isinstance(artifact, SourceDistribution) and artifact.editable
        return "direct_url.json", _dump(
            direct_url_json(pin.direct_url, hashes=hashes, editable=editable)
        )
    hashes = {"sha256": sha256} if isinstance(artifact, Wheel) else dict(artifact.file.hashes)
    if not hashes:
        return None
    # A query may be a signature that opens a private store: it is nobody else's business.
    url = without_credentials(artifact.file.url).partition("?")[0]
    value = {"url": url, "archive_info": {"hashes": hashes}}
    return "provenance_url.json", _dump(value)


def direct_url_json(
    url: str,
    *,
    hashes: Mapping[str, str],
    commit: str | None = None,
    editable: bool = False,
    is_folder: bool | None = None,
) -> dict[str, object]:
    """The PEP 610 object for `url`, as the user gave it.

    `git+...` is a checkout at `commit`; a `file:` URL without the name of an archive is a folder,
    unless `is_folder` says otherwise; everything else is an archive with `hashes`.
    """
    bare, _, fragment = url.partition("#")
    value: dict[str, object]
    match = re.match(r"(git|hg|svn|bzr)\+", bare)
    if match is not None:
        repository, revision = _split_revision(bare[match.end() :])
        info = {"vcs": match[1]} | ({"requested_revision": revision} if revision else {})
        value = {
            "url": without_credentials(repository),
            "vcs_info": info | {"commit_id": commit or revision or ""},
        }
    elif _is_folder(bare) if is_folder is None else is_folder:
        value = {"url": bare, "dir_info": {"editable": True} if editable else {}}
    else:
        # PEP 610: `hash` is for readers older than `hashes`.
        first = next((f"{name}={digest}" for name, digest in hashes.items()), None)
        old = {"hash": first} if first is not None else {}
        value = {
            "url": without_credentials(bare),
            "archive_info": old | ({"hashes": dict(hashes)} if hashes else {}),
        }
    subdirectory = re.search(r"(?:^|&)subdirectory=([^&]+)", fragment)
    return value | ({"subdirectory": unquote(subdirectory[1])} if subdirectory else {})


def _split_revision(url: str) -> tuple[str, str | None]:
    """A repository's URL and what follows the `@` of its path."""
    parts = urlsplit(url)
    path, separator, revision = parts.path.rpartition("@")
    if not separator:
        return url, None
    return urlunsplit(parts._replace(path=path)), revision


def _is_folder(url: str) -> bool:
    archives = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
    return url.startswith("file:") and not url.lower().endswith(archives)


def without_credentials(url: str) -> str:
    """`url` without user and password; PEP 610 lets `git@` and `${VARIABLE}` stand."""
    parts = urlsplit(url)
    user, separator, host = parts.netloc.rpartition("@")
    if not separator or _VARIABLE_USER.fullmatch(user):
        return url
    if user == "git" and parts.scheme.rpartition("+")[2] in ("ssh", "git"):
        return url
    return urlunsplit(parts._replace(netloc=host))


def _dump(value: Mapping[str, object]) -> bytes:
    import json

    return json.dumps(value, sort_keys=True).encode()
