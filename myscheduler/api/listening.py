"""Where the API is served: the address, the names that it is called by, and a warning where everybody gets at it."""

import logging
import socket

from myscheduler.core.access.allowed_hosts import address_of
from myscheduler.errors import SettingError
from myscheduler.machine.causes import reason_of

BACKLOG = 2_048
"""How many callers may wait to be accepted."""
ACCEPTED_AT_ONCE = 16
"""How many of them are accepted in one turn of the event loop."""

log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """Bind before anything else is touched, so that a second service by mistake does no harm."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        message = f"MYSCHEDULER_HOST (--host) {host!r} is not an address of this machine: {error.strerror}"
        raise SettingError(message) from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)  # two that are bound do not exclude each other, two that listen do
    except OSError as error:
        listener.close()
        message = f"MYSCHEDULER_PORT (--port): can't listen on {host}:{port}: {reason_of(error)}; choose another"
        raise SettingError(message) from error
    return listener


def acceptors(listener: socket.socket) -> list[socket.socket]:
    """The listener under several numbers: uvloop accepts one connection a turn and socket.

    Behind thousands of callers who all want something, a probe would wait for as many turns.
    """
    return [listener, *(listener.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]


def own_names(host: str, listener: socket.socket) -> list[str]:
    """What the service is listening on: as it was written, as it was bound, and as others call this machine."""
    bound = address_of(listener.getsockname()[0])
    is_reached_by_name = bound is not None and not bound.is_loopback
    return [host, str(bound or ""), *([socket.gethostname()] if is_reached_by_name else [])]


def warn_of_an_open_api(host: str, listener: socket.socket) -> None:
    """Where no token is set: whoever gets at the address may do everything."""
    address = address_of(listener.getsockname()[0])
    if address is None or not address.is_loopback:
        log.warning(
            "THE API IS OPEN: WHOEVER REACHES %s CAN CREATE, RUN AND DELETE JOBS WITHOUT A TOKEN. "
            "SET MYSCHEDULER_API_TOKEN, or serve on 127.0.0.1",
            host,
        )
