"""Signatures of webhooks as Standard Webhooks says: HMAC-SHA256 over id, timestamp and body."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
SHORTEST_KEY, LONGEST_KEY = 24, 64
"""Bytes."""


class KeyFormError(ValueError):
    """The key to sign with is not `whsec_` followed by 24 to 64 bytes in base64."""


def signature_headers(message_id: str, at: datetime, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers by which a receiver checks that a request is ours, and recent. Raises `KeyFormError`."""
    stamp = str(int(at.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    signatures = (b64encode(hmac.digest(_bytes(key), signed, "sha256")).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def _bytes(key: str) -> bytes:
    try:
        found = b64decode(key.removeprefix(PREFIX), validate=True)
    except Error as error:
        raise KeyFormError from error
    if not SHORTEST_KEY <= len(found) <= LONGEST_KEY:
        raise KeyFormError
    return found
