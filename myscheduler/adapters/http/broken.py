"""Error messages for errors of the operating system that end a connection, and of TLS."""

import errno
import socket
import ssl

from myscheduler.machine.causes import reason_of

_RESET = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})


def broken_text(error: OSError, where: str) -> str:
    """Why the connection to `where`, a `host:port`, failed or broke.

    Clients wrap system errors in classes of their own, so the error number is checked, not the class.
    """
    if isinstance(error, ssl.SSLError):
        return f"TLS with {where}: {tls_text(error)}"
    if isinstance(error, socket.gaierror):
        return unresolved_text(error, where)
    if error.errno == errno.ECONNREFUSED:
        return f"connection to {where} refused"
    if error.errno in _RESET or isinstance(error, ConnectionError):
        return f"the connection to {where} was reset"
    # Without a number, the error combines those of several addresses.
    reason = reason_of(error) if error.errno else "none of its addresses can be reached"
    return f"connection to {where} failed: {reason}"


def unresolved_text(error: OSError, where: str) -> str:
    """Why the host of `where`, a `host:port`, has no address."""
    host = where.rpartition(":")[0]
    if error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
        return f"host name {host} not found"
    return f"host name {host} could not be looked up: {error.strerror or 'the resolver failed'}"


def tls_text(error: Exception) -> str:
    """Why TLS failed, without the address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return str(error.reason).lower().replace("_", " ")
    return "the handshake failed"
