"""Signatures of requests as Standard Webhooks says, over id, timestamp and body, by HMAC-SHA256 or ed25519."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = "whsec_"
PRIVATE_PREFIX = "whsk_"
SHORTEST_KEY, LONGEST_KEY = 24, 64
"""Bytes of a key for HMAC."""
SEED = 32
"""Bytes of an ed25519 key. Libraries that follow libsodium write the public key behind it."""


class KeyFormError(ValueError):
    """The key to sign with is neither 24 to 64 bytes in base64 (`whsec_`), nor an ed25519 key (`whsk_`)."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key to sign with."""

    data: bytes
    is_asymmetric: bool

    def signature(self, content: bytes) -> str:
        if self.is_asymmetric:
            return f"v1a,{b64encode(Ed25519PrivateKey.from_private_bytes(self.data).sign(content)).decode()}"
        return f"v1,{b64encode(hmac.digest(self.data, content, 'sha256')).decode()}"


def key_of(text: str) -> Key:
    """The key that is written so; without a prefix it is one for HMAC. Raises `KeyFormError`."""
    is_asymmetric = text.startswith(PRIVATE_PREFIX)
    try:
        data = b64decode(text.removeprefix(PRIVATE_PREFIX if is_asymmetric else PREFIX), validate=True)
    except (Error, ValueError) as error:
        raise KeyFormError from error
    if is_asymmetric and len(data) not in {SEED, 2 * SEED}:
        raise KeyFormError
    if not is_asymmetric and not SHORTEST_KEY <= len(data) <= LONGEST_KEY:
        raise KeyFormError
    return Key(data[:SEED] if is_asymmetric else data, is_asymmetric)


def signature_headers(message_id: str, at: datetime, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers by which a receiver checks that a request is ours, and recent. Raises `KeyFormError`.

    With several keys there is a signature of each, so that the receiver may know any of them.
    """
    stamp = str(int(at.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(key_of(key).signature(signed) for key in keys),
    }
