"""Tokens of the service account in a Kubernetes cluster, which the kubelet keeps fresh in files (projected volumes)."""

from pathlib import Path

from myscheduler.core.calls.tokens import Token, TokenError, claims_of
from myscheduler.machine.causes import reason_of
from myscheduler.messages.message import said

FRESH_SEC = 60.0
"""How long a token is used before its file is read again: the kubelet replaces it long before it expires."""
MOST_FILES = 100
LARGEST = 64 * 1024


def token_for(audience: str, folder: Path, *, now: float) -> Token:
    """The token for this audience, of the files in the folder. Raises `TokenError`; `now` is in seconds since 1970."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise TokenError(said("cluster-tokens-unreadable", folder=str(folder), reason=reason_of(error))) from error
    for path in paths[:MOST_FILES]:
        try:
            text = path.read_bytes()[:LARGEST].decode("ascii", "replace").strip()
        except OSError:
            continue  # the kubelet is just replacing it, or it is not for us
        claims = claims_of(text)
        audiences = claims.get("aud")
        if audience in (audiences if isinstance(audiences, list) else [audiences]):
            expires = claims.get("exp")
            left = float(expires) - now if isinstance(expires, int | float) else FRESH_SEC
            if left > 0:
                return Token(text, min(left, 2 * FRESH_SEC))
    raise TokenError(said("cluster-token-missing", folder=str(folder), audience=audience))
