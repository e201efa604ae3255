"""The field `ping` of a job: names, shapes and descriptions."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.bounds import LONGEST_WORD

PING = {"key_sha256": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4", "grace": "PT10M"}
"""The example."""


class PingFields(BaseModel):
    """The pings that a job expects of work that runs elsewhere."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key_sha256: str = Field(
        max_length=LONGEST_WORD,
        description="The SHA-256, in lower-case hexadecimal, of the key in the URL that is pinged. The key has "
        "22 to 64 letters, digits, - and _.",
        examples=[PING["key_sha256"]],
    )
    grace: Annotated[str, Field(max_length=LONGEST_WORD)] | None = Field(
        None,
        description="The ISO 8601 duration after a slot within which a ping has to report the success, or after the "
        "start, if a ping reported that; default PT1H.",
        examples=[PING["grace"]],
    )


PING_FIELD: Any = Field(
    None, description="The job makes no call, but expects pings of work that runs elsewhere.", examples=[PING]
)
