"""Signatures of requests, checked by others' code."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from standardwebhooks import Webhook, WebhookVerificationError

from myscheduler.core.calls.signatures import KeyFormError, key_of, signature_headers

BODY = '{"日": 1}'.encode()
OLD, NEW = (f"whsec_{b64encode(bytes([number]) * 24).decode()}" for number in (1, 2))
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SEED = PRIVATE.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _headers(*keys: str) -> dict[str, str]:
    return signature_headers("e-1", datetime.now(UTC), BODY, keys)


@pytest.mark.parametrize("known", [OLD, NEW])
def test_while_a_key_is_replaced_either_verifies(known: str) -> None:
    assert Webhook(known).verify(BODY, _headers(OLD, NEW)) == {"日": 1}


def test_another_body_or_key_does_not_verify() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY + b" ", _headers(OLD))
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY, _headers(OLD))


@pytest.mark.parametrize("key", [SEED, SEED + PUBLIC], ids=["seed", "with its public key"])
def test_an_asymmetric_signature(key: bytes) -> None:
    headers = _headers(f"whsk_{b64encode(key).decode()}", OLD)
    first, second = headers["webhook-signature"].split(" ")
    version, _, signature = first.partition(",")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + BODY
    PRIVATE.public_key().verify(b64decode(signature), signed)
    assert version == "v1a"
    with pytest.raises(InvalidSignature):
        PRIVATE.public_key().verify(b64decode(signature), signed + b" ")
    assert Webhook(OLD).verify(BODY, headers | {"webhook-signature": second}) == {"日": 1}


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_!", "whsk_AAAA", f"whsec_{b64encode(bytes(65)).decode()}", "日"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(KeyFormError):
        key_of(key)
