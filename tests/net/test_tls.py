"""TLS with a private authority, client certificates and trusted hosts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.certificates import Authority, make_authority
from tests.support.server import serving
from vinstall.errors import NetworkError, UsageError
from vinstall.net.address import parse_origin
from vinstall.net.client import HttpClient
from vinstall.net.direct import Direct
from vinstall.net.network_settings import NetworkSettings, TrustSettings
from vinstall.net.tls import Contexts, trusting_context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def client(
    *, cert: Path | None = None, client_cert: Path | None = None, trusted: tuple[str, ...] = (),
    environ: dict[str, str] | None = None,
) -> HttpClient:  # fmt: skip
    settings = NetworkSettings(
        retries=0,
        trusted_hosts=trusted,
        trust=TrustSettings(cert=cert, client_cert=client_cert),
    )
    return HttpClient(settings, environ={"HOME": "/nonexistent"} | (environ or {}))


class TestAuthorities:
    def test_a_private_one_is_not_known(self, authority: Authority) -> None:
        with (
            serving({"/": b"1"}, tls=authority.server_context()) as server,
            pytest.raises(NetworkError) as caught,
        ):
            client().get(server.url + "/")
        assert caught.value.message == (
            "the certificate of `127.0.0.1` is not trusted: unable to get local issuer certificate"
        )
        assert caught.value.context == (server.url + "/",)
        assert caught.value.hint == (
            "name the authority with `--cert FILE`, or pass `--trusted-host 127.0.0.1` "
            "if you have another reason to trust this server"
        )

    def test_it_is_named_by_option_or_variable(self, authority: Authority) -> None:
        with serving({"/": b"1"}, tls=authority.server_context()) as server:
            assert client(cert=authority.certificate).get(server.url + "/").content == b"1"
            for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
                named = client(environ={variable: str(authority.certificate)})
                assert named.get(server.url + "/").content == b"1"

    def test_the_name_has_to_be_right_too(self, authority: Authority) -> None:
        with (
            serving({"/": b"1"}, tls=authority.server_context(), host="127.0.0.2") as server,
            pytest.raises(NetworkError) as caught,
        ):
            client(cert=authority.certificate).get(server.url + "/")
        assert caught.value.message == (
            "the certificate of `127.0.0.2` is not trusted: IP address mismatch, "
            "certificate is not valid for '127.0.0.2'"
        )

    def test_no_second_attempt_is_made(self, authority: Authority) -> None:
        waits: list[float] = []
        client = HttpClient(environ={}, sleep=waits.append)
        tls = authority.server_context()
        with serving({"/": b"1"}, tls=tls) as server, pytest.raises(NetworkError):
            client.get(server.url + "/")
        assert waits == []

    @pytest.mark.parametrize("content", [None, "no certificate"])
    def test_a_file_that_holds_none(self, tmp_path: Path, content: str | None) -> None:
        path = tmp_path / "bundle.pem"
        if content is not None:
            path.write_text(content)
        with pytest.raises(UsageError) as caught:
            trusting_context(TrustSettings(cert=path), {})
        assert caught.value.message == f"`{path}` holds no certificates that can be read"

    def test_a_folder_of_them(self, tmp_path: Path) -> None:
        assert trusting_context(TrustSettings(cert=tmp_path), {}).check_hostname


class TestTrustedHosts:
    def test_they_are_believed_with_or_without_port(self, authority: Authority) -> None:
        with serving({"/": b"1"}, tls=authority.server_context()) as server:
            for host in ("127.0.0.1", server.url.removeprefix("https://")):
                assert client(trusted=(host,)).get(server.url + "/").content == b"1"
            with pytest.raises(NetworkError):
                client(trusted=("127.0.0.1:1", "localhost")).get(server.url + "/")


class TestClientCertificates:
    def test_a_server_may_ask_for_one(self, authority: Authority) -> None:
        with serving({"/": b"1"}, tls=authority.server_context(client_needed=True)) as server:
            mine = client(cert=authority.certificate, client_cert=authority.client)
            assert mine.get(server.url + "/").content == b"1"
            with pytest.raises(NetworkError):
                client(cert=authority.certificate).get(server.url + "/")

    def test_a_file_that_is_none(self, authority: Authority) -> None:
        with pytest.raises(UsageError) as caught:
            trusting_context(TrustSettings(client_cert=authority.certificate), {})
        assert caught.value.message == (
            f"`{authority.certificate}` is no client certificate that can be read"
        )


def test_plain_http_over_tls_is_explained() -> None:
    with serving({"/": b"1"}) as server, pytest.raises(NetworkError) as caught:
        client().get(server.url.replace("http:", "https:") + "/")
    assert caught.value.message.startswith("no TLS connection to `127.0.0.1`: ")


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="truststore wants the certificates")
def test_a_second_connection_goes_on_with_the_session_of_the_first(authority: Authority) -> None:
    tls = authority.server_context()
    with serving({"/": b"ok", "/big": b"x" * 1_000_000}, tls=tls) as server:
        settings = NetworkSettings(trust=TrustSettings(cert=authority.certificate))
        direct = Direct(settings, Contexts(settings, {}).for_url)
        first = direct.send(server.url + "/", {})
        assert b"".join(first.chunks()) == b"ok"
        first.close()
        busy = direct.send(server.url + "/big", {})
        second = direct.send(server.url + "/", {})
        assert second._connection is not None
        assert getattr(second._connection._socket, "session_reused", False)
        assert b"".join(second.chunks()) == b"ok"
        second.close()
        busy.close()
        direct.close()


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="truststore wants the certificates")
def test_a_session_that_the_server_does_not_know_any_more_is_replaced(authority: Authority) -> None:
    settings = NetworkSettings(trust=TrustSettings(cert=authority.certificate))
    direct = Direct(settings, Contexts(settings, {}).for_url)
    with serving({"/": b"ok"}, tls=authority.server_context()) as server:
        _get(direct, server.url)
        (old,) = direct._sessions.values()
        _get(direct, server.url)
        assert list(direct._sessions.values()) == [old]
    with serving({"/": b"ok"}, tls=authority.server_context()) as other:
        # Another server in the place of the first, which cannot read what that one gave.
        direct._sessions[parse_origin(other.url)] = old
        _get(direct, other.url)
        assert direct._sessions[parse_origin(other.url)] is not old
        direct.close()
        first = direct.send(other.url + "/", {})
        assert first._connection is not None
        assert first._connection.is_resumed
        first.close()


def _get(direct: Direct, url: str) -> None:
    answer = direct.send(url + "/", {})
    assert b"".join(answer.chunks()) == b"ok"
    answer.close()
    direct.close()
