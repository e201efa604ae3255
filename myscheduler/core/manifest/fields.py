"""The fields of a job, in a manifest or in `POST /jobs`: names, shapes and descriptions.

Rules beyond the shape of a field are checked in `declaration`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from myscheduler.core.bounds import (
    LONGEST_HEADER,
    LONGEST_HEADER_NAME,
    LONGEST_LABEL,
    LONGEST_LABEL_NAME,
    LONGEST_NAME,
    LONGEST_URL,
    LONGEST_WORD,
    MOST_HEADERS,
    MOST_LABELS,
)
from myscheduler.core.job.spec import METHODS
from myscheduler.core.manifest import after_fields as chains
from myscheduler.core.manifest import transport_fields as transport
from myscheduler.core.manifest.auth_fields import AUTH_FIELD, SIGN_FIELD, AuthFields, SignFields
from myscheduler.core.manifest.exclusion_fields import MOST_BLACKOUTS, BlackoutFields, CalendarFields, LengthFields
from myscheduler.core.manifest.expect_fields import EXPECT_FIELD, ExpectFields
from myscheduler.core.manifest.payload_fields import (
    BASE64_FIELD,
    FORM_FIELD,
    MULTIPART_FIELD,
    QUERY_FIELD,
    TEXT_FIELD,
    PartFields,
)
from myscheduler.core.manifest.ping_fields import PING_FIELD, PingFields
from myscheduler.core.manifest.retry_fields import RETRY_FIELD, RetryFields
from myscheduler.core.manifest.whole_numbers import WHOLE
from myscheduler.core.notifications.notifications_schema import NOTIFY

DAY = 86_400
MOST_CRONS = 20
"""Cron expressions of one job."""


class IntervalFields(LengthFields):
    """The time from one slot to the next; the units add up."""

    years: Annotated[int, Field(ge=0, le=100), WHOLE] | None = Field(
        None, description="Years, with `clock: wall`.", examples=[1]
    )
    months: Annotated[int, Field(ge=0, le=1_200), WHOLE] | None = Field(
        None, description="Months, with `clock: wall`.", examples=[3]
    )


class DstFields(BaseModel):
    """How fixed times of the day are handled when clocks change."""

    model_config = ConfigDict(extra="forbid", strict=True)

    gap: Literal["run", "skip"] | None = Field(
        None,
        description="A local time that doesn't exist: run right after the gap, or skip; default run.",
        examples=["skip"],
    )
    overlap: Literal["first", "both"] | None = Field(
        None,
        description="A local time that occurs twice: run at the first, or at both; default first.",
        examples=["both"],
    )


class SloFields(BaseModel):
    """A service level objective: which share of the due runs has to go well."""

    model_config = ConfigDict(extra="forbid", strict=True)

    success: float = Field(gt=0, lt=100, description="Percent of the due runs that have to go well.", examples=[99.5])
    late_sec: Annotated[int, Field(ge=0, le=DAY), WHOLE] | None = Field(
        None,
        description="A run that begins later than so many seconds after its slot has not gone well.",
        examples=[60],
    )
    window: Annotated[str, Field(max_length=LONGEST_WORD)] | None = Field(
        None, description="The ISO 8601 duration up to now over which it has to hold; default P30D.", examples=["P30D"]
    )


class JobFields(BaseModel):
    """The fields of a job as they are written; null means the same as a field that is left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    job_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The job's name in URLs, logs and the history; printable, without / ? # %.",
        examples=["daily-report", "日次レポート"],
    )
    name: str | None = Field(
        None,
        max_length=LONGEST_NAME,
        description="A name for people; default is the id.",
        examples=["日次レポート生成"],
    )
    schedule_type: Literal["cron", "interval", "date", "after"] | None = Field(
        None,
        description="May be left out if exactly one of cron, interval, run_at and after is given.",
        examples=["cron"],
    )
    cron: (
        str
        | dict[str, str | Annotated[int, WHOLE] | None]
        | Annotated[
            list[str | dict[str, str | Annotated[int, WHOLE] | None]], Field(min_length=1, max_length=MOST_CRONS)
        ]
        | None
    ) = Field(
        None,
        description="A crontab line of five fields, an object of fields, or a list of them, each of which adds its "
        "slots. Weekdays: 0 and 7 are Sunday.",
        examples=["30 10 * * mon-fri", {"hour": "10", "minute": "30"}, ["0 9 * * mon-fri", "0 12 * * sat"]],
    )
    seconds: bool | None = Field(
        None, description="The crontab line has six fields, with seconds first; default false.", examples=[True]
    )
    day_match: Literal["any", "all"] | None = Field(
        None,
        description="If day and day_of_week are both restricted: any (crontab's rule) or all must match.",
        examples=["all"],
    )
    dst: DstFields | None = Field(
        None,
        description="For fixed times of a cron schedule or of an interval with `clock: wall` when clocks change; other "
        "schedules follow real time.",
        examples=[{"gap": "skip", "overlap": "both"}],
    )
    interval: IntervalFields | str | None = Field(
        None,
        description="The time from one slot to the next: an object of units, or an ISO 8601 duration.",
        examples=[{"minutes": 10}, "PT10M"],
    )
    anchor: str | None = Field(
        None,
        max_length=LONGEST_WORD,
        description="Intervals are counted from this time (ISO 8601); default is the creation of the job.",
        examples=["2026-04-01T09:00:00+09:00"],
    )
    clock: Literal["real", "wall"] | None = Field(
        None,
        description="What an interval is counted by: real time, or the wall clock and the calendar (wall: days, weeks, "
        "months and years from the anchor, at its local time); default real.",
        examples=["wall"],
    )
    run_at: str | None = Field(
        None,
        max_length=LONGEST_WORD,
        description="The only time to run at: RFC 3339, or local time in the job's zone.",
        examples=["2027-09-30T15:00:00+09:00"],
    )
    fold: Annotated[Literal[0, 1], WHOLE] | None = Field(
        None,
        description="Which one is meant if the local time of run_at occurs twice: 0 the first, 1 the second.",
        examples=[1],
    )
    after: list[chains.EdgeFields] | None = chains.AFTER_FIELD
    join: Literal["all", "any"] | None = chains.JOIN_FIELD
    when: chains.WhenFields | None = chains.WHEN_FIELD
    if_skipped: Literal["skip", "run"] | None = chains.IF_SKIPPED_FIELD
    requires: list[chains.RequirementFields] | None = chains.REQUIRES_FIELD
    timezone: str | None = Field(
        None,
        max_length=LONGEST_WORD,
        description="IANA name, such as Asia/Tokyo; default is the service's zone.",
        examples=["Asia/Tokyo", "UTC"],
    )
    start_at: str | None = Field(
        None,
        max_length=LONGEST_WORD,
        description="No slots are before this time: RFC 3339, or local time.",
        examples=["2026-04-01T00:00:00+09:00"],
    )
    end_at: str | None = Field(
        None,
        max_length=LONGEST_WORD,
        description="No slots are at this time or after it: RFC 3339, or local time.",
        examples=["2027-04-01T00:00:00"],
    )
    blackout: list[BlackoutFields] | None = Field(
        None,
        max_length=MOST_BLACKOUTS,
        description="Times in which due slots are left out.",
        examples=[[{"cron": "0 2 * * sun", "duration": "PT2H"}]],
    )
    calendar: CalendarFields | None = Field(
        None,
        description="Run on working days only, or not on holidays.",
        examples=[{"country": "JP", "only": "business_days", "shift": "next"}],
    )
    jitter_sec: Annotated[int, Field(ge=0, le=DAY), WHOLE] | None = Field(
        None,
        description="Run later by a fixed delay up to this many seconds, taken from a hash of the job id; default 0.",
        examples=[300],
    )
    target_url: Annotated[str, Field(max_length=LONGEST_URL)] | None = Field(
        None,
        description="The http or https URL to call; every job has this or ping.",
        examples=["https://api.example.com/run-report"],
    )
    target: Annotated[str, Field(max_length=LONGEST_WORD)] | None = Field(
        None,
        description="A shared target of targets.yaml, in place of target_url: its base URL, and what its calls have in "
        "common.",
        examples=["billing"],
    )
    path: Annotated[str, Field(max_length=LONGEST_URL)] | None = Field(
        None, description="What follows the target's base URL.", examples=["/close"]
    )
    query: dict[Annotated[str, Field(max_length=LONGEST_WORD)], Any] | None = QUERY_FIELD
    method: str | None = Field(
        None, description=f"A method of HTTP, such as {', '.join(METHODS)}; default GET.", examples=["POST"]
    )
    headers: (
        dict[
            Annotated[str, Field(max_length=LONGEST_HEADER_NAME)],
            Annotated[str, Field(max_length=LONGEST_HEADER)]
            | Annotated[
                list[Annotated[str, Field(max_length=LONGEST_HEADER)]], Field(min_length=1, max_length=MOST_HEADERS)
            ],
        ]
        | None
    ) = Field(
        None,
        max_length=MOST_HEADERS,
        description="Sent with each call; a list has several values of one header, each sent in its own line.",
        examples=[{"Content-Type": "application/json", "X-Tag": ["a", "b"]}],
    )
    body: Any = Field(
        None,
        description="Any JSON value; null sends none. Text is sent as it is if the job's Content-Type isn't JSON "
        "(application/json, or one that ends in +json).",
        examples=[{"report": "daily"}],
    )
    form: dict[Annotated[str, Field(max_length=LONGEST_WORD)], Any] | None = FORM_FIELD
    text: str | None = TEXT_FIELD
    base64: str | None = BASE64_FIELD
    multipart: list[PartFields] | None = MULTIPART_FIELD
    auth: AuthFields | None = AUTH_FIELD
    sign: SignFields | None = SIGN_FIELD
    timeout_sec: float | None = transport.TIMEOUT
    max_retries: Annotated[int, Field(ge=0, le=100), WHOLE] | None = Field(
        None, description="Further attempts after a 408, a 429, a 5xx or no answer; default 0.", examples=[3]
    )
    retry_backoff_sec: float | None = Field(
        None,
        ge=0,
        le=DAY,
        description="Seconds before the first retry, doubled for each further one; default 1.0.",
        examples=[5],
    )
    retry: RetryFields | None = RETRY_FIELD
    expect: ExpectFields | None = EXPECT_FIELD
    extract: dict[Annotated[str, Field(max_length=chains.LONGEST_VALUE_NAME)], str] | None = chains.EXTRACT_FIELD
    chain_timeout_sec: chains.ChainTimeout | None = chains.CHAIN_TIMEOUT_FIELD
    connect_timeout_sec: float | None = transport.CONNECT_TIMEOUT
    follow_redirects: Any = transport.FOLLOW_REDIRECTS
    tls: transport.TlsFields | None = transport.TLS
    proxy: str | None = transport.PROXY
    keep_response: bool | None = transport.KEEP_RESPONSE
    misfire_grace_time: Annotated[int, Field(ge=1, le=366 * DAY), WHOLE] | None = Field(
        None,
        description="Seconds that a slot may start late before it counts as missed; default 3600.",
        examples=[600],
    )
    coalesce: bool | None = Field(
        None, description="Several slots that are due together run once; default true.", examples=[False]
    )
    catchup: Literal["none", "last", "all"] | None = Field(
        None,
        description="Which slots run that were due while the service could not run them, within misfire_grace_time: "
        "none, the last, or all; default last, or all if coalesce is false.",
        examples=["none"],
    )
    max_instances: Annotated[int, Field(ge=1, le=1_000), WHOLE] | None = Field(
        None, description="Executions of this job at the same time; default 1.", examples=[2]
    )
    overlap: Literal["skip", "queue", "replace", "allow"] | None = Field(
        None,
        description="A slot that is due while max_instances executions run is skipped, waits for its turn (queue), or "
        "replaces the oldest, which is interrupted (replace); allow has no limit; default skip.",
        examples=["queue"],
    )
    on_interrupt: Literal["record", "retry"] | None = Field(
        None,
        description="An execution that was in progress when the service stopped is only recorded as interrupted, or "
        "sent again with the same Idempotency-Key (retry), for targets that support it; default record.",
        examples=["retry"],
    )
    ping: PingFields | None = PING_FIELD
    slo: SloFields | None = Field(
        None,
        description="A service level objective, from which its error budget is computed.",
        examples=[{"success": 99.5, "late_sec": 60, "window": "P30D"}],
    )
    paused: bool | None = Field(
        None,
        description="Due slots are recorded, not sent. In a manifest, true or false overrides pauses of the API.",
        examples=[True],
    )
    protect: bool | None = Field(
        None,
        description="When its manifest is gone, the job stays until a person approves its deletion; default false.",
        examples=[True],
    )
    adopt: bool | None = Field(
        None,
        description="Take over a job with this id that was created through the API, with its history and pause; "
        "default false.",
        examples=[True],
    )
    labels: (
        dict[Annotated[str, Field(max_length=LONGEST_LABEL_NAME)], Annotated[str, Field(max_length=LONGEST_LABEL)]]
        | None
    ) = Field(
        None,
        max_length=MOST_LABELS,
        description="Free key-value pairs for people and filters.",
        examples=[{"team": "billing"}],
    )
    notify: Annotated[Any, WithJsonSchema(NOTIFY | {"type": ["object", "boolean", "null"]})] = Field(
        None,
        description="Overrides of notifications.yaml for this job; false tells nobody.",
        examples=[{"channels": ["ops"], "after_failures": 3}],
    )
