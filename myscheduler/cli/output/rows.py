"""Jobs and executions of the API as rows of tables and as lines."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from myscheduler.cli.output.table import Cell, Column, table
from myscheduler.cli.output.terminal import styled

COLOURS = {
    "completed": "green", "failed": "red", "interrupted": "red", "skipped": "yellow", "missed": "yellow",
    "running": "cyan", "paused": "yellow", "held": "red", "queued": "cyan",
}  # fmt: skip

Row = Mapping[str, Any]
Rows = Sequence[Row]


def jobs_table(jobs: Rows, room: int | None) -> Iterator[str]:
    """The lines of a table of jobs."""
    last = [job.get("last_execution") or {} for job in jobs]
    columns = (
        Column("JOB", [Cell(job["job_id"]) for job in jobs], is_elastic=True),
        Column("STATUS", [_job_status(job) for job in jobs]),
        times("NEXT RUN", [job.get("next_run_time") for job in jobs]),
        Column("LAST", [status_cell(one.get("status") or "-") for one in last]),
        _schedules(jobs),
        Column("OWNER", [Cell(job.get("owner") or "") for job in jobs], rank=1),
    )
    return table(columns, room)


def executions_table(executions: Rows, room: int | None) -> Iterator[str]:
    """The lines of a table of executions."""
    columns = (
        times("SCHEDULED", [one["scheduled_at"] for one in executions]),
        Column("JOB", [Cell(one["job_id"]) for one in executions], is_elastic=True),
        Column("STATUS", [status_cell(one["status"]) for one in executions]),
        *_slots(executions),
        Column("TOOK", [Cell(duration(one.get("execution_time_ms"))) for one in executions], rank=2),
        texts("HTTP", [one.get("http_status_code") for one in executions], rank=3),
        texts("WHY", [one.get("error_message") or one.get("reason") or one.get("note") for one in executions], rank=1),
        Column("EXECUTION", [Cell(one["execution_id"]) for one in executions]),
    )
    return table(columns, room)


def attempts_table(attempts: Rows, room: int | None) -> Iterator[str]:
    """The lines of a table of the attempts of an execution."""
    columns = (
        texts("ATTEMPT", [one["number"] for one in attempts]),
        times("STARTED", [one["started_at"] for one in attempts]),
        Column("TOOK", [Cell(duration(one.get("duration_ms"))) for one in attempts]),
        texts("HTTP", [one.get("http_status_code") for one in attempts]),
        Column("FAILURE", [Cell(one.get("failure") or "", "red") for one in attempts], is_elastic=True, rank=1),
        texts("ERROR", [one.get("error") for one in attempts]),
    )
    return table(columns, room)


def texts(head: str, values: Sequence[Any], *, rank: int = 0) -> Column:
    """A column of values, of which some may be `None`, that are cut where there is little room."""
    return Column(head, [Cell("" if one is None else str(one)) for one in values], is_elastic=True, rank=rank)


def times(head: str, values: Sequence[str | None]) -> Column:
    """A column of times in RFC 3339. If all have the same offset from UTC, only the head has it."""
    shown = [moment(one) for one in values]
    offsets = {one[-7:] for one in shown if one}
    if len(offsets) == 1:
        return Column(head + offsets.pop(), [Cell(one[:-7] or "-") for one in shown])
    return Column(head, [Cell(one or "-") for one in shown])


def _schedules(jobs: Rows) -> Column:
    """When each job runs, in words. If all have the same time zone, only the head has it."""
    zones = {job["timezone"] for job in jobs if job.get("timezone")}
    words = [job.get("schedule_text") or job.get("trigger") for job in jobs]
    if len(zones) == 1:
        return texts(f"SCHEDULE {zones.pop()}", words, rank=2)
    shown = [f"{one} [{job['timezone']}]" if job.get("timezone") else one for one, job in zip(words, jobs, strict=True)]
    return texts("SCHEDULE", shown, rank=2)


def _job_status(job: Row) -> Cell:
    if job.get("held"):
        return status_cell("held")
    return Cell("running") if job["status"] == "running" else status_cell(job["status"])  # most are: not coloured


def _slots(executions: Rows) -> Iterator[Column]:
    """A column with the number of slots that a row stands for, if any stands for several."""
    counts = [one.get("slot_count") or 1 for one in executions]
    if max(counts, default=1) > 1:
        yield Column("SLOTS", [Cell(f"{count:,}" if count > 1 else "") for count in counts], rank=4)


def status_cell(status: str) -> Cell:
    """A status in its colour."""
    return Cell(status, COLOURS.get(status))


def status_text(status: str) -> str:
    """A status in its colour."""
    return styled(status, fg=COLOURS.get(status))


def moment(text: str | None) -> str:
    """`2026-11-30 09:00:00 +09:00` of RFC 3339; empty without a time."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} {text[-6:]}" if text else ""


def duration(milliseconds: int | None) -> str:
    """`480 ms`, `12.3 s`, `2 min 5 s`; empty without a time."""
    if milliseconds is None:
        return ""
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60:,} min {int(seconds) % 60} s"


def fields(values: Sequence[tuple[str, Any]]) -> Iterator[str]:
    """A line for each value that there is, below each other."""
    shown = [(name, value) for name, value in values if value not in (None, "", [], {})]
    longest = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        yield f"  {name:{longest}}  {styled(str(value))}"
