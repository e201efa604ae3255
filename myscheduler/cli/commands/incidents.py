"""`myscheduler incidents`."""

from collections.abc import Iterator
from typing import Any

import click

from myscheduler.cli.commands.jobs import by_option, given
from myscheduler.cli.completing import complete_job
from myscheduler.cli.filters import Filters, cursor_option, filter_option, limit_option, more_hint
from myscheduler.cli.options import format_option
from myscheduler.cli.output.live import watch_option, watched
from myscheduler.cli.output.rows import fields, moment, texts, times
from myscheduler.cli.output.table import Cell, Column, table, terminal_width
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, server_option
from myscheduler.core.incidents.incident import IncidentKind

_COLOURS = {
    "failing": "red",
    "late": "yellow",
    "circuit": "red",
    "certificate": "yellow",
    "acknowledged": "cyan",
    "over": "green",
}
_OF_LINES = {"-": "red", "+": "green"}

incident_argument = click.argument("incident_id", metavar="INCIDENT")


@click.group()
def incidents() -> None:
    """List and show the incidents of a running service, and say who takes care of them.

    When MYSCHEDULER_API_TOKEN is set, or the profile has a token, it is sent along.
    """


@incidents.command("list")
@click.option("--all", "wants_all", is_flag=True, help="Those that are over, too.")
@click.option(
    "--job",
    "job_id",
    metavar="JOB",
    multiple=True,
    shell_complete=complete_job,
    help="Only incidents of this job; may be repeated.",
)
@filter_option("--kind", click.Choice([one.value for one in IncidentKind]), "Only incidents of this kind.")
@filter_option("--label", str, "Only incidents of jobs with this label.", metavar="NAME=VALUE", many=True)
@limit_option(50)
@cursor_option
@watch_option
@server_option
@format_option
def list_incidents(server: str, output: str, limit: int, *, wants_all: bool, watch: bool, **filters: Any) -> None:
    """List the jobs, targets and hosts in trouble, the newest trouble first.

    \b
    Examples:
      myscheduler incidents list
      myscheduler incidents list --all --job daily-report --format json

    Exits with 0 on success, 1 when the service can't be reached or refuses.
    """
    client, params = connect(server), Filters(filters | {"open": None if wants_all else True})

    def lines() -> list[str]:
        answer = client.get("incidents", params=params.pairs(limit=str(limit)))
        if output == "json":
            return [json_text(answer)]
        return [*_table(answer["incidents"], terminal_width()), *more_hint(answer)]

    watched(lines, watch=watch)


def _table(found: list[dict[str, Any]], room: int | None) -> Iterator[str]:
    columns = (
        times("SINCE", [one["began_at"] for one in found]),
        Column("OF", [Cell(_subject(one)) for one in found], is_elastic=True),
        Column("STATE", [Cell(_state(one), _COLOURS[_state(one)]) for one in found]),
        Column("FAILURES", [Cell(f"{one['failures']:,}" if one["failures"] else "") for one in found], rank=2),
        texts("WHY", [_why(one) for one in found], rank=1),
        Column("INCIDENT", [Cell(one["incident_id"]) for one in found]),
    )
    return table(columns, room)


def _subject(one: dict[str, Any]) -> str:
    """The job, target or host in trouble."""
    return str(one["job_id"] or one["target"] or one["host"])


def _why(one: dict[str, Any]) -> str | None:
    return f"expires {moment(one['expires_at'])}" if one["expires_at"] else one["error_message"]


def _state(one: dict[str, Any]) -> str:
    if not one["open"]:
        return "over"
    return "acknowledged" if one["acknowledged"] else str(one["kind"])


@incidents.command()
@incident_argument
@server_option
@format_option
def show(incident_id: str, server: str, output: str) -> None:
    """Show an incident: since when, since which commit, and whom it was told.

    \b
    Examples:
      myscheduler incidents show 019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f

    Exits with 0 on success, 1 when the incident does not exist or the service can't be reached.
    """
    found = connect(server).get("incidents", incident_id)
    click.echo(json_text(found) if output == "json" else "\n".join(_lines(found, terminal_width())))


def _lines(found: dict[str, Any], room: int | None) -> Iterator[str]:
    state = _state(found)
    yield f"{styled(found['incident_id'], bold=True)}  {styled(state, fg=_COLOURS[state], bold=True)}"
    yield from fields(list(_fields(found)))
    if change := found["change"]:
        title = f"{change['file']} changed in {change['commit'][:12]} by {change['author']}: {change['subject']}"
        yield from ("", styled(title, bold=True))
        yield from (styled(f"  {line}", fg=_OF_LINES.get(line[:1])) for line in change["lines"] or ())
    if found["deliveries"]:
        yield ""
        yield from _deliveries(found["deliveries"], room)


def _fields(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    acknowledged = found["acknowledged"]
    yield "job", found["job_id"]
    yield "target", found["target"]
    yield "host", found["host"]
    yield "kind", found["kind"]
    yield "expires at", moment(found["expires_at"])
    yield "began at", moment(found["began_at"])
    yield "noticed at", moment(found["noticed_at"])
    yield "ended at", moment(found["ended_at"])
    yield "ended because", found["end_reason"]
    yield "failures", found["failures"] or None
    yield "error", found["error_message"]
    yield "first execution", found["first_execution_id"]
    yield "last execution", found["last_execution_id"]
    yield "revision", found["revision"]
    yield "last good one", found["good_revision"]
    if acknowledged:
        yield "taken care of by", acknowledged["by"]
        yield "until", moment(acknowledged["until"])


def _deliveries(found: list[dict[str, Any]], room: int | None) -> Iterator[str]:
    columns = (
        times("AT", [one["at"] for one in found]),
        Column("CHANNEL", [Cell(one["channel"]) for one in found], is_elastic=True),
        texts("WHAT", [one["kind"] for one in found]),
        texts("STATE", [one["state"] for one in found]),
        texts("TRIES", [one["attempts"] for one in found], rank=1),
        texts("ERROR", [one["error"] for one in found], rank=2),
    )
    return table(columns, room)


@incidents.command()
@incident_argument
@click.option("--until", metavar="ISO", help="Until when nobody is reminded.  [default: until it ends]")
@click.option("--undo", is_flag=True, help="Say that nobody takes care of it any more.")
@by_option
@server_option
@format_option
def ack(incident_id: str, until: str | None, by: str | None, server: str, output: str, *, undo: bool) -> None:
    """Say that you take care of an open incident, so that nobody is reminded of it.

    \b
    Examples:
      myscheduler incidents ack 019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f --until 2026-12-01T09:00
      myscheduler incidents ack 019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f --undo

    Exits with 0 on success, 1 when the incident is over, or the service can't be reached.
    """
    if undo and until:
        raise click.UsageError("--undo and --until exclude each other: leave one out")
    act, body = ("unacknowledge", {"by": by}) if undo else ("acknowledge", {"until": until, "by": by})
    answer = connect(server).post("incidents", incident_id, act, body=given(body))
    click.echo(json_text(answer) if output == "json" else f"{styled(_subject(answer))}: {styled(answer['status'])}")
