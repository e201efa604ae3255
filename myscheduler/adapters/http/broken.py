"""Error messages for errors of the operating system that end a connection, and of TLS."""

import errno
import socket
import ssl

from myscheduler.adapters.http.failure_classes import RESET_NUMBERS
from myscheduler.machine.causes import reason_of
from myscheduler.messages.message import said


def broken_text(error: OSError, where: str) -> str:
    """Why the connection to `where`, a `host:port`, failed or broke.

    Clients wrap system errors in classes of their own, so the error number is checked, not the class.
    """
    if isinstance(error, ssl.SSLError):
        return said("tls-failed", where=where, reason=tls_text(error))
    if isinstance(error, socket.gaierror):
        return unresolved_text(error, where)
    if error.errno == errno.ECONNREFUSED:
        return said("connection-refused", where=where)
    if error.errno in RESET_NUMBERS or isinstance(error, ConnectionError):
        return said("connection-reset", where=where)
    # Without a number, the error combines those of several addresses.
    reason = reason_of(error) if error.errno else said("no-address-reached")
    return said("connection-failed", where=where, reason=reason)


def unresolved_text(error: OSError, where: str) -> str:
    """Why the host of `where`, a `host:port`, has no address."""
    host = where.rpartition(":")[0]
    if error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
        return said("host-not-found", host=host)
    return said("host-lookup-failed", host=host, reason=error.strerror or said("resolver-failed"))


def tls_text(error: Exception) -> str:
    """Why TLS failed, without the address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return said("certificate-refused", why=error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).lower().replace("_", " ")
    return said("handshake-failed")
