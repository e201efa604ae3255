"""The field `retry` of a job: names, shapes and descriptions."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.job.retry import RetryOn
from myscheduler.core.manifest.whole_numbers import WHOLE

DAY = 86_400
MOST_ATTEMPTS = 101
LONGEST_TOTAL = 7 * DAY
"""Seconds from the first attempt to the last."""
MOST_STATUSES = 50
RETRY = {"max_attempts": 5, "statuses": [429, "500-599"], "max_delay_sec": 60, "max_total_sec": 600, "jitter": "full"}
"""The example."""


class RetryFields(BaseModel):
    """Which failures are retried, how often, and how long it is waited before the next attempt."""

    model_config = ConfigDict(extra="forbid", strict=True)

    max_attempts: Annotated[int, Field(ge=1, le=MOST_ATTEMPTS), WHOLE] | None = Field(
        None, description="Attempts of an execution, the first included: one more than max_retries.", examples=[5]
    )
    statuses: list[Any] | None = Field(
        None,
        min_length=1,
        max_length=MOST_STATUSES,
        description="Statuses that are retried, as numbers and ranges; default 408, 429 and 500-999.",
        examples=[[429, "500-599"]],
    )
    on: Annotated[list[RetryOn], Field(min_length=1, max_length=6)] | None = Field(
        None,
        description="Kinds of failures that are retried: no connection was made (connect), no complete answer came in "
        "time (timeout), the connection broke (reset), the status, the answer lacks what the job expects of it "
        "(expectation), or the certificate or the handshake failed (tls); default all but the last two.",
        examples=[["connect", "status"]],
    )
    max_delay_sec: float | None = Field(
        None,
        gt=0,
        le=DAY,
        description="The longest wait before an attempt; a target that asks for a longer one by Retry-After is not "
        "called again; default 3600.",
        examples=[60],
    )
    max_total_sec: float | None = Field(
        None,
        gt=0,
        le=LONGEST_TOTAL,
        description="No attempt begins later than so many seconds after the first; default no limit.",
        examples=[600],
    )
    jitter: Literal["none", "full"] | None = Field(
        None,
        description="full: each wait is random, from 0 to what it would be, so that jobs that failed together don't "
        "retry together; default none.",
        examples=["full"],
    )


RETRY_FIELD: Any = Field(None, description="A retry policy beyond max_retries and retry_backoff_sec.", examples=[RETRY])
