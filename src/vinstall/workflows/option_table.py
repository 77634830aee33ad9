"""Every option that configuration may set: its name, its kind, and what pip and uv call it."""

from __future__ import annotations

from enum import Enum, auto
from typing import TypeAlias

from vinstall.values import frozen

RawValue: TypeAlias = "bool | str | int | float | tuple[str, ...]"
"""A value as its kind holds it: flag, text or path, whole number, seconds, list."""


class Kind(Enum):
    """What an option holds."""

    FLAG = auto()
    TEXT = auto()
    PATH = auto()
    INTEGER = auto()
    SECONDS = auto()
    LIST = auto()
    """Several texts; in a variable or in pip's files separated by white space."""
    NAMES = auto()
    """As LIST, and commas separate too."""


@frozen
class Option:
    """One option.  Its name is the long flag, the key in a file, and `VINSTALL_` + NAME."""

    name: str
    kind: Kind
    pip: tuple[str, ...] = ()
    """Long flags of pip's that mean the same, for `PIP_` variables and `pip.conf`."""
    uv: tuple[str, ...] = ()
    """Variables of uv's that mean the same, the preferred one first."""
    personal: bool = False
    """A project's file must not set it: it is the user's consent, or names the user's folders."""

    @property
    def variable(self) -> str:
        """The environment variable of ours."""
        return "VINSTALL_" + self.name.upper().replace("-", "_")


def _option(
    name: str, kind: Kind, *pip: str, uv: tuple[str, ...] = (), personal: bool = False
) -> Option:
    return Option(name=name, kind=kind, pip=pip, uv=uv, personal=personal)


OPTIONS: tuple[Option, ...] = (
    _option("constraint", Kind.LIST, "constraint"),
    _option("override", Kind.LIST),
    _option("index-url", Kind.TEXT, "index-url", uv=("UV_DEFAULT_INDEX", "UV_INDEX_URL")),
    _option("extra-index-url", Kind.LIST, "extra-index-url", uv=("UV_INDEX", "UV_EXTRA_INDEX_URL")),
    _option("no-index", Kind.FLAG, "no-index", uv=("UV_NO_INDEX",)),
    _option("find-links", Kind.LIST, "find-links", uv=("UV_FIND_LINKS",)),
    _option("index-strategy", Kind.TEXT, uv=("UV_INDEX_STRATEGY",)),
    _option("index-for", Kind.LIST),
    _option("offline", Kind.FLAG, uv=("UV_OFFLINE",)),
    _option("trusted-host", Kind.LIST, "trusted-host", uv=("UV_INSECURE_HOST",)),
    _option("cert", Kind.PATH, "cert"),
    _option("client-cert", Kind.PATH, "client-cert"),
    _option("proxy", Kind.TEXT, "proxy"),
    _option("keyring-provider", Kind.TEXT, "keyring-provider", uv=("UV_KEYRING_PROVIDER",)),
    _option("timeout", Kind.SECONDS, "timeout", "default-timeout"),
    _option("retries", Kind.INTEGER, "retries"),
    _option("python", Kind.TEXT, "python", personal=True),
    _option("target", Kind.PATH, "target", personal=True),
    _option("prefix", Kind.PATH, "prefix", personal=True),
    _option("root", Kind.PATH, "root", personal=True),
    _option("user", Kind.FLAG, "user", personal=True),
    _option("system", Kind.FLAG, personal=True),
    _option("break-system-packages", Kind.FLAG, "break-system-packages", personal=True),
    _option("python-version", Kind.TEXT, "python-version"),
    _option("python-platform", Kind.TEXT),
    _option("platform", Kind.LIST, "platform"),
    _option("abi", Kind.LIST, "abi"),
    _option("implementation", Kind.TEXT, "implementation"),
    _option("variant", Kind.LIST),
    _option("no-variants", Kind.FLAG),
    _option("prefer", Kind.LIST),
    _option("require", Kind.NAMES),
    _option("enable-provider", Kind.NAMES),
    _option("disable-provider", Kind.NAMES),
    _option("trust-provider", Kind.LIST, personal=True),
    _option("provider-timeout", Kind.SECONDS),
    _option("host", Kind.PATH),
    _option("reselect", Kind.FLAG),
    _option("pre", Kind.FLAG, "pre"),
    _option("all-releases", Kind.NAMES, "all-releases"),
    _option("only-final", Kind.NAMES, "only-final"),
    _option("upgrade", Kind.FLAG, "upgrade"),
    _option("upgrade-package", Kind.NAMES),
    _option("upgrade-strategy", Kind.TEXT, "upgrade-strategy"),
    _option("reinstall", Kind.FLAG, "force-reinstall"),
    _option("reinstall-package", Kind.NAMES),
    _option("no-deps", Kind.FLAG, "no-deps"),
    _option("only-deps", Kind.FLAG),
    _option("resolution", Kind.TEXT),
    _option("exclude-newer", Kind.TEXT, "uploaded-prior-to"),
    _option("exclude-newer-package", Kind.LIST),
    _option("require-hashes", Kind.FLAG, "require-hashes"),
    _option("only-binary", Kind.NAMES, "only-binary"),
    _option("no-binary", Kind.NAMES, "no-binary"),
    _option("prefer-binary", Kind.FLAG, "prefer-binary"),
    _option("no-build-isolation", Kind.FLAG, "no-build-isolation"),
    _option("build-constraint", Kind.LIST, "build-constraint"),
    _option("config-settings", Kind.LIST, "config-settings"),
    _option("compile", Kind.FLAG),
    _option("link-mode", Kind.TEXT),
    _option("cache-dir", Kind.PATH, "cache-dir", personal=True),
    _option("no-cache", Kind.FLAG, "no-cache-dir"),
    _option("refresh", Kind.FLAG),
)

_TRUE = frozenset({"1", "y", "yes", "t", "true", "on"})
_FALSE = frozenset({"0", "n", "no", "f", "false", "off"})


def parse_value(kind: Kind, text: str) -> RawValue:
    """`text` from a variable or a pip file as a value of `kind`; white space separates the items of a list.

    Raises ValueError saying what was expected: "`maybe` is neither yes nor no".
    """
    match kind:
        case Kind.FLAG:
            word = text.strip().lower()
            if word not in _TRUE | _FALSE:
                raise ValueError(f"`{text}` is neither yes nor no")
            return word in _TRUE
        case Kind.INTEGER:
            if not text.strip().isascii() or not text.strip().isdigit():
                raise ValueError(f"`{text}` is not a whole number")
            return int(text)
        case Kind.SECONDS:
            return _parse_seconds(text)
        case Kind.LIST:
            return tuple(text.split())
        case Kind.NAMES:
            return tuple(text.replace(",", " ").split())
        case Kind.TEXT | Kind.PATH:
            return text.strip()


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"`{text}` is not a number of seconds")
    return seconds


def check_toml_value(kind: Kind, value: object) -> RawValue:
    """A value read from TOML as a value of `kind`; a single text stands for a list of one.

    Raises ValueError saying what was expected.
    """
    match kind, value:
        case Kind.FLAG, bool():
            return value
        case Kind.INTEGER, int() if not isinstance(value, bool) and value >= 0:
            return value
        case Kind.SECONDS, int() | float() if not isinstance(value, bool):
            return _parse_seconds(str(value))
        case ((Kind.TEXT | Kind.PATH), str()):
            return value
        case ((Kind.LIST | Kind.NAMES), str()):
            return (value,)
        case ((Kind.LIST | Kind.NAMES), list()) if all(isinstance(item, str) for item in value):
            return tuple(value)
        case _:
            raise ValueError(f"expected {_EXPECTED[kind]}")


_EXPECTED = {
    Kind.FLAG: "`true` or `false`",
    Kind.INTEGER: "a whole number",
    Kind.SECONDS: "a number of seconds",
    Kind.TEXT: "a text",
    Kind.PATH: "a path",
    Kind.LIST: "a list of texts",
    Kind.NAMES: "a list of texts",
}
