"""Through which proxy a URL is reached."""

from __future__ import annotations

import pytest

from vinstall.net.proxies import proxy_rules

URL = "https://index.example/simple/"


def test_the_option_holds_for_every_scheme() -> None:
    rules = proxy_rules("http://proxy.example:3128", {"https_proxy": "http://other.example"})
    assert rules.proxy_for(URL) == "http://proxy.example:3128"
    assert rules.proxy_for("http://index.example/") == "http://proxy.example:3128"


def test_a_proxy_may_be_written_without_scheme() -> None:
    assert proxy_rules("user:pw@proxy.example:3128", {}).proxy_for(URL) == (
        "http://user:pw@proxy.example:3128"
    )


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://a.example"}, "http://a.example"),
        (
            {"https_proxy": "http://a.example", "HTTPS_PROXY": "http://b.example"},
            "http://a.example",
        ),
        ({"http_proxy": "http://a.example"}, None),
        ({"ALL_PROXY": "http://a.example"}, "http://a.example"),
        ({"all_proxy": "http://a.example", "https_proxy": "http://b.example"}, "http://b.example"),
        ({"https_proxy": ""}, None),
    ],
)
def test_variables_go_by_scheme(environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_rules(None, environ).proxy_for(URL) == proxy


@pytest.mark.parametrize(
    ("rule", "url", "direct"),
    [
        ("*", URL, True),
        ("index.example", URL, True),
        (".example", URL, True),
        ("*.example", URL, True),
        ("example", URL, True),
        ("x.example", URL, False),
        ("dex.example", URL, False),
        ("INDEX.example", URL, True),
        ("index.example:443", URL, True),
        ("index.example:8443", URL, False),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("10.0.0.0/8", URL, False),
        ("127.0.0.1", "http://127.0.0.1:8080/", True),
        ("[::1]", "http://[::1]:8080/", True),
        ("a.example, index.example", URL, True),
    ],
)
def test_some_hosts_are_reached_directly(rule: str, url: str, direct: bool) -> None:
    rules = proxy_rules("http://proxy.example", {"no_proxy": rule})
    assert (rules.proxy_for(url) is None) is direct
