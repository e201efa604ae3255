"""The fields that leave slots of a schedule out, `blackout` and `calendar`: names, shapes and descriptions."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from myscheduler.core.manifest.whole_numbers import WHOLE

MOST_BLACKOUTS = 100
MOST_DAYS = 500
"""Closed days, or open days, of a job or of a calendar in `calendars.yaml`; a range counts as one."""
LONGEST_DAYS = 50
"""Characters of one such day or range."""


class LengthFields(BaseModel):
    """A duration; the units add up."""

    model_config = ConfigDict(extra="forbid", strict=True)

    weeks: Annotated[int, Field(ge=0, le=5_200), WHOLE] | None = Field(
        None, description="Weeks of seven days.", examples=[2]
    )
    days: Annotated[int, Field(ge=0, le=36_500), WHOLE] | None = Field(
        None,
        description="Days of 24 hours, also when clocks change; calendar days in an interval with `clock: wall`.",
        examples=[1],
    )
    hours: Annotated[int, Field(ge=0, le=1_000_000), WHOLE] | None = Field(None, description="Hours.", examples=[6])
    minutes: Annotated[int, Field(ge=0, le=60_000_000), WHOLE] | None = Field(
        None, description="Minutes.", examples=[10]
    )
    seconds: Annotated[int, Field(ge=0, le=3_000_000_000), WHOLE] | None = Field(
        None, description="Seconds.", examples=[30]
    )


class BlackoutFields(BaseModel):
    """A time in which due slots are left out: a single one, or a recurring one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    from_: str | None = Field(
        None,
        max_length=100,
        alias="from",
        description="When it starts: RFC 3339, or local time.",
        examples=["2026-12-29T00:00:00+09:00"],
    )
    to: str | None = Field(
        None,
        max_length=100,
        description="When it ends: RFC 3339, or local time.",
        examples=["2027-01-04T00:00:00"],
    )
    cron: str | dict[str, str | Annotated[int, WHOLE] | None] | None = Field(
        None,
        description="When it starts each time: a crontab line or an object of fields.",
        examples=["0 2 * * sun"],
    )
    duration: LengthFields | str | None = Field(
        None,
        description="How long it lasts each time: an object of units, or an ISO 8601 duration.",
        examples=["PT2H", {"hours": 2}],
    )


class CalendarEntry(BaseModel):
    """The days of one calendar: an entry of calendars.yaml, and what a job's `calendar` may say, too."""

    model_config = ConfigDict(extra="forbid", strict=True)

    country: str | None = Field(
        None, max_length=100, description="ISO 3166 code, such as JP; without it, Monday to Friday.", examples=["JP"]
    )
    subdivision: str | None = Field(
        None, max_length=100, description="A state or province that has its own holidays, such as CA.", examples=["CA"]
    )
    closed: list[Annotated[str, Field(max_length=LONGEST_DAYS)]] | None = Field(
        None,
        max_length=MOST_DAYS,
        description="Further closed days: 2026-08-13, 08-13 for every year, or ranges such as 12-29/01-03.",
        examples=[["12-29/01-03", "2026-08-13"]],
    )
    open: list[Annotated[str, Field(max_length=LONGEST_DAYS)]] | None = Field(
        None,
        max_length=MOST_DAYS,
        description="Working days, whatever the country says; in the same forms.",
        examples=[["2026-05-02"]],
    )


class CalendarFields(CalendarEntry):
    """The days on which a job runs."""

    name: str | None = Field(
        None,
        max_length=255,
        description="A calendar of calendars.yaml; its country is defined there, days here are added to its own.",
        examples=["head-office"],
    )
    only: Literal["business_days"] | None = Field(
        None, description="business_days: leave weekends and holidays out.", examples=["business_days"]
    )
    skip: Literal["holidays"] | None = Field(
        None, description="holidays: leave holidays out, but run on weekends.", examples=["holidays"]
    )
    shift: Literal["next", "previous"] | None = Field(
        None,
        description="Run on the next or previous open day instead, at the same time of the day.",
        examples=["next"],
    )
