"""A proxy that wants a password, for plain HTTP and for TLS through a tunnel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.certificates import make_authority
from tests.support.proxy import proxying
from tests.support.server import serving
from vinstall.errors import NetworkError
from vinstall.net.client import HttpClient
from vinstall.net.network_settings import NetworkSettings, TrustSettings

LOGIN = ("user", "p@ss/word")


def with_login(url: str) -> str:
    return url.replace("//", "//user:p%40ss%2Fword@")


def test_plain_requests_go_through_it() -> None:
    with serving({"/a": b"1"}) as server, proxying(login=LOGIN) as proxy:
        client = HttpClient(NetworkSettings(proxy=with_login(proxy.url)))
        assert client.get(server.url + "/a?b=c").content == b"1"
        assert proxy.targets == [server.url + "/a?b=c"]


def test_tls_goes_through_a_tunnel(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    with (
        serving({"/a": b"1"}, tls=authority.server_context()) as server,
        proxying(login=LOGIN) as proxy,
    ):
        environ = {"https_proxy": with_login(proxy.url), "HOME": "/nonexistent"}
        trust = TrustSettings(cert=authority.certificate)
        client = HttpClient(NetworkSettings(retries=0, trust=trust), environ=environ)
        assert client.get(server.url + "/a").content == b"1"
        assert proxy.targets == [f"CONNECT {server.url.removeprefix('https://')}"]
        assert "proxy-authorization" not in server.requests[0].headers
        without = HttpClient(
            NetworkSettings(retries=0, trust=trust, proxy=proxy.url), environ=environ
        )
        with pytest.raises(NetworkError) as caught:
            without.get(server.url + "/a")
    assert caught.value.message == "the proxy wants a login: 407 Proxy Authentication Required"


def test_a_login_that_is_missing_is_said() -> None:
    with serving({"/a": b"1"}) as server, proxying(login=LOGIN) as proxy:
        client = HttpClient(NetworkSettings(retries=0, proxy=proxy.url))
        with pytest.raises(NetworkError) as caught:
            client.get(server.url + "/a")
    assert caught.value.message == "the proxy wants a login: 407 Proxy Authentication Required"
    assert caught.value.hint == (
        "give it as `--proxy http://user:password@host:port`, or in `HTTPS_PROXY`"
    )
    assert server.requests == []


def test_hosts_of_no_proxy_are_reached_directly() -> None:
    with serving({"/a": b"1"}) as server:
        environ = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.0/8"}
        client = HttpClient(NetworkSettings(retries=0), environ=environ)
        assert client.get(server.url + "/a").content == b"1"
