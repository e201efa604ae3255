"""The fields of a job that say how its calls reach their target: names, shapes and descriptions."""

from typing import Any

from pydantic import Field

DAY = 86_400

CONNECT_TIMEOUT_FIELD: Any = Field(
    None,
    gt=0,
    le=DAY,
    description="Seconds for a new connection, the lookup of the name and TLS included; at most timeout_sec.",
    examples=[5],
)
KEEP_RESPONSE_FIELD: Any = Field(
    None, description="Whether the beginning of the answer is kept in the history; default true.", examples=[False]
)
