"""`myscheduler top`."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from myscheduler.cli.options import format_option
from myscheduler.cli.output.live import watched
from myscheduler.cli.output.rows import executions_table, moment, texts, times
from myscheduler.cli.output.table import Cell, Column, fitted, table, terminal_width
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, server_option

_ROWS = 10
"""The most rows of each table, if the output does not go to a terminal."""
_AROUND = 12
"""Lines of the screen that are no rows of tables."""
_LEAST = 3
_CONDITIONS = {"Ready": "green", "Reconciling": "yellow", "Stalled": "red"}


@click.command()
@click.option("--once", is_flag=True, help="Print it once, and end.")
@server_option
@format_option
def top(server: str, output: str, *, once: bool) -> None:
    """Show what a running service is doing: counts, executions in progress, what runs next, the newest failures.

    The screen is refreshed every 2 seconds. Ctrl-C ends it, and leaves the terminal as it was.

    \b
    Examples:
      myscheduler top
      myscheduler top --once --format json

    Exits with 0 on success or Ctrl-C, 1 when the service can't be reached.
    """
    client = connect(server)

    def lines() -> list[str]:
        rows = _rows()
        now = client.get("now")
        upcoming = client.get("upcoming", params={"limit": str(rows)})
        if output == "json":
            return [json_text({"now": now, "upcoming": upcoming["upcoming"]})]
        return list(_screen(now, upcoming["upcoming"], rows, terminal_width()))

    watched(lines, watch=not once)


def _rows() -> int:
    """The rows that each of the three tables may have."""
    if not sys.stdout.isatty():
        return _ROWS
    return max((shutil.get_terminal_size().lines - _AROUND) // 3, _LEAST)


def _screen(now: dict[str, Any], upcoming: Sequence[dict[str, Any]], rows: int, room: int | None) -> Iterator[str]:
    yield from (_cut(line, colour, room) for line, colour in _head(now))
    oldest, failures = now["executions"]["oldest"][:rows], now["failures"]
    yield from _section("Running", list(table(_flights(oldest), room)) if oldest else ["none"])
    yield from _section("Next up", list(table(_planned(upcoming[:rows]), room)) if upcoming else ["none"])
    nothing = "none" if failures is not None else "unknown: the database can't be read"
    yield from _section("Newest failures", list(executions_table(failures[:rows], room)) if failures else [nothing])


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield from ("", click.style(title, bold=True), *lines)


def _flights(oldest: Sequence[dict[str, Any]]) -> list[Column]:
    waits = [one.get("next_attempt_at") for one in oldest]
    return [
        times("STARTED", [one["started_at"] for one in oldest]),
        Column("JOB", [Cell(one["job_id"]) for one in oldest], is_elastic=True),
        texts("HOST", [one["host"] for one in oldest]),
        Column("KIND", [Cell(one["kind"]) for one in oldest], rank=1),
        Column("ATTEMPT", [Cell(str(one["attempt"])) for one in oldest], rank=2),
        *([times("NEXT ATTEMPT", waits)] if any(waits) else []),
    ]


def _planned(upcoming: Sequence[dict[str, Any]]) -> list[Column]:
    return [
        times("SLOT", [one["slot"] for one in upcoming]),
        Column("JOB", [Cell(one["job_id"]) for one in upcoming], is_elastic=True),
        texts("HOST", [one["host"] for one in upcoming]),
        texts("ZONE", [one["timezone"] for one in upcoming], rank=1),
    ]


def _head(now: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    jobs, running, waiting, source, database = (
        now[name] for name in ("jobs", "executions", "waiting", "source", "database")
    )
    failing = "?" if jobs["failing"] is None else f"{jobs['failing']:,}"
    yield f"{moment(now['at'])}", None
    yield f"Jobs        {jobs['total']:,}: {failing} failing, {jobs['paused']:,} paused, {jobs['held']:,} held", None
    queued = waiting["queued_runs"] + waiting["asked_runs"]
    waits = f"{waiting['due']:,} due, {queued:,} manual runs waiting"
    yield f"Executions  {running['in_flight']:,} in progress; {waits}", None
    yield f"Source      {source['condition']}: {source['message']}", _CONDITIONS.get(source["condition"])
    if not database["ok"]:
        yield f"Database    unavailable since {moment(database['well_at'])}: {database['error']}", "red"


def _cut(line: str, colour: str | None, room: int | None) -> str:
    shown = styled(line)
    cut = shown if room is None else fitted(shown, room)
    return click.style(cut, fg=colour) if colour else cut
