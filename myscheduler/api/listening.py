"""The listening socket of the API, the host names it is reached by, and what to do if it is open to other machines."""

import logging
import socket
from typing import NoReturn

from myscheduler.core.access.allowed_hosts import address_of
from myscheduler.errors import OpenApiError, SettingError
from myscheduler.machine.causes import reason_of

BACKLOG = 2_048
"""The most connections that wait to be accepted."""
ACCEPTED_AT_ONCE = 16
"""The most connections accepted in one turn of the event loop."""

log = logging.getLogger(__name__)


def listen(host: str, port: int, *, setting: str = "MYSCHEDULER_PORT (--port)") -> socket.socket:
    """Bind and listen. Called before anything else, so that a second service started by mistake changes nothing.

    Raises `SettingError`, which names the `setting` of the port.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        message = f"MYSCHEDULER_HOST (--host) {host!r} is not an address of this machine: {error.strerror}"
        raise SettingError(message) from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)  # two sockets may be bound to one address, but only one can listen
    except OSError as error:
        listener.close()
        message = f"{setting}: can't listen on {host}:{port}: {reason_of(error)}; choose another"
        raise SettingError(message) from error
    return listener


def acceptors(listener: socket.socket) -> list[socket.socket]:
    """The listener under `ACCEPTED_AT_ONCE` file descriptors: uvloop accepts one connection per turn and socket.

    With one, a probe that connects after thousands of other callers would wait for as many turns.
    """
    return [listener, *(listener.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]


def own_names(host: str, listener: socket.socket) -> list[str]:
    """Host names of the service: as configured, the address it is bound to, and this machine's name unless loopback."""
    bound = address_of(listener.getsockname()[0])
    is_reached_by_name = bound is not None and not bound.is_loopback
    return [host, str(bound or ""), *([socket.gethostname()] if is_reached_by_name else [])]


def is_reachable(listener: socket.socket) -> bool:
    """Whether other machines can reach the address that is listened on."""
    address = address_of(listener.getsockname()[0])
    return address is None or not address.is_loopback


def refuse_an_open_api(host: str, *, is_proxied: bool) -> NoReturn:
    """Raises `OpenApiError`: the API would be open to other machines."""
    where = f"{host} behind proxies" if is_proxied else host
    message = (
        f"MYSCHEDULER_HOST (--host): on {where}, anyone who reaches the service could create, run and delete jobs: set "
        "MYSCHEDULER_API_TOKEN, make a token with `myscheduler token create`, declare some in access.yaml, serve on "
        "127.0.0.1 only, or accept it with --insecure"
    )
    raise OpenApiError(message)


def warn_of_an_open_api(host: str) -> None:
    """Log a warning: the API is open to other machines, as the settings say."""
    log.warning(
        "THE API IS OPEN (--insecure): ANYONE WHO REACHES %s CAN CREATE, RUN AND DELETE JOBS WITHOUT CREDENTIALS", host
    )
