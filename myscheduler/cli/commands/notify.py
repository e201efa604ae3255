"""`myscheduler notify`: try a channel, and see which jobs would tell whom."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from myscheduler.cli.manifests import exit_code, find_notified, paths_argument, usable_jobs
from myscheduler.cli.options import format_option, timezone_option
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, server_option
from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.manifest.declared import DeclaredJob
from myscheduler.core.notifications.notifications_file import Notifications
from myscheduler.core.notifications.routing import channels_of, thresholds_of
from myscheduler.messages.durations import span_words


@click.group()
def notify() -> None:
    """Try the channels of notifications.yaml, and see whom the jobs would tell."""


@notify.command()
@click.option("--channel", required=True, metavar="NAME", help="The channel of notifications.yaml to try.")
@click.option("--by", metavar="NAME", help="Your name, for the log.")
@server_option
@format_option
def test(channel: str, by: str | None, server: str, output: str) -> None:
    """Send a test through a channel of a running service, with its secrets, as an incident would.

    It is tried once, also in the quiet hours of the channel, and no incident is made of it. When MYSCHEDULER_API_TOKEN
    is set, it is sent along.

    \b
    Examples:
      myscheduler notify test --channel ops

    Exits with 0 when the channel's service took the message, 1 when it did not, or the service can't be reached.
    """
    body = {"channel": channel} | ({"by": by} if by else {})
    found = connect(server).post("notifications/test", body=body)
    if output == "json":
        click.echo(json_text(found))
    elif found["delivered"]:
        click.echo(f"{styled(channel)}: {styled('delivered', fg='green')}")
    else:
        click.echo(f"{styled(channel)}: {styled('not delivered', fg='red')}: {styled(found['error'])}")
    raise SystemExit(0 if found["delivered"] else 1)


@notify.command()
@paths_argument
@click.option("--job", "job_ids", multiple=True, metavar="ID", help="Only this job; may be given several times.")
@timezone_option
@format_option
def preview(paths: tuple[Path, ...], job_ids: tuple[str, ...], timezone: str, output: str) -> None:
    """Show which jobs would tell whom, and from when on. Reads PATHS (default: jobs.d); no service is needed.

    \b
    Examples:
      myscheduler notify preview
      myscheduler notify preview jobs.d --job daily-report --format json

    Exits with 0 when all manifests are valid, 1 when one has an error.
    """
    desired, rules_of = find_notified(paths, zone=timezone)
    jobs = [job for job in usable_jobs(desired) if not job_ids or job.job_id in job_ids]
    if missing := sorted(set(job_ids) - {job.job_id for job in jobs}):
        raise click.ClickException(f"no valid job has the id {missing[0]!r}")
    if output == "json":
        click.echo(json_text({"jobs": [_as_json(job, rules_of(job.path)) for job in jobs]}))
    else:
        for job in jobs:
            click.echo(_line(job, rules_of(job.path)))
    raise SystemExit(exit_code(desired))


def _as_json(job: DeclaredJob, rules: Notifications) -> dict[str, Any]:
    spec = job.whole_spec
    found = thresholds_of(spec, rules)
    return {
        "job_id": job.job_id,
        "channels": [one.name for one in channels_of(spec, rules)],
        "after_failures": None if _counts_among(found) else found.after_failures,
        "failures": found.failures,
        "of": found.of,
        "late": found.is_late_watched,
        "late_after_sec": _seconds(found.late_after),
        "remind_sec": _seconds(found.remind),
    }


def _seconds(span: timedelta | None) -> float | None:
    return span.total_seconds() if span is not None else None


def _counts_among(found: Thresholds) -> bool:
    return found.failures is not None and found.of is not None


def _line(job: DeclaredJob, rules: Notifications) -> str:
    channels = channels_of(job.whole_spec, rules)
    name = styled(job.job_id, bold=True)
    if not channels:
        return f"{name}  tells nobody"
    names = styled(", ".join(one.name for one in channels), fg="cyan")
    return f"{name}  tells {names} {', '.join(_when(thresholds_of(job.whole_spec, rules)))}"


def _when(found: Thresholds) -> Iterator[str]:
    if _counts_among(found):
        yield f"after {found.failures} failures of {found.of}"
    else:
        yield "after 1 failure" if found.after_failures == 1 else f"after {found.after_failures} failures in a row"
    if not found.is_late_watched:
        yield "never when late"
    elif found.late_after is not None:
        yield f"when {span_words(found.late_after)} late"
    else:
        yield "when late"
    yield f"again every {span_words(found.remind)}" if found.remind is not None else "once"
