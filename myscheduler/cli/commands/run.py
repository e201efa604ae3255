"""`myscheduler run`."""

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.cli.manifests import paths_argument, read_manifests, usable_jobs
from myscheduler.cli.options import format_option, timezone_option
from myscheduler.cli.output.exchanges import exchange_fields
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.core.calls.exchange import Exchange
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.explain.curl import curl_of
from myscheduler.core.explain.requests import requests_of
from myscheduler.core.findings.problem import printable
from myscheduler.core.history.execution import Cause, Execution, Kind
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.lifecycle.transitions import create
from myscheduler.core.manifest.declared import DeclaredJob
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.templates.variables import PREFIX
from myscheduler.service.dispatch.calling import CallSettings, open_local_caller
from myscheduler.settings import SECRETS_DIR, Settings


@click.command()
@paths_argument
@click.option("--job", "job_id", metavar="ID", help="The job to run; may be left out if there is only one.")
@click.option("--dry-run", is_flag=True, help="Show the request, and send nothing.")
@click.option("--curl", is_flag=True, help="Print the request as a command of curl, and send nothing.")
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="The value of a variable; may be given several times.",
)
@click.option(
    "--secrets-dir",
    envvar=SECRETS_DIR,
    type=click.Path(file_okay=False, path_type=Path),
    default=Settings().secrets_dir,
    show_default=True,
    help="Where secrets are files; else they are variables MYSCHEDULER_SECRET_NAME.",
)
@timezone_option
@format_option
def run(
    paths: tuple[Path, ...],
    job_id: str | None,
    dry_run: bool,
    curl: bool,
    variables: tuple[str, ...],
    secrets_dir: Path,
    timezone: str,
    output: str,
) -> None:
    """Make the call of a job now, from this machine, and show request and response.

    PATHS are files, folders, and - for standard input; the default is jobs.d. The call is made by the code of the
    service, once: it is not retried, and nothing is recorded. Secrets are masked; this machine needs those that the job
    uses. Policy.yaml, vars.yaml and targets.yaml beside the manifest count as in the service.

    \b
    Examples:
      myscheduler run jobs.d --job daily-report
      myscheduler run jobs.d/report.yaml --dry-run --var base_url=https://staging.example.com
      myscheduler run jobs.d/report.yaml --curl

    Exits with 0 when the call succeeded or was only shown, 1 when it failed or the job is not valid, 2 on wrong usage.
    """
    _set(variables)
    declared = _chosen(usable_jobs(read_manifests(paths, zone=timezone)), job_id)
    now = datetime.now(UTC)
    clock = Clock(now, timezone)
    job = create(declared.whole_spec, owner=Owner.MANIFEST, source=None, clock=clock).job
    if job.spec.ping is not None:
        raise click.UsageError(f"{job.job_id} makes no call: it expects pings")
    (request,) = requests_of(job.spec, [now], zone=timezone, created_at=now)
    if "error" in request:
        raise click.ClickException(request["error"])
    if curl:
        click.echo(curl_of(job.spec, request))
        return
    answer = None
    if not dry_run:
        root = _root(paths, declared)
        answer = asyncio.run(_called(job, now, zone=timezone, secrets_dir=secrets_dir, root=root))
    if output == "json":
        click.echo(json_text({"job_id": job.job_id, "request": request, "response": answer}))
    else:
        click.echo("\n".join([*_request_lines(request), *([] if answer is None else ["", *_answer_lines(answer)])]))
    raise SystemExit(1 if answer is not None and answer["failure"] is not None else 0)


def _set(variables: tuple[str, ...]) -> None:
    """Have these variables win over others, as those of the environment do."""
    for one in variables:
        name, mark, value = one.partition("=")
        if not mark or not name:
            raise click.BadParameter(f"{one!r} is not NAME=VALUE", param_hint="'--var'")
        os.environ[f"{PREFIX}{name.upper()}"] = value


def _chosen(jobs: list[DeclaredJob], job_id: str | None) -> DeclaredJob:
    if job_id is None:
        if len(jobs) != 1:
            raise click.UsageError(f"there are {len(jobs)} valid jobs: name one by --job")
        return jobs[0]
    found = next((one for one in jobs if one.job_id == job_id), None)
    if found is None:
        raise click.ClickException(f"no valid job {job_id!r} is declared there")
    return found


def _root(paths: tuple[Path, ...], declared: DeclaredJob) -> Path:
    """The root of the source, from which files are named that a call sends."""
    folder = next((path for path in paths or (Path("jobs.d"),) if path.is_dir()), None)
    return folder or Path(declared.path).parent


async def _called(job: Job, now: datetime, *, zone: str, secrets_dir: Path, root: Path) -> dict[str, Any]:
    execution_id = new_execution_id(now)
    execution = Execution(execution_id, job.job_id, now, Kind.MANUAL, Cause.API, job.digest, None, now)
    async with open_local_caller(CallSettings(root, secrets_dir, zone)) as caller:
        begun = time.monotonic()
        outcome = await caller.call(job, execution, 1)
    return _as_json(outcome, round((time.monotonic() - begun) * 1000))


def _as_json(outcome: Outcome, took_ms: int) -> dict[str, Any]:
    return {
        "http_status": outcome.http_status,
        "failure": outcome.failure,
        "error": outcome.error,
        "duration_ms": took_ms,
        "size": outcome.response_size,
        "body": outcome.excerpt,
        "exchange": None if outcome.exchange is None else _exchange_as_json(outcome.exchange),
    }


def _exchange_as_json(exchange: Exchange) -> dict[str, Any]:
    expires_at = exchange.certificate_expires_at
    return {**exchange._asdict(), "certificate_expires_at": expires_at.isoformat() if expires_at else None}


def _request_lines(request: Mapping[str, Any]) -> list[str]:
    lines = [styled(f"{request['method']} {request['url']}", bold=True)]
    for name, value in request["headers"].items():
        lines += [printable(f"{name}: {one}") for one in ([value] if isinstance(value, str) else value)]
    return lines if request["body"] is None else [*lines, "", *map(printable, request["body"].splitlines())]


def _answer_lines(answer: Mapping[str, Any]) -> list[str]:
    status = "no answer" if answer["http_status"] is None else str(answer["http_status"])
    size = "" if answer["size"] is None else f", {answer['size']:,} bytes"
    is_fine = answer["failure"] is None
    lines = [f"{styled(status, fg='green' if is_fine else 'red')} in {answer['duration_ms'] / 1000:.3f} s{size}"]
    lines += [f"{name}: {styled(value)}" for name, value in exchange_fields(answer["exchange"]) if value]
    if not is_fine:
        lines.append(f"{styled(answer['failure'], fg='red')}: {printable(answer['error'] or '')}")
    return [*lines, *([""] if answer["body"] else []), *map(printable, (answer["body"] or "").splitlines())]
