"""The class of failure of a connection: what a person looks at first, and by which a job chooses what is retried."""

import errno
import socket
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from myscheduler.core.calls.outcome import Failure

RESET_NUMBERS = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})


def class_of(error: Exception) -> Failure:
    """The class of an error that left an attempt without an answer."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Failure.TLS
        case aiohttp.ClientConnectorDNSError():
            return Failure.DNS
        case aiohttp.ClientConnectorError(os_error=cause):
            return _of_system(cause, otherwise=Failure.CONNECT)
        case aiohttp.ClientPayloadError() | HttpProcessingError() | aiohttp.ServerDisconnectedError():
            return Failure.RESET
        case aiohttp.ClientResponseError():
            return Failure.UNREADABLE_ANSWER
        case OSError():
            return _of_system(error, otherwise=Failure.RESET)  # it was connected
        case _:
            return Failure.RESET


def _of_system(error: OSError, *, otherwise: Failure) -> Failure:
    """Clients wrap system errors in classes of their own, so the error number is checked, not the class."""
    if isinstance(error, ssl.SSLError):
        return Failure.TLS
    if isinstance(error, socket.gaierror):
        return Failure.DNS
    if error.errno == errno.ECONNREFUSED:
        return Failure.REFUSED
    if error.errno in RESET_NUMBERS or isinstance(error, ConnectionError):
        return Failure.RESET
    return otherwise
