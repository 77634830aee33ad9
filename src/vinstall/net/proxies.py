"""ProxyRules: through which proxy a URL is reached.  Pure, given the variables."""

from __future__ import annotations

from collections.abc import Mapping

from vinstall.net.address import Origin, parse_origin
from vinstall.values import field, frozen


@frozen
class ProxyRules:
    """The proxies of one run."""

    by_scheme: Mapping[str, str] = field(default_factory=dict)
    """`http`, `https` or `all` to the proxy's URL."""
    bypass: tuple[str, ...] = ()
    """Hosts that are reached directly: names with all below them, `host:port`, networks, `*`."""

    def proxy_for(self, url: str) -> str | None:
        """The proxy's URL, with its user part, or None for a direct connection."""
        origin = parse_origin(url)
        proxy = self.by_scheme.get(origin.scheme, self.by_scheme.get("all"))
        if proxy is None or any(_matches(rule, origin) for rule in self.bypass):
            return None
        return proxy


def proxy_rules(option: str | None, environ: Mapping[str, str]) -> ProxyRules:
    """The rules of `--proxy`, else of `http_proxy` and its relatives; `no_proxy` holds for both.

    A variable in lower case comes before the one in upper case, as in curl and pip.
    """

    def variable(name: str) -> str | None:
        return environ.get(name.lower()) or environ.get(name.upper()) or None

    if option:
        by_scheme = {"all": _as_url(option)}
    else:
        found = {scheme: variable(f"{scheme}_proxy") for scheme in ("http", "https", "all")}
        by_scheme = {scheme: _as_url(proxy) for scheme, proxy in found.items() if proxy}
    rules = (rule.strip().lower() for rule in (variable("no_proxy") or "").split(","))
    return ProxyRules(by_scheme=by_scheme, bypass=tuple(rule for rule in rules if rule))


def _as_url(proxy: str) -> str:
    """pip takes `user:password@host:port` too."""
    return proxy if "://" in proxy else f"http://{proxy}"


def _matches(rule: str, origin: Origin) -> bool:
    if rule == "*":
        return True
    if "/" in rule:
        return _in_network(origin.host, rule)
    name, colon, port = rule.rpartition(":")
    if colon and port.isdigit() and not name.endswith(":"):
        if int(port) != origin.port:
            return False
        rule = name
    rule = rule.removeprefix("*").removeprefix(".").strip("[]")
    return origin.host == rule or origin.host.endswith("." + rule)


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
