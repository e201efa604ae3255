"""API tokens: `msk_`, a public id, a secret and a checksum.

The prefix lets scanners of repositories find tokens that were committed; the checksum lets them, and the service,
recognize a token without a lookup. Only the SHA-256 of the secret is stored: the secret has 256 random bits, so a
slower hash would protect it no better.
"""

import hashlib
import hmac
import re
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from myscheduler.core.access.principal import Binding, Origin, Principal

PREFIX = "msk_"
ID_BYTES = 10
SECRET_BYTES = 32
_TOKEN = re.compile(r"msk_([a-z2-7]{16})_([A-Za-z0-9_-]{43})([0-9a-f]{8})", re.ASCII)
_WRITTEN = re.compile(r"msk_([a-z2-7]{16})_[A-Za-z0-9_-]{16,}", re.ASCII)
"""Text with the form of a token, whatever its checksum."""
_ID = re.compile(r"[a-z2-7]{16}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenText:
    """The parts of a token as its owner has it."""

    token_id: str
    secret: str

    @property
    def hash(self) -> str:
        """What is stored of the secret: its SHA-256, in hexadecimal digits."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"TokenText({self.token_id!r})"  # without the secret, as it may get into a log

    @property
    def text(self) -> str:
        """The whole token."""
        body = f"{PREFIX}{self.token_id}_{self.secret}"
        return body + _checksum(body)


def new_token(random: bytes) -> TokenText:
    """Make a token of `ID_BYTES` + `SECRET_BYTES` random bytes."""
    token_id = b32encode(random[:ID_BYTES]).decode().lower()
    return TokenText(token_id, urlsafe_b64encode(random[ID_BYTES:]).decode().rstrip("="))


def read_token(text: str) -> TokenText | None:
    """The parts of a token; `None` if the text is not one, for example because a character is wrong."""
    found = _TOKEN.fullmatch(text)
    if found is None or _checksum(text[:-8]) != found[3]:
        return None
    return TokenText(found[1], found[2])


def written_tokens(text: str) -> Iterator[tuple[int, str]]:
    """Where tokens begin in a text, and their public ids. A mistyped one counts, as it is nearly as secret."""
    yield from ((found.start(), found[1]) for found in _WRITTEN.finditer(text))


def without_secrets(text: str) -> str:
    """The text with the secret of each token in it masked."""
    return _WRITTEN.sub(r"msk_\1_••••", text)


def is_id(text: str) -> bool:
    """Whether a text can be the public id of a token."""
    return _ID.fullmatch(text) is not None


def is_hash(text: str) -> bool:
    """Whether a text can be the hash of a token's secret."""
    return _HASH.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known of a token: everything but its secret."""

    token_id: str
    name: str
    hash: str
    binding: Binding
    created_at: datetime | None
    """`None` for one that is declared in `access.yaml`."""
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """Only roughly: it is not written with every use."""
    revoked_at: datetime | None = None

    def accepts(self, given: TokenText, now: datetime) -> bool:
        """Whether this is the token that was given, and it is still valid. Takes equally long for any secret."""
        is_same = hmac.compare_digest(self.hash, given.hash)
        return is_same and self.is_valid(now)

    def is_valid(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def principal(self) -> Principal:
        """The caller who uses it."""
        return Principal(self.name, (self.binding,), Origin.TOKEN, self.token_id)


def _checksum(text: str) -> str:
    return f"{crc32(text.encode()):08x}"
