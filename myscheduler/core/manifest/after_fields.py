"""The fields `after`, `when`, `requires` and `extract` of a job: names, shapes and descriptions."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.bounds import LONGEST_WORD
from myscheduler.core.manifest.expect_fields import MOST_PLACES
from myscheduler.core.manifest.whole_numbers import WHOLE

MOST_EDGES = 100
"""The most jobs that one runs after."""
MOST_REQUIRED = 20
MOST_EXTRACTED = 16
LONGEST_VALUE_NAME = 64
LONGEST_CHAIN_SEC = 31 * 86_400

JobId = Annotated[str, Field(min_length=1, max_length=255)]


class EdgeFields(BaseModel):
    """A job that this one runs after."""

    model_config = ConfigDict(extra="forbid", strict=True)

    job: JobId = Field(description="Its job_id.", examples=["extract-a"])
    on: Literal["success", "failure", "always"] | None = Field(
        None,
        description="With which final outcome of it: success, failure (interrupted, too), or always (any of them); "
        "default success.",
        examples=["failure"],
    )


class WhenFields(BaseModel):
    """A condition on what a job extracted from its answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    job: JobId = Field(description="One of the jobs of after.", examples=["extract-a"])
    json_: dict[str, Any] = Field(
        min_length=1,
        max_length=MOST_PLACES,
        alias="json",
        description="By JSON Pointer into the extracted values, what is expected there: a value, or an object of "
        "equals, not, in, gt, gte, lt, lte, exists, contains and length.",
        examples=[{"/rows": {"gt": 0}}],
    )


class RequirementFields(BaseModel):
    """A job that has to have completed before a slot."""

    model_config = ConfigDict(extra="forbid", strict=True)

    job: JobId = Field(description="Its job_id.", examples=["close-day"])
    within: Annotated[str, Field(max_length=LONGEST_WORD)] = Field(
        description="How long before the slot it may have ended: an ISO 8601 duration.", examples=["PT12H"]
    )


AFTER_FIELD: Any = Field(
    None,
    min_length=1,
    max_length=MOST_EDGES,
    description="The jobs that this one runs after, in place of a schedule.",
    examples=[[{"job": "extract-a"}, {"job": "extract-b", "on": "always"}]],
)
JOIN_FIELD: Any = Field(
    None,
    description="Whether it runs after all jobs of after, within one run of the chain, or after the first that ends as "
    "it should; default all.",
    examples=["any"],
)
WHEN_FIELD: Any = Field(
    None,
    description="Run only if what a job of after extracted is like this.",
    examples=[{"job": "extract-a", "json": {"/rows": {"gt": 0}}}],
)
IF_SKIPPED_FIELD: Any = Field(
    None,
    description="If a job of after did not run: skip this one too, or run it nevertheless; default skip.",
    examples=["run"],
)
REQUIRES_FIELD: Any = Field(
    None,
    max_length=MOST_REQUIRED,
    description="Jobs that have to have completed before a slot. It waits for them up to misfire_grace_time.",
    examples=[[{"job": "close-day", "within": "PT12H"}]],
)
EXTRACT_FIELD: Any = Field(
    None,
    max_length=MOST_EXTRACTED,
    description="Values that jobs which run after this one may use: by name, a JSON Pointer into the answer.",
    examples=[{"rows": "/result/rows"}],
)
CHAIN_TIMEOUT_FIELD: Any = Field(
    None,
    description="The most seconds that a chain which begins with this job may take: what has not begun by then is "
    "skipped; default no limit.",
    examples=[3600],
)
ChainTimeout = Annotated[int, Field(ge=1, le=LONGEST_CHAIN_SEC), WHOLE]
