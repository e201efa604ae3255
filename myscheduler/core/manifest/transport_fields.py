"""The fields of a job that say how its calls reach their target: names, shapes and descriptions."""

from typing import Any

from pydantic import Field

from myscheduler.core.job.transport import MOST_REDIRECTS, USUAL_REDIRECTS

DAY = 86_400

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
