"""What went wrong on the network, in words.  Import this lazily, as it needs httpx."""

from __future__ import annotations

import socket
import ssl
from http import HTTPStatus

from vinstall.errors import NetworkError
from vinstall.net.address import parse_origin
from vinstall.net.redaction import redact
from vinstall.net.response import Refused, TransferInterrupted
from vinstall.net.transport import httpx

_CERTIFICATE_HINT = (
    "name the authority with `--cert FILE`, or pass `--trusted-host {host}` "
    "if you have another reason to trust this server"
)
_PROXY_LOGIN = "the proxy wants a login: 407 Proxy Authentication Required"
_PROXY_HINT = "give it as `--proxy http://user:password@host:port`, or in `HTTPS_PROXY`"


def explain(error: Exception, url: str, *, seconds: float) -> NetworkError:
    """`error`, raised by httpx on the way to `url`, as an error to show.

    TransferInterrupted where asking again makes sense.
    """
    host = parse_origin(url).host
    where = (redact(url),)
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _certificate(cause, host, where)
    if isinstance(cause, ssl.SSLError):
        reason = cause.reason or str(cause)
        return NetworkError(f"no TLS connection to `{host}`: {reason}", context=where)
    if isinstance(error, httpx.ProxyError):
        return _proxy(error, where)
    if isinstance(error, httpx.TimeoutException):
        return TransferInterrupted(
            f"`{host}` did not answer within {seconds:g} seconds",
            context=where,
            hint="allow more time with `--timeout SECONDS`",
        )
    if isinstance(cause, socket.gaierror):
        return TransferInterrupted(
            f"the address of `{host}` could not be found",
            context=where,
            hint="look at the spelling, the network connection, and the proxy settings",
        )
    if isinstance(error, httpx.ConnectError):
        reason = _reason(error, cause)
        return TransferInterrupted(f"no connection to `{host}`: {reason}", context=where)
    if isinstance(error, httpx.TransportError):
        reason = _reason(error, cause)
        return TransferInterrupted(f"the connection to `{host}` broke: {reason}", context=where)
    return NetworkError(f"`{redact(url)}` cannot be asked for: {redact(str(error))}")


def refusal(status: int, url: str) -> Refused:
    """The error for an HTTP status that is of no use."""
    host = parse_origin(url).host
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    message, hint = f"`{host}` answered {phrase}", None
    if status == HTTPStatus.UNAUTHORIZED:
        variable = "".join(letter if letter.isalnum() else "_" for letter in host.upper())
        message = f"`{host}` wants a login: {phrase}"
        hint = (
            "give it in the URL of the index, in a netrc file, as "
            f"`VINSTALL_INDEX_{variable}_USERNAME` and `..._PASSWORD`, or let `keyring` be asked"
        )
    elif status == HTTPStatus.FORBIDDEN:
        message = f"`{host}` refuses: {phrase}"
    elif status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        message, hint = _PROXY_LOGIN, _PROXY_HINT
    return Refused(message, status=status, context=(redact(url),), hint=hint)


def _root(error: BaseException) -> BaseException:
    """The innermost cause."""
    seen = {id(error)}
    while True:
        inner = error.__cause__ or error.__context__
        if inner is None or id(inner) in seen:
            return error
        seen.add(id(inner))
        error = inner


def _reason(error: Exception, cause: BaseException) -> str:
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return redact(str(error)) or type(error).__name__


def _certificate(
    cause: ssl.SSLCertVerificationError, host: str, where: tuple[str, ...]
) -> NetworkError:
    reason = (cause.verify_message or str(cause)).removesuffix(".")
    return NetworkError(
        f"the certificate of `{host}` is not trusted: {reason}",
        context=where,
        hint=_CERTIFICATE_HINT.format(host=host),
    )


def _proxy(error: Exception, where: tuple[str, ...]) -> NetworkError:
    text = str(error)
    if text.startswith(str(int(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED))):
        return NetworkError(_PROXY_LOGIN, context=where, hint=_PROXY_HINT)
    return NetworkError(f"the proxy refuses the connection: {redact(text)}", context=where)
