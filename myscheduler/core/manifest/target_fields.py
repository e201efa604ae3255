"""The fields of a target in `targets.yaml`: names, shapes and descriptions."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.bounds import LONGEST_URL, LONGEST_WORD
from myscheduler.core.manifest.retry_fields import DAY
from myscheduler.core.manifest.whole_numbers import WHOLE

DEFAULTS = (
    "query", "headers", "auth", "sign", "timeout_sec", "connect_timeout_sec", "follow_redirects", "tls", "proxy",
    "keep_response", "max_retries", "retry_backoff_sec", "retry", "expect",
)  # fmt: skip
"""Fields of a job that a target may set for jobs that leave them out."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class RateFields(_Strict):
    """How many calls may leave in a time."""

    calls: Annotated[int, Field(ge=1, le=1_000_000), WHOLE] = Field(
        description="The most calls in each `per`.", examples=[100]
    )
    per: Annotated[str, Field(max_length=LONGEST_WORD)] = Field(
        description="An ISO 8601 duration from a second to a day.", examples=["PT1M"]
    )
    burst: Annotated[int, Field(ge=1, le=1_000_000), WHOLE] | None = Field(
        None,
        description="How many calls may leave at once after a pause; default 1, so that calls are evenly spaced.",
        examples=[10],
    )


class BreakerFields(_Strict):
    """When a target that fails is left alone, and for how long."""

    failures: Annotated[int, Field(ge=1, le=1_000), WHOLE] | None = Field(
        None, description="Failures in a row that open the circuit; default 5.", examples=[5]
    )
    open_sec: float | None = Field(
        None, gt=0, le=DAY, description="Seconds until one call is tried again; default 30.", examples=[30]
    )
    longest_sec: float | None = Field(
        None,
        gt=0,
        le=DAY,
        description="The most seconds, as each further opening lasts open_sec longer; default 300.",
        examples=[300],
    )


class TargetFields(_Strict):
    """A target: its base URL and its limits. It may also set fields of its jobs, such as auth, headers and retry."""

    base_url: Annotated[str, Field(max_length=LONGEST_URL)] = Field(
        description="What the URLs of all its jobs begin with.", examples=["https://billing.example.com/v1"]
    )
    openapi: Annotated[str, Field(max_length=LONGEST_URL)] | None = Field(
        None,
        description="An OpenAPI document (3.0 or 3.1) in the source, which validate compares the calls of all its jobs "
        "with: its path from the folder of targets.yaml.",
        examples=["specs/billing.yaml"],
    )
    concurrency: Annotated[int, Field(ge=1, le=10_000), WHOLE] | None = Field(
        None, description="The most calls in flight, over all its jobs; default no limit.", examples=[2]
    )
    rate: RateFields | None = Field(
        None, description="How many calls may leave in a time.", examples=[{"calls": 100, "per": "PT1M"}]
    )
    breaker: BreakerFields | None = Field(
        None,
        description="After failures in a row, the target is left alone for a while; {} for the usual rules.",
        examples=[{"failures": 5}],
    )
