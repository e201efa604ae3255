"""The TLS contexts of jobs with certificates of their own.

Each is made once for the same material, off the event loop, and kept: connections are kept per context, and making one
takes longer than a call.
"""

import asyncio
import os
import ssl
import tempfile
from collections import OrderedDict
from contextlib import ExitStack
from hashlib import sha256
from typing import IO

from myscheduler.adapters.http.trust import tls_context
from myscheduler.core.job.transport import Tls
from myscheduler.errors import SettingError
from myscheduler.messages.message import said

MOST_CONTEXTS = 256
PROTOCOLS = ["http/1.1"]


class TlsError(Exception):
    """The certificates of a job can't be used; the message says which, without their content."""


class Contexts:
    """Those that were used last."""

    def __init__(self) -> None:
        self._made: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()
        self._making = asyncio.Lock()

    async def of(self, tls: Tls) -> ssl.SSLContext:
        """Raises `TlsError`."""
        digest = _digest(tls)
        if (known := self._known(digest)) is not None:
            return known
        async with self._making:
            if (known := self._known(digest)) is not None:  # made while this one waited
                return known
            context = await asyncio.to_thread(_made, tls)
        self._made[digest] = context
        if len(self._made) > MOST_CONTEXTS:
            self._made.popitem(last=False)
        return context

    def _known(self, digest: bytes) -> ssl.SSLContext | None:
        if digest not in self._made:
            return None
        self._made.move_to_end(digest)
        return self._made[digest]


def _digest(tls: Tls) -> bytes:
    """Identifies the material: no private key is kept as a key of the cache."""
    parts = (tls.ca, tls.certificate, tls.key, tls.verify)
    return sha256(repr(parts).encode("utf-8", "replace")).digest()


def _made(tls: Tls) -> ssl.SSLContext:
    try:
        context = tls_context() if tls.ca is None else _trusting(tls.ca)
    except SettingError as error:
        raise TlsError(str(error)) from None
    except (ssl.SSLError, ValueError):
        raise TlsError(said("tls-ca-unusable")) from None
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate is not None and tls.key is not None:
        try:
            _load(context, tls.certificate, tls.key)
        except (ssl.SSLError, ValueError, OSError):
            raise TlsError(said("tls-pair-unusable")) from None
    context.set_alpn_protocols(PROTOCOLS)
    return context


def _trusting(ca: str) -> ssl.SSLContext:
    """Raises `ValueError` or `ssl.SSLError` for what holds no certificate: Python would trust the machine's then."""
    if not ca.strip() or not ca.isascii():
        raise ValueError("no certificate in PEM")
    return ssl.create_default_context(cadata=ca)


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load the pair, which OpenSSL reads from files only. Raises `ssl.SSLError`, also for a key with a password."""
    with ExitStack() as stack:
        chain, private = (_path_of(stack.enter_context(_file()), text) for text in (certificate, key))
        context.load_cert_chain(chain, private, password="")  # without one, OpenSSL would ask for it on the terminal


def _file() -> IO[bytes]:
    """A file in memory where the system has such, else one without a name: a private key is never on a disk to stay."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("pem"), "w+b")
    return tempfile.TemporaryFile()


def _path_of(file: IO[bytes], text: str) -> str:
    file.write(text.encode())
    file.flush()
    file.seek(0)
    return f"/dev/fd/{file.fileno()}"
