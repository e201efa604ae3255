"""`myscheduler preview`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from myscheduler.cli.assuming import durations_of, durations_option
from myscheduler.cli.manifests import counted, exit_code, paths_argument, read_manifests, usable_jobs
from myscheduler.cli.options import (
    format_option,
    parse_now_option,
    parse_timestamp_option,
    timezone_option,
)
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, optional_server_option
from myscheduler.core.chains.graph import Graph, chained
from myscheduler.core.explain.preview import is_counted_from_creation
from myscheduler.core.explain.preview import preview as preview_of
from myscheduler.core.explain.preview_after import Before, Root, preview_after
from myscheduler.core.explain.requests import requests_of
from myscheduler.core.findings.problem import printable
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.declared import DeclaredJob

COUNT = 5
MOST = 1_000


@click.command()
@paths_argument
@optional_server_option("Preview the jobs of this running server instead of manifests.")
@timezone_option
@click.option("--now", metavar="ISO", callback=parse_now_option, help="Use this time as now (RFC 3339).")
@click.option(
    "--from", "start", metavar="ISO", callback=parse_timestamp_option, help="The start of the preview. Default: now."
)
@click.option(
    "--until", metavar="ISO", callback=parse_timestamp_option, help="The end of the preview, in place of --count."
)
@click.option(
    "--count",
    type=click.IntRange(1, MOST),
    help=f"How many fire times to show for each job.  [default: {COUNT}, or {MOST} with --until]",
)
@durations_option
@click.option("--rendered", is_flag=True, help="Show the requests, too: URL, headers and body with their templates.")
@format_option
def preview(
    paths: tuple[Path, ...],
    server: str | None,
    timezone: str,
    now: datetime,
    start: datetime | None,
    until: datetime | None,
    count: int | None,
    durations: tuple[str, ...],
    rendered: bool,
    output: str,
) -> None:
    """Show the next times at which jobs run, in their own zone and in UTC.

    PATHS are files, folders, and - for standard input; the default is jobs.d. Days on which clocks change are marked.
    Slots that are left out (blackouts, holidays, times that don't exist) are shown among the others. With --rendered,
    each time has the request that is sent then; secrets stay references, and literal credentials are masked. Jobs that
    run after others have the earliest times at which they can run, if each job before takes as long as --duration says.

    \b
    Examples:
      myscheduler preview jobs.d
      myscheduler preview --from 2026-10-25 --count 10 jobs.d/nightly.yaml
      myscheduler preview --rendered --count 1 jobs.d/nightly.yaml
      myscheduler preview --server http://127.0.0.1:8003 --format json

    Exits with 0 on success, 1 when a manifest has errors, 2 when a path doesn't exist.
    """
    if server is not None and paths:
        raise click.UsageError("use either PATHS or --server: the server has its own jobs")
    if server is not None and rendered:
        raise click.UsageError("--rendered shows manifests: leave --server out")
    if server is not None and durations:
        raise click.UsageError("--duration is for manifests: the server knows how long its jobs take")
    if until is not None and until < (start or now):
        raise click.BadParameter("must not be earlier than --from", param_hint="'--until'")
    wanted = count or (MOST if until else COUNT)
    code = 0
    if server is not None:
        jobs = _of_server(server, start or now, until, wanted)
    else:
        desired = read_manifests(paths, zone=timezone)
        declared = usable_jobs(desired)
        before = _before([job.whole_spec for job in declared], durations, start or now)
        shown = _with_requests if rendered else _of_manifest
        jobs = [shown(job, before, timezone, start or now, until, wanted) for job in declared]
        code = exit_code(desired)
    if output == "json":
        click.echo(json_text({"jobs": jobs}))
    else:
        nothing = "  no runs until then" if until else "  no further runs"
        for number, job in enumerate(jobs):
            click.echo(("\n" if number else "") + "\n".join(_lines(job, nothing)))
    raise SystemExit(code)


def _before(specs: Sequence[JobSpec], durations: Sequence[str], created_at: datetime) -> Before:
    links = {spec.job_id: chained(spec) for spec in specs}
    graph = Graph(
        {job_id: after for job_id, (after, _) in links.items() if after is not None},
        {job_id: timeout for job_id, (_, timeout) in links.items() if timeout is not None},
    )
    roots = {
        spec.job_id: Root(spec, created_at, is_paused=bool(spec.paused))
        for spec in specs
        if graph.children(spec.job_id)
    }
    return Before(graph, roots, durations_of(durations, specs))


def _of_manifest(
    job: DeclaredJob, before: Before, zone: str, start: datetime, until: datetime | None, count: int
) -> dict[str, Any]:
    spec = job.whole_spec
    if isinstance(spec.schedule, DeclaredAfter):
        return preview_after(spec, before, zone=zone, start=start, until=until, count=count).as_json()
    shown = preview_of(spec, zone=zone, created_at=start, start=start, until=until, count=count).as_json()
    if is_counted_from_creation(spec):
        shown["schedule"] += " (here from the start of this preview)"
    return shown


def _with_requests(
    job: DeclaredJob, before: Before, zone: str, start: datetime, until: datetime | None, count: int
) -> dict[str, Any]:
    shown = _of_manifest(job, before, zone, start, until, count)
    if "earliest" in shown:
        return shown  # what the jobs before hand on is not known
    slots = [datetime.fromisoformat(at) for at in shown["fire_times"]]
    return shown | {"requests": requests_of(job.whole_spec, slots, zone=zone, created_at=start)}


def _of_server(url: str, start: datetime, until: datetime | None, count: int) -> list[dict[str, Any]]:
    params = {"from": start.isoformat(), "count": str(count)} | ({"until": until.isoformat()} if until else {})
    jobs: list[dict[str, Any]] = connect(url).get("preview", params=params)["jobs"]
    return jobs


def _lines(job: dict[str, Any], nothing: str) -> Iterator[str]:
    """A job as text: its schedule in words, then fire times and slots left out, in order of time."""
    yield f"{styled(job['job_id'], bold=True)}: {styled(job['schedule'])}  [{styled(job['timezone'])}]"
    if job["paused"]:
        yield click.style("  paused: none of these runs", fg="yellow")
    notes = {note["at"]: note["note"] for note in job["notes"]}
    if earliest := job.get("earliest"):
        yield from _assumed(earliest)
        notes |= {one["at"]: f"through {', '.join(map(printable, one['path']))}" for one in earliest["times"]}
    sent = {one["at"]: one for one in job.get("requests", ())}
    rows = [(datetime.fromisoformat(at), _fire(at, notes.get(at)) + _request(sent.get(at))) for at in job["fire_times"]]
    rows += [(datetime.fromisoformat(one["first"]), _left_out(one)) for one in job["left_out"]]
    if not rows:
        yield nothing
    yield from (f"  {text}" for _, text in sorted(rows))


def _assumed(earliest: dict[str, Any]) -> Iterator[str]:
    """What the times of a job that runs after others rest on."""
    lengths = [f"{styled(job_id)} takes {sec:,g} s" for job_id, sec in earliest["durations_sec"].items()]
    if lengths:
        yield f"  at the earliest, if {', '.join(lengths)}:"
    for job_id in earliest["too_late"]:
        yield click.style(f"  never in the chains of {styled(job_id)}: they time out before", fg="yellow")
    for job_id in earliest["paused"]:
        yield click.style(f"  {styled(job_id)} is paused: none of its chains runs", fg="yellow")


def _fire(at: str, note: str | None) -> str:
    moment = datetime.fromisoformat(at)
    text = f"{_shown(moment)}   {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return text + styled(f"   {note}", fg="cyan") if note else text


def _request(sent: dict[str, Any] | None) -> str:
    """The lines of a request, below its time; empty for none."""
    if sent is None:
        return ""
    if "error" in sent:
        return f"\n    {click.style(sent['error'], fg='red')}"
    lines = [f"{sent['method']} {sent['url']}"]
    for name, value in sent["headers"].items():
        lines += [f"{name}: {one}" for one in ([value] if isinstance(value, str) else value)]
    lines += [] if sent["body"] is None else ["", *sent["body"].splitlines()]
    return "".join(f"\n    {printable(line)}" for line in lines)


def _left_out(one: dict[str, Any]) -> str:
    first, last = datetime.fromisoformat(one["first"]), datetime.fromisoformat(one["last"])
    named = f" ({one['name']})" if one["name"] else ""
    if one["count"] == 1:
        return styled(f"{_shown(first)}   left out: {one['reason']}{named}", dim=True)
    many = f"{counted(one['count'], 'slot')} until {_shown(last)} left out: {one['reason']}{named}"
    return styled(f"{_shown(first)}   {many}", dim=True)


def _shown(moment: datetime) -> str:
    return f"{moment:%a %Y-%m-%d %H:%M:%S} {moment.isoformat()[19:].removeprefix('.' + f'{moment.microsecond:06}')}"
