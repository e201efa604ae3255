"""The field `expect` of a job: names, shapes and descriptions."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.manifest.retry_fields import DAY, MOST_STATUSES
from myscheduler.core.manifest.whole_numbers import WHOLE

MOST_PLACES = 50
MOST_TEXTS = 20
MOST_VALUES = 100
LONGEST_TEXT = 1_000
EXPECT = {"status": ["200-299", 304], "json": {"/ok": True, "/count": {"gt": 0}}, "max_duration_ms": 2000}
"""The example."""


class ExpectFields(BaseModel):
    """What an answer has to be like; one that lacks any of it is a failure."""

    model_config = ConfigDict(extra="forbid", strict=True)

    status: list[Any] | None = Field(
        None,
        min_length=1,
        max_length=MOST_STATUSES,
        description="Statuses of a success, as numbers and ranges; default 200-299.",
        examples=[["200-299", 304]],
    )
    json_: dict[str, Any] | None = Field(
        None,
        min_length=1,
        max_length=MOST_PLACES,
        alias="json",
        description="By JSON Pointer, what is expected there: a value, or an object of equals, not, in, gt, gte, lt, "
        "lte, exists, contains and length.",
        examples=[{"/ok": True, "/count": {"gt": 0}}],
    )
    body_contains: Any = Field(
        None, description="Text that the body has to contain, or a list of such texts.", examples=["done"]
    )
    max_duration_ms: Annotated[int, Field(ge=1, le=1_000 * DAY), WHOLE] | None = Field(
        None, description="The most milliseconds from the beginning of the attempt to the end of the answer.",
        examples=[2000],
    )  # fmt: skip


EXPECT_FIELD: Any = Field(None, description="What counts as a success, beyond a status of 2xx.", examples=[EXPECT])
