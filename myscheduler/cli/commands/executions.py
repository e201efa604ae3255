"""`myscheduler executions`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from myscheduler.cli.commands.jobs import by_option, given, overlap_option
from myscheduler.cli.completing import complete_job
from myscheduler.cli.filters import Filters, cursor_option, filter_option, limit_option, more_hint
from myscheduler.cli.options import format_option
from myscheduler.cli.output.exchanges import exchange_fields
from myscheduler.cli.output.live import watch_option, watched
from myscheduler.cli.output.rows import COLOURS, attempts_table, duration, executions_table, fields, moment
from myscheduler.cli.output.table import terminal_width
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, server_option
from myscheduler.cli.waiting import end_of, report_end, wait_options
from myscheduler.core.history.execution import Status
from myscheduler.core.reason import Reason

if TYPE_CHECKING:
    from myscheduler.adapters.http.api_client import Client

_MOST_PAGES = 20
"""Short pages after which a list ends before it has all rows; it shows how to continue."""
_LONGEST_BODY = 2_000
"""Characters of a response that are shown."""

execution_argument = click.argument("execution_id", metavar="EXECUTION")


@click.group()
def executions() -> None:
    """List, show, rerun and cancel the executions of a running service.

    When MYSCHEDULER_API_TOKEN is set, or the profile has a token, it is sent along.
    """


@executions.command("list")
@click.option(
    "--job",
    "job_id",
    metavar="JOB",
    multiple=True,
    shell_complete=complete_job,
    help="Only executions of this job; may be repeated.",
)
@filter_option(
    "--status",
    click.Choice([one.value for one in Status]),
    "Only executions with this status; may be repeated.",
    many=True,
)
@click.option(
    "--reason",
    metavar="REASON",
    shell_complete=lambda _context, _option, written: [one.value for one in Reason if one.startswith(written)],
    help="Only executions with this reason, such as overlap.",
)
@filter_option("--kind", click.Choice(["scheduled", "manual", "chained"]), "Only executions of this kind.")
@filter_option("--cause", click.Choice(["timer", "catch_up", "api", "chain"]), "Only executions with this cause.")
@filter_option("--chain", str, "Only executions of this chain.", metavar="CHAIN")
@filter_option("--label", str, "Only executions of jobs with this label.", metavar="NAME=VALUE", many=True)
@filter_option("--host", str, "Only executions of jobs that call this host.", metavar="HOST")
@filter_option("--from", str, "Only slots from this time on.", metavar="ISO", parameter="from")
@filter_option("--until", str, "Only slots up to this time.", metavar="ISO")
@filter_option("--min-duration-ms", click.IntRange(0), "Only executions that took so long or longer.")
@filter_option("--min-lateness-ms", click.IntRange(0), "Only executions that began so late or later.")
@limit_option(50)
@cursor_option
@watch_option
@server_option
@format_option
def list_executions(server: str, output: str, limit: int, *, watch: bool, **filters: Any) -> None:
    """List the history over all jobs, newest first.

    \b
    Examples:
      myscheduler executions list --status failed
      myscheduler executions list --job daily-report --from 2026-11-01T00:00 --format json
      myscheduler executions list --label team=billing --watch

    Exits with 0 on success, 1 when the service can't be reached or refuses.
    """
    client, params = connect(server), Filters(filters)

    def lines() -> list[str]:
        answer = _page(client, params, limit)
        if output == "json":
            return [json_text(answer)]
        return [*executions_table(answer["executions"], terminal_width()), *more_hint(answer)]

    watched(lines, watch=watch)


def _page(client: "Client", params: Filters, limit: int) -> dict[str, Any]:
    """`limit` executions, if there are so many. A page of the server is short if few of many rows match the filters."""
    answer: dict[str, Any] = client.get("executions", params=params.pairs(limit=str(limit)))
    for _ in range(_MOST_PAGES):
        found = answer["executions"]
        if len(found) >= limit or not answer.get("next_cursor"):
            break
        more = {"limit": str(limit - len(found)), "cursor": answer["next_cursor"]}
        page = client.get("executions", params=params.pairs(**more))
        answer = page | {"executions": [*found, *page["executions"]], "count": len(found) + len(page["executions"])}
    return answer


@executions.command()
@execution_argument
@watch_option
@server_option
@format_option
def show(execution_id: str, server: str, output: str, *, watch: bool) -> None:
    """Show an execution with its attempts and the response of the target.

    \b
    Examples:
      myscheduler executions show 019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f

    Exits with 0 on success, 1 when the execution does not exist or the service can't be reached.
    """
    client = connect(server)

    def lines() -> list[str]:
        found = client.get("executions", execution_id)
        return [json_text(found)] if output == "json" else list(_lines(found, terminal_width()))

    watched(lines, watch=watch)


def _lines(found: dict[str, Any], columns: int | None) -> Iterator[str]:
    status = styled(found["status"], fg=COLOURS.get(found["status"]), bold=True)
    why = found.get("error_message") or found.get("reason") or found.get("note")
    yield f"{styled(found['execution_id'], bold=True)}  {status}{f': {styled(why)}' if why else ''}"
    yield from fields(list(_fields(found)))
    if found.get("attempts_detail"):
        yield ""
        yield from attempts_table(found["attempts_detail"], columns)
    if found.get("response"):
        yield from ("", click.style("Response", bold=True))
        yield from map(styled, found["response"][:_LONGEST_BODY].splitlines())


def _fields(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    source = found.get("source")
    yield "job", found["job_id"]
    yield "scheduled at", moment(found["scheduled_at"])
    if found["slot_count"] > 1:
        yield "slots", f"{found['slot_count']:,}, until {moment(found['last_scheduled_at'])}"
    yield "started at", moment(found["started_at"])
    yield "completed at", moment(found["completed_at"])
    yield "took", duration(found["execution_time_ms"])
    yield "kind", f"{found['kind']}, by {found['requested_by'] or found['cause']}"
    yield "rerun of", found.get("rerun_of")
    yield "chain", found.get("chain_id")
    yield "after", found.get("parent_execution_id")
    yield "HTTP status", found["http_status_code"]
    yield "attempts", found["attempts"]
    yield from exchange_fields(found.get("exchange"))
    yield "next attempt at", moment(found.get("next_attempt_at"))
    yield "declared in", "{file}:{line}".format(**source) if source else None
    yield "revision", found["revision"]


@executions.command()
@execution_argument
@overlap_option
@click.option("--downstream", is_flag=True, help="Run the jobs again, too, that run after it.")
@wait_options
@by_option
@server_option
@format_option
def rerun(
    execution_id: str,
    overlap: str | None,
    by: str | None,
    server: str,
    output: str,
    patience: float,
    *,
    downstream: bool,
    wait: bool,
) -> None:
    """Run the job of an execution again, as it is declared now. The new execution names the old one.

    \b
    Examples:
      myscheduler executions rerun 019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f --wait

    Exits with 0 once the run is recorded, 1 when the service refuses or can't be reached. With --wait: 0 when the
    execution completed, 1 when it failed or did not run, 3 when it is still running after --timeout.
    """
    client = connect(server)
    answer = client.post(
        "executions",
        execution_id,
        "rerun",
        body=given({"overlap": overlap, "by": by, "downstream": downstream or None}),
    )
    if output == "json" and not wait:
        click.echo(json_text(answer))
    elif output != "json":
        click.echo(
            f"{styled(answer['job_id'])}: {styled(answer['status'])}, execution {styled(answer['execution_id'])}"
        )
    if wait:
        report_end(end_of(client, answer["job_id"], answer["execution_id"], patience), answer["execution_id"], output)


@executions.command()
@execution_argument
@click.option("--reason", metavar="TEXT", help="Why, for the audit trail.")
@by_option
@server_option
@format_option
def cancel(execution_id: str, reason: str | None, by: str | None, server: str, output: str) -> None:
    """Cut off an execution in progress, or remove a manual run that waits.

    \b
    Examples:
      myscheduler executions cancel 019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f

    Exits with 0 on success, 1 when the execution has ended already, or the service can't be reached.
    """
    answer = connect(server).post("executions", execution_id, "cancel", body=given({"reason": reason, "by": by}))
    click.echo(json_text(answer) if output == "json" else f"{styled(execution_id)}: {styled(answer['status'])}")
