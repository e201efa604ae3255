"""`myscheduler jobs`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from myscheduler.cli.completing import complete_job
from myscheduler.cli.filters import Filters, cursor_option, filter_option, flag_filter, limit_option, more_hint
from myscheduler.cli.manifests import counted
from myscheduler.cli.options import format_option
from myscheduler.cli.output.live import watch_option, watched
from myscheduler.cli.output.rows import executions_table, fields, jobs_table, moment
from myscheduler.cli.output.table import terminal_width
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, server_option
from myscheduler.cli.waiting import end_of, report_end, wait_options

if TYPE_CHECKING:
    from myscheduler.adapters.http.api_client import Client

SHOWN = 10
"""How many executions of a job are shown."""

job_argument = click.argument("job_id", metavar="JOB", shell_complete=complete_job)
T = TypeVar("T")

overlap_option = click.option(
    "--overlap", type=click.Choice(["allow"]), help="Run beside executions in progress, instead of waiting."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Only tell what it means for the jobs that run after it.")
by_option = click.option("--by", metavar="NAME", help="Your name, for the history and the audit trail.")


@click.group()
def jobs() -> None:
    """List, show, pause, resume, trigger and delete the jobs of a running service.

    When MYSCHEDULER_API_TOKEN is set, or the profile has a token, it is sent along.
    """


@jobs.command("list")
@filter_option("--owner", click.Choice(["manifest", "api"]), "Only jobs of manifests, or of the API.")
@filter_option("--status", click.Choice(["running", "paused", "completed"]), "Only jobs with this status.")
@filter_option("--label", str, "Only jobs with this label; NAME alone for any value.", metavar="NAME=VALUE", many=True)
@filter_option("--schedule-type", click.Choice(["cron", "interval", "date"]), "Only jobs with this kind of schedule.")
@filter_option("--host", str, "Only jobs that call this host.", metavar="HOST")
@filter_option(
    "--last-result", click.Choice(["success", "failure", "none"]), "Only jobs whose last execution ended so."
)
@flag_filter("--failing", "Only jobs that fail, or don't fail, at present.")
@flag_filter("--paused", "Only jobs that are paused, or not.")
@flag_filter("--held", "Only jobs whose manifest is broken, or is not.")
@filter_option("--q", str, "Only jobs whose id, name, URL or labels contain this text.", metavar="TEXT")
@filter_option("--sort", str, "id, next_run, last_run or failing_since; - before it reverses.", metavar="ORDER")
@limit_option(None)
@cursor_option
@watch_option
@server_option
@format_option
def list_jobs(server: str, output: str, *, watch: bool, **filters: Any) -> None:
    """List jobs with their next run and last result.

    \b
    Examples:
      myscheduler jobs list
      myscheduler jobs list --label team=billing --failing --watch
      myscheduler jobs list --sort next_run --limit 20 --format json

    Exits with 0 on success, 1 when the service can't be reached or refuses.
    """
    client, params = connect(server), Filters(filters)

    def lines() -> list[str]:
        answer = _all_pages(client, params)
        if output == "json":
            return [json_text(answer)]
        return [*jobs_table(answer["jobs"], terminal_width()), *more_hint(answer)]

    watched(lines, watch=watch)


def _all_pages(client: "Client", params: Filters) -> dict[str, Any]:
    """The page that is asked for; without a limit all pages, as one."""
    answer: dict[str, Any] = client.get("jobs", params=params.pairs())
    while not params.has_limit and answer.get("next_cursor"):
        page = client.get("jobs", params=params.pairs(cursor=answer["next_cursor"]))
        answer = page | {"jobs": [*answer["jobs"], *page["jobs"]]}
    return answer


@jobs.command()
@job_argument
@watch_option
@server_option
@format_option
def show(job_id: str, server: str, output: str, *, watch: bool) -> None:
    """Show a job: its schedule, target and state, and its newest executions.

    \b
    Examples:
      myscheduler jobs show daily-report
      myscheduler jobs show daily-report --watch

    Exits with 0 on success, 1 when the job does not exist or the service can't be reached.
    """
    client = connect(server)

    def lines() -> list[str]:
        job = client.get("jobs", job_id)
        return [json_text(job)] if output == "json" else list(_job_lines(job, terminal_width()))

    watched(lines, watch=watch)


def _job_lines(job: dict[str, Any], columns: int | None) -> Iterator[str]:
    named = f": {styled(job['name'])}" if job["name"] not in {"", job["job_id"]} else ""
    yield f"{styled(job['job_id'], bold=True)}{named}"
    yield from fields(list(_job_fields(job)))
    if job["executions"]:
        yield ""
        yield from executions_table(job["executions"][:SHOWN], columns)


def _job_fields(job: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    source, pause, failing, queued = job["source"], job["pause"], job["failing_since"], job["queued_run"]
    yield "status", f"{job['status']}{', held at its last good spec' if job['held'] else ''}"
    yield "paused by", job["paused_by"]
    if pause:
        yield "pause", f"{pause['reason'] or 'without a reason'}, since {moment(pause['at'])}"
        yield "until", moment(pause["until"])
    yield "next run", moment(job["next_run_time"])
    yield "schedule", f"{job.get('schedule_text') or job['trigger']}  [{job['timezone']}]"
    if job.get("ping"):
        yield "expects", f"a ping within {job['ping']['grace']}"
    else:
        yield "calls", f"{job['method']} {job['target_url']}"
    yield "requires", ", ".join(f"{one['job']} within {one['within']}" for one in job.get("requires") or ())
    yield "hands on", ", ".join(f"{name} ({place})" for name, place in (job.get("extract") or {}).items())
    yield "labels", ", ".join(f"{name}={value}" for name, value in job["labels"].items())
    yield "owner", f"{job['owner']}{', {file}:{line}'.format(**source) if source else ''}"
    yield "executions", f"{job['execution_count']:,}"
    if failing:
        yield "failing", f"{counted(failing['failures'], 'time')} since {moment(failing['scheduled_at'])}"
    if queued:
        yield "queued", f"{queued['execution_id']}, asked for by {queued['requested_by']}"


@jobs.command()
@job_argument
@click.option("--reason", metavar="TEXT", help="Why, for those who see the pause.")
@click.option("--until", metavar="ISO", help="When the pause ends by itself (RFC 3339, or local time of the service).")
@dry_run_option
@by_option
@server_option
@format_option
def pause(
    job_id: str, reason: str | None, until: str | None, by: str | None, server: str, output: str, *, dry_run: bool
) -> None:
    """Pause a job. Slots that are due meanwhile do not run. What that means for the jobs that run after it is told
    first.

    \b
    Examples:
      myscheduler jobs pause daily-report --reason "database is moved" --until 2026-12-01T09:00
      myscheduler jobs pause extract --dry-run

    Exits with 0 on success, 1 when the service refuses or can't be reached.
    """
    if _told(server, job_id, "pause", output, is_all=dry_run):
        return
    _act(server, output, job_id, "pause", {"reason": reason, "until": until, "by": by})


@jobs.command()
@job_argument
@click.option(
    "--catchup",
    type=click.Choice(["none", "last", "all"]),
    help="Which slots of the paused time run now, if they are not too late.  [default: none]",
)
@by_option
@server_option
@format_option
def resume(job_id: str, catchup: str | None, by: str | None, server: str, output: str) -> None:
    """End the pause of a job.

    \b
    Examples:
      myscheduler jobs resume daily-report --catchup last

    Exits with 0 on success, 1 when the service refuses or can't be reached.
    """
    _act(server, output, job_id, "resume", {"catchup": catchup, "by": by})


@jobs.command()
@job_argument
@overlap_option
@click.option("--no-chain", is_flag=True, help="Don't run the jobs that run after it.")
@click.option("--from", "source", metavar="EXECUTION", help="Take what jobs before it hand on from this one's chain.")
@wait_options
@by_option
@server_option
@format_option
def trigger(
    job_id: str,
    overlap: str | None,
    source: str | None,
    by: str | None,
    server: str,
    output: str,
    patience: float,
    *,
    no_chain: bool,
    wait: bool,
) -> None:
    """Run a job now, whatever its schedule.

    \b
    Examples:
      myscheduler jobs trigger daily-report
      myscheduler jobs trigger daily-report --wait --timeout 120

    Exits with 0 once the run is recorded, 1 when the service refuses or can't be reached. With --wait: 0 when the
    execution completed, 1 when it failed or did not run, 3 when it is still running after --timeout.
    """
    client = connect(server)
    asked = {"overlap": overlap, "by": by, "from": source, "chain": False if no_chain else None}
    answer = client.post("jobs", job_id, "trigger", body=given(asked))
    if output == "json" and not wait:
        click.echo(json_text(answer))
    elif output != "json":
        click.echo(_triggered(job_id, answer))
    if wait:
        report_end(end_of(client, job_id, answer["execution_id"], patience), answer["execution_id"], output)


def _triggered(job_id: str, answer: dict[str, Any]) -> str:
    waits = f", waits for {styled(', '.join(answer['waits_for']))}" if answer.get("waits_for") else ""
    return f"{styled(job_id)}: {styled(answer['status'])}, execution {styled(answer['execution_id'])}{waits}"


@jobs.command()
@job_argument
@click.option("--yes", is_flag=True, help="Don't ask.")
@dry_run_option
@by_option
@server_option
@format_option
def delete(job_id: str, by: str | None, server: str, output: str, *, yes: bool, dry_run: bool) -> None:
    """Delete a job that was created through the API. Its history is kept. What that means for the jobs that run after
    it is told first.

    \b
    Examples:
      myscheduler jobs delete trial --yes
      myscheduler jobs delete trial --dry-run

    Exits with 0 on success, 1 when the service refuses or can't be reached, or the answer is no.
    """
    if _told(server, job_id, "delete", output, is_all=dry_run):
        return
    if not yes:
        click.confirm(f"Delete the job {styled(job_id)}?", abort=True, err=True)
    params = [("by", by)] if by else []
    _print(connect(server).delete("jobs", job_id, params=params), job_id, output)


def _told(server: str, job_id: str, action: str, output: str, *, is_all: bool) -> bool:
    """Tell what the act means for the jobs that run after this one; `is_all` if nothing is to be done besides."""
    effects = connect(server).get("jobs", job_id, "effects", params=[("action", action)])
    notes = effects["notes"] or (["no job that runs after it is affected"] if is_all else [])
    if is_all and output == "json":
        click.echo(json_text(effects))
    else:
        for note in notes:
            click.echo(styled(note), err=not is_all)
    return is_all


def _act(server: str, output: str, job_id: str, act: str, body: dict[str, str | None]) -> None:
    _print(connect(server).post("jobs", job_id, act, body=given(body)), job_id, output)


def _print(answer: dict[str, Any], job_id: str, output: str) -> None:
    click.echo(json_text(answer) if output == "json" else f"{styled(job_id)}: {styled(answer['status'])}")


def given(values: Mapping[str, T | None]) -> dict[str, T]:
    """The values that were given, as a body."""
    return {name: value for name, value in values.items() if value is not None}
