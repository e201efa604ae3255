"""How the calls of a job reach their target."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom a call trusts, and by what it proves who it is. Each text is PEM, or refers to a secret."""

    ca: str | None = None
    """The certificate authorities that are trusted instead of the machine's."""
    certificate: str | None = None
    key: str | None = None
    """`certificate` and `key`: those of the client."""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Transport:
    """How a call reaches its target, and what is kept of the answer."""

    connect_timeout_sec: float | None = None
    """How long a new connection may take: to look up the name, to connect, and for TLS."""
    follow_redirects: int = 0
    """How many redirects are followed; by default, one is a failure."""
    tls: Tls | None = None
    proxy: str | None = None
    """The URL of an HTTP proxy, or `FROM_ENVIRONMENT`."""
    keep_response: bool = True
    """Whether the beginning of the answer is kept in the history."""

    @property
    def own_proxy(self) -> str | None:
        """The proxy if the job names one."""
        return None if self.proxy == FROM_ENVIRONMENT else self.proxy


FROM_ENVIRONMENT = "environment"
MOST_REDIRECTS, USUAL_REDIRECTS = 20, 10
"""The most that a job may follow, and how many `true` stands for."""
USUAL_TRANSPORT = Transport()
FIELDS = tuple(Transport.__dataclass_fields__)
"""Those of a manifest."""
_PEM_FIELDS = ("ca", "certificate", "key")


def transport_to_json(transport: Transport) -> dict[str, Any]:
    """The fields of a manifest that say so, without those that are as usual."""
    if transport is USUAL_TRANSPORT:
        return {}
    written = {name: getattr(transport, name) for name in FIELDS}
    return {
        name: tls_to_json(value) if isinstance(value, Tls) else value
        for name, value in written.items()
        if value != getattr(USUAL_TRANSPORT, name)
    }


def transport_from_json(stored: Mapping[str, Any]) -> Transport:
    """The inverse of `transport_to_json`; `stored` may have other fields, too."""
    given = {name: stored[name] for name in FIELDS if name in stored}
    if "tls" in given:
        given["tls"] = Tls(**given["tls"])
    return Transport(**given) if given else USUAL_TRANSPORT


def tls_to_json(tls: Tls) -> dict[str, Any]:
    written = {name: getattr(tls, name) for name in _PEM_FIELDS if getattr(tls, name) is not None}
    return written if tls.verify else {**written, "verify": False}


def transport_texts(transport: Transport) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts that may refer to secrets, with their locations in a manifest."""
    if transport.tls is not None:
        texts = ((name, getattr(transport.tls, name)) for name in _PEM_FIELDS)
        yield from ((("tls", name), text) for name, text in texts if text is not None)
    if transport.proxy is not None:
        yield ("proxy",), transport.proxy


def resolved_transport(transport: Transport, resolve: Callable[..., str]) -> Transport:
    """The transport with `resolve(text)` for each of these texts; in the proxy's URL, values have to be encoded."""
    if transport.tls is None and transport.proxy is None:
        return transport
    tls = transport.tls
    if tls is not None:
        ca, certificate, key = (text and resolve(text) for text in (tls.ca, tls.certificate, tls.key))
        tls = Tls(ca, certificate, key, tls.verify)
    proxy = transport.proxy and resolve(transport.proxy, encode=partial(quote, safe=""))
    return replace(transport, tls=tls, proxy=proxy)


def elsewhere(transport: Transport) -> Transport:
    """The transport at another origin: it gets no certificate of the client, and has to have a valid one itself."""
    if transport.tls is None:
        return transport
    return replace(transport, tls=Tls(ca=transport.tls.ca) if transport.tls.ca else None)
