"""Sends mail by SMTP. Whatever the server does is a value; only cancellation and bugs are raised."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate, parseaddr
from ipaddress import ip_address

import aiosmtplib

from myscheduler.core.calls.link_local import Reach, advice
from myscheduler.core.findings.problem import cut, printable
from myscheduler.core.incidents.delivery import DELIVERED, Delivered, Failed
from myscheduler.core.notifications.channels import Email
from myscheduler.core.notifications.delivery import LONGEST_ANSWER
from myscheduler.core.notifications.payloads import Mail
from myscheduler.machine.causes import reason_of
from myscheduler.messages.message import said

TIMEOUT_SEC = 30.0
"""For all of it: to resolve the name, to connect, to log in and to send."""


class _NotAllowedError(Exception):
    """The host has link-local addresses only; the message says what to do."""


class Mailer:
    """Sends each mail over a connection of its own: they are few."""

    def __init__(self, tls: Callable[[], ssl.SSLContext], reach: Callable[[], Reach]) -> None:
        """`tls` returns the authorities to trust, and may block; `reach` returns which link-local
        addresses may be connected to.
        """
        self._tls = tls
        self._reach = reach

    async def send(self, service: Email, mail: Mail) -> Delivered | Failed:
        try:
            async with asyncio.timeout(TIMEOUT_SEC):
                await self._exchange(service, mail)
        except _NotAllowedError as error:
            return Failed(str(error), is_permanent=True)
        except aiosmtplib.SMTPRecipientsRefused as error:
            worst = max(error.recipients, key=lambda one: one.code)
            return _refused(worst.code, worst.message)
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error.code, error.message)
        except aiosmtplib.SMTPNotSupported as error:
            return Failed(said("mail-not-supported", host=service.host, why=str(error)), is_permanent=True)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return Failed(said("mail-too-slow", host=service.host, seconds=TIMEOUT_SEC))
        except (OSError, aiosmtplib.SMTPException) as error:
            reason = reason_of(error) if isinstance(error, OSError) else str(error)
            return Failed(said("mail-unreachable", host=service.host, port=service.port, why=reason))
        return DELIVERED

    async def _exchange(self, service: Email, mail: Mail) -> None:
        tls = None if service.security == "none" else await asyncio.to_thread(self._tls)
        client = aiosmtplib.SMTP(
            hostname=service.host,
            sock=await self._connect(service),
            use_tls=service.security == "tls",
            start_tls=False,
            tls_context=tls,
            timeout=TIMEOUT_SEC,
        )
        try:
            async with client:
                await self._prepare(client, service, tls)
                people = [parseaddr(one)[1] for one in service.recipients]
                await client.send_message(
                    message_of(service, mail), sender=parseaddr(service.sender)[1], recipients=people
                )
        finally:
            client.close()  # the library leaves the connection open if it is cancelled while it waits for the greeting

    async def _prepare(self, client: aiosmtplib.SMTP, service: Email, tls: ssl.SSLContext | None) -> None:
        """Encrypt, then log in: neither is left out because a server does not offer it."""
        if service.security == "starttls":
            await client.ehlo()
            if not client.supports_extension("starttls"):
                raise aiosmtplib.SMTPNotSupported(said("mail-no-starttls"))
            await client.starttls(tls_context=tls)
        if service.username is not None and service.password is not None:
            await client.login(service.username, service.password)

    async def _connect(self, service: Email) -> socket.socket:
        """A socket to the first address that may be connected to and answers."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(service.host, service.port, type=socket.SOCK_STREAM)
        addresses = [(ip_address(where[0]), family, where) for family, _, _, _, where in found]
        allowed = [(family, where) for address, family, where in addresses if self._reach().allows(address)]
        if not allowed:
            raise _NotAllowedError(advice(addresses[0][0]))
        refused: OSError | None = None
        for family, where in allowed:
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.setblocking(False)
            try:
                await loop.sock_connect(connection, where)
            except OSError as error:
                connection.close()
                refused = error
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        raise refused or OSError("no address")


def message_of(service: Email, mail: Mail) -> EmailMessage:
    """The mail with its headers; a program that answers mails leaves it alone (RFC 3834)."""
    domain = parseaddr(service.sender)[1].rpartition("@")[2]
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = _undecoded(service.sender)
    message["To"] = _undecoded(", ".join(service.recipients))
    message["Subject"] = _undecoded(mail.subject)
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mail.message_id}@{domain}>"
    if mail.thread_id:
        message["References"] = f"<{mail.thread_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _undecoded(text: str) -> str:
    """The text without the beginnings of encoded words (RFC 2047, 2): the library decodes those that others wrote,
    and a line break in one would begin a header of theirs.
    """
    return text.replace("=?", "= ?")


def _refused(code: int, answer: str) -> Failed:
    """A 5xx is final (RFC 5321, 4.2.1)."""
    text = cut(printable(" ".join(answer.split())), LONGEST_ANSWER)
    return Failed(said("mail-refused", code=code, answer=text), is_permanent=500 <= code < 600)
