"""The classes of errors that no local server of a test can cause reliably."""

import errno
import socket
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from myscheduler.adapters.http.failure_classes import class_of
from myscheduler.core.calls.outcome import Failure

KEY = ConnectionKey("example.com", 443, True, True, None, None, None)


def _unreached(error: OSError) -> aiohttp.ClientConnectorError:
    return aiohttp.ClientConnectorError(KEY, error)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        pytest.param(aiohttp.ClientConnectorDNSError(KEY, OSError()), Failure.DNS, id="resolver"),
        pytest.param(_unreached(socket.gaierror(socket.EAI_NONAME, "no")), Failure.DNS, id="getaddrinfo"),
        pytest.param(_unreached(OSError(errno.ECONNREFUSED, "no")), Failure.REFUSED, id="refused"),
        pytest.param(_unreached(OSError(errno.ENETUNREACH, "no")), Failure.CONNECT, id="unreachable network"),
        pytest.param(_unreached(OSError(errno.EHOSTUNREACH, "no")), Failure.CONNECT, id="unreachable host"),
        pytest.param(_unreached(OSError("all of them failed")), Failure.CONNECT, id="several addresses"),
        pytest.param(_unreached(ConnectionResetError()), Failure.RESET, id="reset in the handshake"),
        pytest.param(aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError()), Failure.TLS, id="handshake"),
        pytest.param(
            aiohttp.ClientConnectorCertificateError(KEY, ssl.CertificateError()), Failure.TLS, id="certificate"
        ),
        pytest.param(aiohttp.ClientOSError(errno.ECONNRESET, "no"), Failure.RESET, id="reset"),
        pytest.param(aiohttp.ClientOSError(errno.ETIMEDOUT, "no"), Failure.RESET, id="lost after it was made"),
        pytest.param(ssl.SSLError("an alert"), Failure.TLS, id="an alert after the handshake"),
        pytest.param(aiohttp.ServerDisconnectedError(), Failure.RESET, id="hung up"),
        pytest.param(aiohttp.ClientPayloadError(), Failure.RESET, id="broken off"),
        pytest.param(aiohttp.ClientConnectionError(), Failure.RESET, id="anything else"),
    ],
)
def test_table(error: Exception, failure: Failure) -> None:
    assert class_of(error) is failure
