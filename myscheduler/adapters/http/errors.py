"""Error messages for calls of jobs whose connections failed.

The libraries' own messages are not passed on: they name internal objects (`ssl:default`), and some contain the URL or
parts of the response.
"""

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from myscheduler.adapters.http.broken import broken_text, tls_text, unresolved_text
from myscheduler.messages.message import said

LONGEST_LINE = 8190
"""Bytes of a header line: the limit of aiohttp's own parser."""


def error_text(where: str, error: Exception) -> str:
    """Why there is no complete response. `where` is the `host:port` of the server."""
    match error:
        case aiohttp.ClientResponseError():
            return _malformed(error, where)
        case aiohttp.ClientPayloadError() | HttpProcessingError():
            return said("answer-broken-off", where=where)
        case aiohttp.ServerDisconnectedError():
            return said("closed-unanswered", where=where)
        case aiohttp.ClientConnectorCertificateError(certificate_error=cause):
            return said("tls-failed", where=where, reason=tls_text(cause))
        case aiohttp.ClientConnectorDNSError(os_error=cause):
            return unresolved_text(cause, where)
        case aiohttp.ClientConnectorError(os_error=cause):
            return broken_text(cause, where)
        case OSError():
            return broken_text(error, where)
        case _:
            return said("connection-lost", where=where)


def _malformed(error: aiohttp.ClientResponseError, where: str) -> str:
    cause = error.__cause__
    # aiohttp's parsers in C and in Python have different messages, but the same classes.
    while isinstance(cause, HttpProcessingError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, LineTooLong):
        return said("header-line-too-long", where=where, most=LONGEST_LINE)
    return said("not-valid-http", where=where)
