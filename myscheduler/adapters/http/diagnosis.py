"""Texts that say why an attempt failed."""

import socket

import aiohttp

from myscheduler.adapters.http.answer_body import LETTER_BYTES, SHOWN_BYTES
from myscheduler.adapters.http.answers import FloodError, UnreadableError
from myscheduler.adapters.http.connecting import UnconnectedError
from myscheduler.adapters.http.errors import error_text
from myscheduler.adapters.http.failure_classes import class_of
from myscheduler.adapters.http.routes import RefusedError
from myscheduler.core.calls.outcome import Failure
from myscheduler.core.secrets.redaction import Secret, redact_start
from myscheduler.machine.causes import is_lack_of_files, lack_of_files, reason_of
from myscheduler.messages.message import said


def late(seconds: float, status: int | None) -> str:
    return said("timeout-stalled", seconds=seconds, status=status) if status else said("timeout", seconds=seconds)


def unsent(seconds: float, lack: str) -> str:
    return said("not-sent-within", seconds=seconds, reason=lack)


def no_file_left(error: OSError) -> str | None:
    """Why no connection can be opened, if it is for too many open files, else `None`.

    The resolver reports only that it failed, so after its errors it is tried whether a file can be opened.
    """
    if isinstance(error, socket.gaierror):
        return lack_of_files()
    return reason_of(error) if is_lack_of_files(error) else None


def diagnosis(error: Exception, where: str, secrets: tuple[Secret, ...]) -> tuple[Failure, str]:
    """The kind of failure, and a text for people. `where` is the target's `host:port`.

    The libraries' messages are not passed on: some contain the URL or parts of the response.
    """
    match error:
        case aiohttp.ClientConnectorError(os_error=RefusedError() as refused):
            return Failure.TARGET_NOT_ALLOWED, said("leads-to", where=where, why=refused.refusal.why)
        case UnconnectedError():
            return Failure.TIMEOUT, said("connect-timeout", where=where, seconds=error.seconds)
        case aiohttp.InvalidURL() | UnicodeError():
            return Failure.INVALID_REQUEST, said("host-not-valid")
        case FloodError():
            return Failure.UNREADABLE_ANSWER, said("odd", where=where, odd=[str(error)])
        case UnreadableError():
            return Failure.UNREADABLE_ANSWER, _no_http(where, error.beginning, secrets)
        case _:
            return class_of(error), error_text(where, error)


def _no_http(where: str, data: bytes, secrets: tuple[Secret, ...]) -> str:
    """The text for data that is not an HTTP response, with its start on one line and without secrets."""
    if data.startswith((b"\x15\x03", b"\x16\x03")):
        return said("not-http-but-tls", where=where)
    window = SHOWN_BYTES + max((LETTER_BYTES * secret.longest for secret in secrets), default=0)
    text = data[:window].decode("utf-8", "replace")
    shown = redact_start(text, secrets, SHOWN_BYTES, whole=len(data) <= window)
    code = "not-http-but" if len(text) <= SHOWN_BYTES else "not-http-but-long"
    return said(code, where=where, beginning=shown)
