"""Error messages for connections that failed.

The libraries' own messages are not passed on: they name internal objects (`ssl:default`), and some contain the URL or
parts of the response.
"""

import errno
import socket
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from myscheduler.machine.causes import reason_of

LONGEST_LINE = 8190
"""Bytes of a header line: the limit of aiohttp's own parser."""
_RESET = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})


def error_text(where: str, error: Exception) -> str:
    """Why there is no complete response. `where` is the `host:port` of the server."""
    match error:
        case aiohttp.ClientResponseError():
            return _malformed(error, where)
        case aiohttp.ClientPayloadError() | HttpProcessingError():
            return f"{where} broke off its answer or sent a malformed one"
        case aiohttp.ServerDisconnectedError():
            return f"{where} closed the connection without an answer"
        case aiohttp.ClientConnectorCertificateError(certificate_error=cause):
            return f"TLS with {where}: {_tls(cause)}"
        case aiohttp.ClientConnectorDNSError(os_error=cause):
            return _unresolved(cause, where)
        case aiohttp.ClientConnectorError(os_error=cause):
            return _broken(cause, where)
        case OSError():
            return _broken(error, where)
        case _:
            return f"the connection to {where} was lost"


def _malformed(error: aiohttp.ClientResponseError, where: str) -> str:
    cause = error.__cause__
    # aiohttp's parsers in C and in Python have different messages, but the same classes.
    while isinstance(cause, HttpProcessingError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, LineTooLong):
        return f"{where} sent a header line of more than {LONGEST_LINE} bytes"
    return f"{where} did not answer in valid HTTP"


def _unresolved(error: OSError, where: str) -> str:
    host = where.rpartition(":")[0]
    if error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
        return f"host name {host} not found"
    return f"host name {host} could not be looked up: {error.strerror or 'the resolver failed'}"


def _tls(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).lower().replace("_", " ")
    return "the handshake failed"


def _broken(error: OSError, where: str) -> str:
    # aiohttp wraps system errors in its own classes, so the error number is checked, not the class.
    if isinstance(error, ssl.SSLError):
        return f"TLS with {where}: {_tls(error)}"
    if isinstance(error, socket.gaierror):
        return _unresolved(error, where)
    if error.errno == errno.ECONNREFUSED:
        return f"connection to {where} refused"
    if error.errno in _RESET or isinstance(error, ConnectionError):
        return f"the connection to {where} was reset"
    # Without a number, the error combines those of several addresses.
    reason = reason_of(error) if error.errno else "none of its addresses can be reached"
    return f"connection to {where} failed: {reason}"
