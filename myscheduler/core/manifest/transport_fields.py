"""The fields of a job that say how its calls reach their target: names, shapes and descriptions."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.job.transport import MOST_REDIRECTS, USUAL_REDIRECTS

DAY = 86_400

TIMEOUT: Any = Field(None, gt=0, le=DAY, description="Seconds for one whole attempt; default 30.", examples=[120])
CONNECT_TIMEOUT: Any = Field(
    None,
    gt=0,
    le=DAY,
    description="Seconds for a new connection, the lookup of the name and TLS included; at most timeout_sec.",
    examples=[5],
)
FOLLOW_REDIRECTS: Any = Field(
    None,
    description=f"How many redirects a call follows, from 1 to {MOST_REDIRECTS}; true follows {USUAL_REDIRECTS}; "
    "default none, so that a redirect is a failure.",
    examples=[True, 3],
)
KEEP_RESPONSE: Any = Field(
    None, description="Whether the beginning of the answer is kept in the history; default true.", examples=[False]
)
LONGEST_PEM = 65_536
LONGEST_PROXY = 2_000


class TlsFields(BaseModel):
    """Whom a call trusts, and by what it proves who it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ca: str | None = Field(
        None,
        max_length=LONGEST_PEM,
        description="Certificate authorities that are trusted instead of the machine's: PEM, or a secret with it.",
        examples=["${secret:partner-ca}"],
    )
    certificate: str | None = Field(
        None,
        max_length=LONGEST_PEM,
        description="The certificate of the client, with its chain: PEM, or a secret with it.",
        examples=["${secret:partner-certificate}"],
    )
    key: str | None = Field(
        None,
        max_length=LONGEST_PEM,
        description="The secret with the private key of the client, in PEM and without a password.",
        examples=["${secret:partner-key}"],
    )
    verify: bool | None = Field(
        None,
        description="Whether the certificate of the target is checked; false needs allow_insecure_tls in policy.yaml; "
        "default true.",
        examples=[True],
    )


TLS: Any = Field(
    None,
    description="Certificate authorities and client certificates of this job.",
    examples=[{"ca": "${secret:partner-ca}"}],
)
PROXY: Any = Field(
    None,
    max_length=LONGEST_PROXY,
    description="The HTTP proxy that the calls go through, or environment for HTTP_PROXY, HTTPS_PROXY and NO_PROXY of "
    "the service; default none.",
    examples=["http://egress.example.com:8080", "environment"],
)
