"""`myscheduler why`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from myscheduler.cli.options import format_option
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, server_option

_COLOURS = {"completed": "green", "failed": "red", "interrupted": "red", "skipped": "yellow", "missed": "yellow"}


@click.command()
@click.argument("job_id", metavar="JOB")
@click.argument("at", metavar="[TIME]", required=False)
@server_option
@format_option
def why(job_id: str, at: str | None, server: str, output: str) -> None:
    """Explain why JOB ran at TIME, or why not, from the history and the schedule of a running service.

    TIME is an RFC 3339 timestamp, or a local time in the job's time zone. Without seconds, all slots of that minute are
    shown. Without TIME, it is about what is in progress, or else about the last run. Of a job that runs after others,
    the runs of chains around that time are explained. When MYSCHEDULER_API_TOKEN is set, it is sent along.

    \b
    Examples:
      myscheduler why daily-report 2026-11-01T01:30
      myscheduler why daily-report 2026-11-01T01:30:00+09:00 --format json
      myscheduler why load

    Exits with 0 when there is an answer, 1 when the job does not exist or the service can't be reached.
    """
    found = connect(server).get("jobs", job_id, "why", params={"at": at} if at else {})
    if output == "json":
        click.echo(json_text(found))
    else:
        click.echo("\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{styled(found['job_id'], bold=True)} at {_shown(found['at'])}  [{styled(found['timezone'])}]"
    yield from (f"  {styled(remark)}" for remark in found["remarks"])
    for slot in found["slots"]:
        yield styled(f"  {slot['sentence']}", fg=_COLOURS.get(slot["status"]))
    if found["previous_slot"]:
        yield f"  Previous slot: {_shown(found['previous_slot'])}"
    if found["next_run"]:
        yield f"  Next run:      {_shown(found['next_run'])}"


def _shown(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return f"{moment:%a %Y-%m-%d %H:%M:%S} {text[-6:]}"
