"""The check of a JWT's signature, issuer, audience and subject by PyJWT, whose import takes 100 ms: import it late."""

import jwt

from myscheduler.core.access.issuers import Claims, Issuer
from myscheduler.core.access.jwks import Jwk
from myscheduler.core.findings.problem import printable

_REQUIRED = ["exp", "iss", "aud", "sub"]


def verified(text: str, key: Jwk, algorithm: str, issuer: Issuer) -> Claims | str:
    """The claims of a token that the issuer signed with this key; or why it is not accepted, for the log.

    `algorithm` is one of the issuer's, and the key makes it. The times are not checked: that takes the current one.
    """
    try:
        return jwt.decode(
            text,
            jwt.PyJWK(dict(key.members), algorithm),
            algorithms=[algorithm],
            issuer=issuer.url,
            audience=issuer.audiences,
            options={
                "require": _REQUIRED,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.PyJWTError as error:
        return printable(str(error)[:200])
