"""The fields that people write, in a manifest or in `POST /jobs`: names, shapes, and what they mean to a reader.

What goes beyond the shape of a field is judged in `declaration`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DAY = 86_400
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class IntervalFields(BaseModel):
    """How long from one slot to the next; the units add up."""

    model_config = ConfigDict(extra="forbid", strict=True)

    weeks: int | None = Field(None, ge=0, le=5_200)
    days: int | None = Field(None, ge=0, le=36_500)
    hours: int | None = Field(None, ge=0, le=1_000_000)
    minutes: int | None = Field(None, ge=0, le=60_000_000)
    seconds: int | None = Field(None, ge=0, le=3_000_000_000)


class DstFields(BaseModel):
    """What becomes of fixed times of the day where clocks change."""

    model_config = ConfigDict(extra="forbid", strict=True)

    gap: Literal["run", "skip"] | None = Field(
        None, description="A time that doesn't exist: run right after the gap, or skip; run."
    )
    overlap: Literal["first", "both"] | None = Field(
        None, description="A time that comes twice: run the first, or both; first."
    )


class BlackoutFields(BaseModel):
    """A time in which due slots are left out: from one moment to another, or again and again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    from_: str | None = Field(None, alias="from", description="Its first moment: RFC 3339, or local time.")
    to: str | None = Field(None, description="The moment at which it is over.")
    cron: str | dict[str, str | int | None] | None = Field(
        None, description="When it begins, again and again: a crontab line or an object of fields."
    )
    duration: IntervalFields | str | None = Field(
        None, description="How long it lasts each time: an object of units, or an ISO 8601 duration."
    )


class CalendarFields(BaseModel):
    """The days on which a job runs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = Field(None, description="A calendar of calendars.yaml; country and days are written there.")
    country: str | None = Field(None, description="ISO 3166 code, such as JP; without it, Monday to Friday.")
    subdivision: str | None = Field(None, description="A state or province with holidays of its own, such as CA.")
    closed: list[str] | None = Field(
        None, description="Further closed days: 2026-08-13, 08-13 for every year, or ranges such as 12-29/01-03."
    )
    open: list[str] | None = Field(None, description="Working days, whatever the country says; written alike.")
    only: Literal["business_days"] | None = Field(None, description="Leave weekends and holidays out.")
    skip: Literal["holidays"] | None = Field(None, description="Leave holidays out, and run on weekends.")
    shift: Literal["next", "previous"] | None = Field(
        None, description="Run on the next or previous open day instead, at the same time of the day."
    )


class JobFields(BaseModel):
    """A job as its author writes it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    job_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The job's name in URLs, logs and the history; printable, without / ? # %.",
        examples=["daily-report", "日次レポート"],
    )
    name: str | None = Field(None, max_length=1_000, description="A name for people; the id when left out.")
    schedule_type: Literal["cron", "interval", "date"] | None = Field(
        None, description="May be left out where exactly one of cron, interval and run_at stands."
    )
    cron: str | dict[str, str | int | None] | None = Field(
        None,
        description="A crontab line of five fields, or an object of fields. Weekdays: 0 and 7 are Sunday.",
        examples=["30 10 * * mon-fri", {"hour": "10", "minute": "30"}],
    )
    seconds: bool | None = Field(None, description="The crontab line has six fields, the seconds first; false.")
    day_match: Literal["any", "all"] | None = Field(
        None, description="With day and day_of_week both restricted: any (crontab's rule) or all must match."
    )
    dst: DstFields | None = Field(
        None, description="For fixed times of a cron schedule where clocks change; others follow real time."
    )
    interval: IntervalFields | str | None = Field(
        None,
        description="The time from one slot to the next: an object of units, or an ISO 8601 duration.",
        examples=[{"minutes": 10}, "PT10M"],
    )
    anchor: str | None = Field(
        None, description="Intervals are counted from this moment (ISO 8601); else from the job's first creation."
    )
    run_at: str | None = Field(
        None,
        description="The one moment to run at: RFC 3339, or local time in the job's zone.",
        examples=["2027-09-30T15:00:00+09:00"],
    )
    fold: Literal[0, 1] | None = Field(
        None, description="Which one is meant when the local time of run_at comes twice: 0 the first, 1 the second."
    )
    timezone: str | None = Field(None, description="IANA name, such as Asia/Tokyo; the service's zone when left out.")
    start_at: str | None = Field(None, description="There are no slots before: RFC 3339, or local time.")
    end_at: str | None = Field(None, description="There are no slots from here on: RFC 3339, or local time.")
    blackout: list[BlackoutFields] | None = Field(
        None,
        description="Times in which due slots are left out.",
        examples=[[{"cron": "0 2 * * sun", "duration": "PT2H"}]],
    )
    calendar: CalendarFields | None = Field(
        None,
        description="Run on working days only, or not on holidays.",
        examples=[{"country": "JP", "only": "business_days", "shift": "next"}],
    )
    jitter_sec: int | None = Field(
        None, ge=0, le=DAY, description="Run later by a fixed part of so many seconds, a stable hash of the job id; 0."
    )
    target_url: str = Field(max_length=8_192, description="What is called: an http or https URL.")
    method: str | None = Field(None, description=f"One of {', '.join(METHODS)}; GET when left out.")
    headers: dict[str, str] | None = Field(None, description="Sent with each call.")
    body: Any = Field(
        None,
        description="Any JSON value; null sends none. Text is sent as it is where the job's Content-Type isn't JSON.",
    )
    timeout_sec: float | None = Field(None, gt=0, le=DAY, description="Seconds for one whole attempt; 30.")
    max_retries: int | None = Field(None, ge=0, le=100, description="Further attempts after a 5xx or no answer; 0.")
    retry_backoff_sec: float | None = Field(
        None, ge=0, le=DAY, description="Seconds before the first retry; doubled for each further one; 1.0."
    )
    misfire_grace_time: int | None = Field(
        None, ge=1, le=366 * DAY, description="Seconds that a slot may start late before it counts as missed; 3600."
    )
    coalesce: bool | None = Field(None, description="Several slots that are due together run once; true.")
    catchup: Literal["none", "last", "all"] | None = Field(
        None,
        description="Which slots run that fell due while the service could not run them, within misfire_grace_time: "
        "none, the last, or all; last, or all where coalesce is false.",
    )
    max_instances: int | None = Field(None, ge=1, le=1_000, description="Executions of this job at the same time; 1.")
    overlap: Literal["skip", "queue", "replace", "allow"] | None = Field(
        None,
        description="A slot that is due while max_instances executions run is skipped, waits for its turn (queue), or "
        "takes the place of the oldest, which is interrupted (replace); allow knows no limit; skip.",
    )
    on_interrupt: Literal["record", "retry"] | None = Field(
        None,
        description="An execution that was under way when the service ended is only recorded as interrupted, or sent "
        "again with the same Idempotency-Key (retry), for targets that know it; record.",
    )
    paused: bool | None = Field(
        None, description="Due slots are recorded, not sent. In a manifest it takes pausing away from the API."
    )
    protect: bool | None = Field(
        None, description="When its manifest is gone, the job stays until a person approves its deletion; false."
    )
    adopt: bool | None = Field(
        None, description="Take over a job of that id that was made through the API, with its history and pause; false."
    )
    labels: dict[str, str] | None = Field(None, description="Free key-value pairs for people and filters.")
