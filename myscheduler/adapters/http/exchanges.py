"""Puts together what is known of the exchange of an attempt."""

from myscheduler.adapters.http.hops import Hop
from myscheduler.adapters.http.message import where_of
from myscheduler.core.calls.exchange import Exchange

_NOT_OPENED = None, None, None


def exchange_of(hop: Hop, begun_at: float, ended_at: float) -> Exchange:
    """The exchange of the attempt whose last hop this is; the times are those of `perf_counter`."""
    trail, head_at = hop.trail, hop.head_at
    opening, peer, body = trail.opening, trail.peer, hop.message.body
    total_ms = round((ended_at - begun_at) * 1000, 1)
    first_byte_ms = None if head_at is None else round((head_at - begun_at) * 1000, 1)
    size = 0 if body is None else len(body)
    if opening is None and peer is not None and peer.tls_version is None and hop.proxy is None:  # as for most calls
        return Exchange(total_ms, first_byte_ms, None, None, None, True, peer.address, None, size, hop.redirects)
    dns, connect, handshake = _NOT_OPENED if opening is None else opening.phases(ended_at)
    tls = peer if peer and peer.tls_version and hop.message.destination.url.scheme == "https" else None
    return Exchange(
        total_ms,
        first_byte_ms,
        _ms(dns),
        _ms(connect),
        _ms(handshake),
        reused=opening is None and peer is not None,
        address=peer.address if peer else opening.address if opening else None,
        proxy=None if hop.proxy is None else where_of(hop.proxy),
        request_size=size,
        redirects=hop.redirects,
        tls_version=tls.tls_version if tls else None,
        certificate_expires_at=tls.certificate_expires_at if tls else None,
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
