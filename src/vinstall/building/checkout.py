"""A git URL into a source tree.  Spec: direct URLs (PEP 610), pip's `git+` URL forms.

`git` runs with no prompt, no system configuration of ours, and only the transports named here; a
revision is never taken for an option.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

from vinstall.errors import BuildError, FormatError
from vinstall.values import frozen

_SCHEMES = ("git+https", "git+http", "git+ssh", "git+file", "git+git")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@^~-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)


@frozen
class VcsUrl:
    """The parts of a `git+SCHEME://...@REVISION#subdirectory=...` URL."""

    repository: str
    """The URL git is given, credentials included."""
    revision: str | None = None
    """A branch, tag or commit; None: the repository's default branch."""
    subdirectory: str | None = None


@frozen
class Checkout:
    """A checked-out tree."""

    path: Path
    """The root of the repository's tree."""
    commit: str
    """The full commit identifier."""


def is_vcs_url(url: str) -> bool:
    """Whether `url` names a repository."""
    return url.startswith("git+")


def parse_vcs_url(url: str) -> VcsUrl:
    """The parts of `url`.  Raises FormatError for another scheme or a revision git would misread."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise FormatError(
            f"`{parts.scheme}` is no known kind of repository",
            hint="one of " + ", ".join(f"`{scheme}`" for scheme in _SCHEMES),
        )
    path, at, revision = parts.path.rpartition("@")
    if not at:
        path, revision = parts.path, ""
    if at and _REVISION.fullmatch(revision) is None:
        raise FormatError(f"`{revision}` is not a revision")
    fragment = parse_qs(parts.fragment)
    subdirectory = fragment.get("subdirectory", [None])[0]
    if subdirectory is not None and _leaves(subdirectory):
        raise FormatError(f"the subdirectory `{subdirectory}` leaves the repository")
    scheme = parts.scheme.removeprefix("git+")
    return VcsUrl(
        repository=urlunsplit((scheme, parts.netloc, path, parts.query, "")),
        revision=revision or None,
        subdirectory=subdirectory,
    )


def _leaves(subdirectory: str) -> bool:
    parts = subdirectory.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or ":" in parts[0]


def check_out(url: VcsUrl, mirror: Path, into: Path) -> Checkout:
    """The tree of `url` at its revision, below `into`; `mirror` is a bare repository kept between runs.

    Costs network unless the revision is a full commit that the mirror already has.  Raises
    BuildError where git is missing or fails; messages carry no credentials.
    """
    if not (mirror / "HEAD").is_file():
        mirror.mkdir(parents=True, exist_ok=True)
        _git("init", "--bare", "--quiet", str(mirror), url=url)
    commit = _known_commit(url, mirror) or _fetch(url, mirror)
    _git("clone", "--quiet", "--no-checkout", "--shared", str(mirror), str(into), url=url)
    _git("remote", "set-url", "origin", url.repository, url=url, cwd=into)
    _git("checkout", "--quiet", "--detach", commit, url=url, cwd=into)
    if (into / ".gitmodules").is_file():
        _git("submodule", "update", "--init", "--recursive", "--quiet", url=url, cwd=into)
    return Checkout(path=into, commit=commit)


def _known_commit(url: VcsUrl, mirror: Path) -> str | None:
    if url.revision is None or _COMMIT.fullmatch(url.revision) is None:
        return None
    found = _run(("cat-file", "-e", f"{url.revision}^{{commit}}"), cwd=mirror)
    return url.revision if found.returncode == 0 else None


def _fetch(url: VcsUrl, mirror: Path) -> str:
    """Fetch the revision into the mirror; a server that refuses a bare commit is asked for all."""
    revision = url.revision or "HEAD"
    single = _run(("fetch", "--quiet", "--force", "--", url.repository, revision), cwd=mirror)
    if single.returncode == 0:
        return _git("rev-parse", "FETCH_HEAD^{commit}", url=url, cwd=mirror).strip()
    _git(
        *("fetch", "--quiet", "--force", "--tags", "--", url.repository),
        "+refs/heads/*:refs/heads/*",
        url=url,
        cwd=mirror,
    )
    found = _run(
        ("rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision}^{{commit}}"),
        cwd=mirror,
    )
    if found.returncode != 0:
        raise BuildError(
            f"`{redacted(url.repository)}` has no revision `{revision}`",
            hint="a revision is a branch, a tag or a commit",
        )
    return found.stdout.strip()


def _git(*arguments: str, url: VcsUrl, cwd: Path | None = None) -> str:
    if shutil.which("git") is None:
        raise BuildError("`git` is needed for this requirement and was not found on the PATH")
    done = _run(arguments, cwd=cwd)
    if done.returncode != 0:
        lines = _without_credentials(done.stderr, url).strip().splitlines()
        raise BuildError(
            f"`git {arguments[0]}` failed for `{redacted(url.repository)}`",
            context=tuple(lines[-5:]),
            hint="check the URL, the revision, and that git can reach it without a prompt",
        )
    return done.stdout


def _run(arguments: tuple[str, ...], cwd: Path | None) -> subprocess.CompletedProcess[str]:
    hidden = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:file:git",
        "LC_ALL": "C",
    }
    return subprocess.run(
        ["git", "-c", "advice.detachedHead=false", *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def redacted(repository: str) -> str:
    """The repository's URL without user name and password."""
    parts = urlsplit(repository)
    host = parts.netloc.rpartition("@")[2]
    keep = (
        parts.netloc
        if parts.scheme == "ssh" and ":" not in parts.netloc.partition("@")[0]
        else host
    )
    return urlunsplit(parts._replace(netloc=keep))


def _without_credentials(text: str, url: VcsUrl) -> str:
    return text.replace(url.repository, redacted(url.repository))
