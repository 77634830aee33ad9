"""What went wrong on the network, in words.  Import this lazily: nothing else needs it."""

from __future__ import annotations

import socket
import ssl
from http import HTTPStatus

from vinstall.errors import NetworkError
from vinstall.net.address import parse_origin
from vinstall.net.answer import Fault, Stage, root_cause
from vinstall.net.redaction import redact
from vinstall.net.response import Refused, TransferInterrupted

_CERTIFICATE_HINT = (
    "name the authority with `--cert FILE`, or pass `--trusted-host {host}` "
    "if you have another reason to trust this server"
)
_PROXY_LOGIN = "the proxy wants a login: 407 Proxy Authentication Required"
_PROXY_HINT = "give it as `--proxy http://user:password@host:port`, or in `HTTPS_PROXY`"


def explain(fault: Fault, url: str, *, seconds: float) -> NetworkError:
    """A fault on the way to `url` as an error to show.

    TransferInterrupted where asking again makes sense.
    """
    host = parse_origin(url).host
    where = (redact(url),)
    cause = root_cause(fault)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _certificate(cause, host, where)
    if isinstance(cause, ssl.SSLError):
        reason = cause.reason or str(cause)
        return NetworkError(f"no TLS connection to `{host}`: {reason}", context=where)
    if fault.stage is Stage.PROXY:
        return _proxy(fault, where)
    if fault.stage is Stage.ASKING:
        return NetworkError(f"`{redact(url)}` cannot be asked for: {redact(fault.reason)}")
    if isinstance(cause, TimeoutError) or "timeout" in type(fault.__cause__).__name__.lower():
        return TransferInterrupted(
            f"`{host}` did not answer within {seconds:g} seconds",
            context=where,
            hint="allow more time with `--timeout SECONDS`",
        )
    if isinstance(cause, socket.gaierror | UnicodeError):
        return TransferInterrupted(
            f"the address of `{host}` could not be found",
            context=where,
            hint="look at the spelling, the network connection, and the proxy settings",
        )
    reason = _reason(fault, cause)
    if fault.stage is Stage.CONNECTING:
        return TransferInterrupted(f"no connection to `{host}`: {reason}", context=where)
    return TransferInterrupted(f"the connection to `{host}` broke: {reason}", context=where)


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


def _reason(fault: Fault, cause: BaseException) -> str:
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return redact(fault.reason) or type(cause).__name__


def _certificate(
    cause: ssl.SSLCertVerificationError, host: str, where: tuple[str, ...]
) -> NetworkError:
    reason = (cause.verify_message or str(cause)).removesuffix(".")
    return NetworkError(
        f"the certificate of `{host}` is not trusted: {reason}",
        context=where,
        hint=_CERTIFICATE_HINT.format(host=host),
    )


def _proxy(fault: Fault, where: tuple[str, ...]) -> NetworkError:
    if fault.reason.startswith(str(int(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED))):
        return NetworkError(_PROXY_LOGIN, context=where, hint=_PROXY_HINT)
    return NetworkError(f"the proxy refuses the connection: {redact(fault.reason)}", context=where)
