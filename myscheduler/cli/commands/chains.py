"""`myscheduler chains`."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from myscheduler.cli.commands.jobs import by_option, given
from myscheduler.cli.completing import complete_job
from myscheduler.cli.filters import Filters, cursor_option, limit_option, more_hint
from myscheduler.cli.options import format_option
from myscheduler.cli.output.live import watch_option, watched
from myscheduler.cli.output.rows import COLOURS, duration, fields, moment, status_cell, texts, times
from myscheduler.cli.output.table import Cell, Column, table, terminal_width
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, server_option

chain_argument = click.argument("chain_id", metavar="CHAIN")


@click.group()
def chains() -> None:
    """List, show and cancel runs of jobs that run after others.

    When MYSCHEDULER_API_TOKEN is set, or the profile has a token, it is sent along.
    """


@chains.command("list")
@click.option(
    "--job", required=True, metavar="JOB", shell_complete=complete_job, help="The runs in which this job took part."
)
@limit_option(20)
@cursor_option
@watch_option
@server_option
@format_option
def list_chains(server: str, output: str, limit: int, *, watch: bool, **filters: Any) -> None:
    """List the runs of chains in which a job took part, newest first.

    \b
    Examples:
      myscheduler chains list --job send-orders

    Exits with 0 on success, 1 when the service can't be reached or refuses.
    """
    client, params = connect(server), Filters(filters)

    def lines() -> list[str]:
        answer = client.get("chains", params=params.pairs(limit=str(limit)))
        if output == "json":
            return [json_text(answer)]
        return [*_table(answer["chains"], terminal_width()), *more_hint(answer)]

    watched(lines, watch=watch)


def _table(found: list[dict[str, Any]], room: int | None) -> Iterator[str]:
    columns = (
        times("SCHEDULED", [one["scheduled_at"] for one in found]),
        Column("FIRST JOB", [Cell(one["root"] or "") for one in found], is_elastic=True),
        Column("STATUS", [status_cell(one["status"]) for one in found]),
        times("STARTED", [one["started_at"] for one in found]),
        times("ENDED", [one["ended_at"] for one in found]),
        texts("EXECUTIONS", [sum(one["counts"].values()) for one in found]),
        Column("CHAIN", [Cell(one["chain_id"]) for one in found]),
    )
    return table(columns, room)


@chains.command()
@chain_argument
@watch_option
@server_option
@format_option
def show(chain_id: str, server: str, output: str, *, watch: bool) -> None:
    """Show a run of a chain: its jobs, each below those that it runs after, with their states and times.

    \b
    Examples:
      myscheduler chains show 019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f --watch

    Exits with 0 on success, 1 when there is no such chain or the service can't be reached.
    """
    client = connect(server)

    def lines() -> list[str]:
        found = client.get("chains", chain_id)
        return [json_text(found)] if output == "json" else list(_lines(found, terminal_width()))

    watched(lines, watch=watch)


def _lines(found: dict[str, Any], room: int | None) -> Iterator[str]:
    status = styled(found["status"], fg=COLOURS.get(found["status"]), bold=True)
    yield f"{styled(found['chain_id'], bold=True)}  {status}"
    yield from fields(list(_fields(found)))
    yield ""
    nodes, depths = found["nodes"], _depths(found)
    columns = (
        Column("JOB", [Cell("  " * depths[one["job_id"]] + one["job_id"]) for one in nodes], is_elastic=True),
        Column("STATUS", [status_cell(one["status"]) for one in nodes]),
        times("STARTED", [one["started_at"] for one in nodes]),
        Column("TOOK", [Cell(duration(one["execution_time_ms"])) for one in nodes], rank=2),
        texts("WHY", [one["reason"] for one in nodes], rank=1),
        Column("EXECUTION", [Cell(one["execution_id"] or "") for one in nodes], rank=3),
    )
    yield from table(columns, room)


def _fields(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "first job", found["root"]
    yield "scheduled at", moment(found["scheduled_at"])
    yield "started at", moment(found["started_at"])
    yield "ended at", moment(found["ended_at"])
    yield "times out at", moment(found["times_out_at"])
    yield "repeats a part of", found["upstream_chain_id"]
    yield "critical path", " > ".join(found["critical_path"])
    yield "further jobs", found["nodes_left_out"] or None


def _depths(found: dict[str, Any]) -> Mapping[str, int]:
    """How far each job is below the first one. None comes before one that it runs after."""
    parents: dict[str, list[str]] = {}
    for edge in found["edges"]:
        parents.setdefault(edge["to"], []).append(edge["from"])
    depths: dict[str, int] = {}
    for node in found["nodes"]:
        above = [depths[one] + 1 for one in parents.get(node["job_id"], ()) if one in depths]
        depths[node["job_id"]] = max(above, default=0)
    return depths


@chains.command()
@chain_argument
@click.option("--reason", metavar="TEXT", help="Why, for the audit trail.")
@by_option
@server_option
@format_option
def cancel(chain_id: str, reason: str | None, by: str | None, server: str, output: str) -> None:
    """Cut off all of a chain that is in progress; nothing of it begins any more.

    \b
    Examples:
      myscheduler chains cancel 019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f

    Exits with 0 on success, 1 when the chain has ended already, or the service can't be reached.
    """
    answer = connect(server).post("chains", chain_id, "cancel", body=given({"reason": reason, "by": by}))
    count = f"{answer['executions']:,} execution{'' if answer['executions'] == 1 else 's'} ended"
    click.echo(json_text(answer) if output == "json" else f"{styled(chain_id)}: {styled(answer['status'])}, {count}")
