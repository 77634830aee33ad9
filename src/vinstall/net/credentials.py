"""Credentials: who we are to which server.

Looked up in this order: the user part of a URL given by the user, variables named after an index,
netrc, and, only once a server has refused us, keyring's own program and a question to the user.
What belongs to one server is never shown to another (`Origin.trusts`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from vinstall.net.address import Origin, parse_origin, split_user
from vinstall.observer import Observer
from vinstall.values import Row

Ask = Callable[[str, str | None], tuple[str, str] | None]
"""(host, user if known) → (user, password), or None where nobody answers."""

KEYRING_SECONDS = 60.0
_PREFIXES = ("VINSTALL_INDEX", "UV_INDEX")


class Login(Row):
    """A user and a password; its repr shows neither."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Login(****)"

    @property
    def header(self) -> str:
        """The value of an `Authorization` header (RFC 7617)."""
        import base64

        pair = f"{self.user}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")


class _Known(Row):
    """What the user gave for one URL."""

    origin: Origin
    path: str
    user: str | None
    password: str | None


class Credentials:
    """The logins of one run.  Thread-safe; each server is asked about at most once."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        keyring: bool = False,
        ask: Ask | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`environ` gives the variables, `HOME` and `NETRC`; `keyring` permits its program to run."""
        self._environ = environ
        self._keyring = keyring
        self._ask = ask
        self._observer = observer or Observer()
        self._lock = threading.Lock()
        self._known: list[_Known] = []
        self._netrc: dict[str, Login] | None = None
        self._asked: dict[Origin, Login | None] = {}

    def add(self, url: str, *, name: str | None = None) -> str:
        """Remember the user part of `url`, or the variables of the index `name`; the URL without it.

        For an index without a name the variables are named after its host:
        `VINSTALL_INDEX_PACKAGES_EXAMPLE_COM_USERNAME` and `..._PASSWORD`.
        """
        bare, user, password = split_user(url)
        origin = parse_origin(bare)
        if not origin.host:
            return bare
        if password is None:
            given = self._from_variables(name or origin.host)
            user, password = user or given[0], given[1]
        if user is not None or password is not None:
            with self._lock:
                self._known.append(_Known(origin, urlsplit(bare).path, user, password))
        return bare

    def for_url(self, url: str) -> Login | None:
        """The login to send along with a first request, or None."""
        origin = parse_origin(url)
        with self._lock:
            asked = self._asked.get(origin)
        if asked is not None:
            return asked
        known = self._best(origin, urlsplit(url).path)
        if known is not None and known.password is not None:
            return Login(known.user or "", known.password)
        from_netrc = self._from_netrc(origin.host)
        if known is None or (from_netrc is not None and from_netrc.user == known.user):
            return from_netrc
        # A user alone is either half of a login or a token; the first request finds out.
        return None if self._keyring or self._ask else Login(known.user or "", "")

    def after_refusal(self, url: str) -> Login | None:
        """Another login to try once the server answered 401, or None.

        May run `keyring` or ask the user, one server at a time and once for each.
        """
        origin = parse_origin(url)
        with self._lock:
            if origin not in self._asked:
                known = self._best(origin, urlsplit(url).path, locked=True)
                user = known.user if known is not None else None
                found = self._from_keyring(url, origin, user) if self._keyring else None
                if found is None and self._ask is not None:
                    answer = self._ask(origin.host, user)
                    found = Login(*answer) if answer is not None else None
                self._asked[origin] = found
            return self._asked[origin]

    def _best(self, origin: Origin, path: str, *, locked: bool = False) -> _Known | None:
        """What is known for the longest beginning of `path`, else for anything on that server."""
        if locked:
            known = list(self._known)
        else:
            with self._lock:
                known = list(self._known)
        mine = [entry for entry in known if entry.origin.trusts(origin)]
        return max(mine, key=lambda entry: _common_parts(entry.path, path), default=None)

    def _from_variables(self, name: str) -> tuple[str | None, str | None]:
        """(user, password) from `VINSTALL_INDEX_<NAME>_...`, or uv's `UV_INDEX_<NAME>_...`."""
        key = re.sub(r"[^A-Z0-9]+", "_", name.upper())
        for prefix in _PREFIXES:
            user = self._environ.get(f"{prefix}_{key}_USERNAME")
            password = self._environ.get(f"{prefix}_{key}_PASSWORD")
            if user or password:
                return user, password
        return None, None

    def _from_netrc(self, host: str) -> Login | None:
        with self._lock:
            if self._netrc is None:
                self._netrc = self._read_netrc()
            return self._netrc.get(host, self._netrc.get("default"))

    def _read_netrc(self) -> dict[str, Login]:
        named = self._environ.get("NETRC")
        home = Path(self._environ.get("HOME") or Path.home())
        places = [Path(named)] if named else [home / ".netrc", home / "_netrc"]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            return {}
        import netrc

        try:
            hosts = netrc.netrc(path).hosts
        except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
            reason = error.msg if isinstance(error, netrc.NetrcParseError) else type(error).__name__
            self._observer.warning(f"`{path}` is not used: {reason}")
            return {}
        return {
            host: Login(login or "", password or "")
            for host, (login, _, password) in hosts.items()
            if login or password
        }

    def _from_keyring(self, url: str, origin: Origin, user: str | None) -> Login | None:
        """Ask `keyring` for the URL's folder, then for the host, as pip and uv do."""
        import shutil

        program = shutil.which("keyring", path=self._environ.get("PATH"))
        if program is None:
            self._observer.warning("the program `keyring` was not found")
            return None
        standard = {"http": 80, "https": 443}.get(origin.scheme) == origin.port
        host = origin.host if standard else f"{origin.host}:{origin.port}"
        for service in (url.rpartition("/")[0] + "/", host):
            found = self._run_keyring(program, service, user)
            if found is not None:
                return found
        return None

    def _run_keyring(self, program: str, service: str, user: str | None) -> Login | None:
        import subprocess

        arguments = ["get", service, user] if user else ["--mode", "creds", "get", service]
        try:
            result = subprocess.run(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=KEYRING_SECONDS,
                env={**self._environ, "PYTHONIOENCODING": "utf-8"},
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._observer.warning(f"`keyring` did not answer: {type(error).__name__}")
            return None
        lines = result.stdout.decode(errors="replace").splitlines()
        if result.returncode != 0 or not lines:
            return None
        if user:
            return Login(user, lines[0])
        return Login(lines[0], lines[1]) if len(lines) > 1 else None


def _common_parts(first: str, second: str) -> int:
    """How many leading parts two paths share."""
    count = 0
    for one, other in zip(first.split("/"), second.split("/"), strict=False):
        if one != other:
            break
        count += 1
    return count
