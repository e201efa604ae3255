"""A real SMTP server on loopback that keeps what it gets."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.target import closed_port


@dataclass
class MailServer:
    """What it got, and how it answers."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    people: list[list[str]] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    answer: str = "250 OK"
    """To a mail."""
    is_implicit: bool = False
    """Each connection begins with TLS."""
    refuses: frozenset[str] = frozenset()
    """Recipients that it doesn't know."""

    async def handle_RCPT(  # noqa: N802 -- the library finds it by its name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuses:
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- as above
        content = envelope.content
        assert isinstance(content, bytes)
        if self.answer.startswith("2"):
            found = message_from_bytes(content, policy=policy.default)
            assert isinstance(found, EmailMessage)
            self.mails.append(found)
            self.senders.append(envelope.mail_from or "")
            self.people.append(envelope.rcpt_tos)
            self.was_encrypted.append(session.ssl is not None or self.is_implicit)
        return self.answer


class _Controller(Controller):
    """Closes its connections when it stops: the library leaves those that clients are about to close."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._served: list[SMTP] = []

    def factory(self) -> SMTP:
        served: SMTP = super().factory()  # type: ignore[no-untyped-call] # it has no types
        self._served.append(served)
        return served

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result()
        super().stop(no_assert)

    async def _close(self) -> None:
        for one in self._served:
            if one.transport is not None:
                one.transport.close()
        await asyncio.sleep(0.05)  # an encrypted connection takes a turn of the loop, and more, to close


@contextmanager
def mail_server(
    *, tls: ssl.SSLContext | None = None, is_implicit: bool = False, login: tuple[str, str] | None = None
) -> Iterator[MailServer]:
    """`tls` offers STARTTLS, or with `is_implicit` begins with TLS; with `login`, only this user may send."""
    server = MailServer(is_implicit=is_implicit)

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: Any) -> AuthResult:
        is_known = isinstance(data, LoginPassword) and login == (data.login.decode(), data.password.decode())
        return AuthResult(success=is_known, handled=False)

    controller = _Controller(
        server,
        hostname="127.0.0.1",
        port=closed_port(),
        ssl_context=tls if is_implicit else None,
        tls_context=None if is_implicit else tls,
        require_starttls=tls is not None and not is_implicit,
        auth_required=login is not None,
        auth_require_tls=tls is not None and not is_implicit,
        authenticator=authenticate if login else None,
    )
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()
