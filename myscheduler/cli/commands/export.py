"""`myscheduler export`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from myscheduler.cli.output.terminal import styled
from myscheduler.cli.server import connect, server_option
from myscheduler.cli.writing import output_option, write_manifests
from myscheduler.core.gitops.export import NotExportedError, exported
from myscheduler.core.gitops.inventory import Item, inventory_from_json
from myscheduler.core.job.job import Owner
from myscheduler.core.secrets.literals import literal_credentials


@click.command()
@click.argument("job_ids", metavar="[JOB]...", nargs=-1)
@server_option
@output_option
def export(job_ids: tuple[str, ...], server: str, output: Path | None) -> None:
    """Write jobs that were made through the API as manifests.

    Without a JOB, all of them. Each manifest has `adopt: true`: once it is in the source, it owns the job, which keeps
    its history and its pause and runs on without interruption. When MYSCHEDULER_API_TOKEN is set, it is sent along.
    Nothing is changed on the server.

    \b
    Examples:
      myscheduler export > jobs.d/from-the-api.yaml
      myscheduler export daily-report --server https://scheduler.example.com
      myscheduler export --output jobs.d/adopted

    Exits with 0 on success, 1 when a JOB does not exist or belongs to a manifest, or the service can't be reached.
    """
    answer = connect(server).get("specs")
    items = _chosen(inventory_from_json(answer["jobs"]), job_ids)
    manifests: dict[str, str] = {}
    for item in items:
        try:
            manifests[item.job_id] = exported(item, zone=answer["timezone"])
        except NotExportedError as fault:
            click.echo(f"{click.style('error:', fg='red')} {styled(f'{item.job_id}: not written: {fault}')}", err=True)
        else:
            _warn_of_credentials(item)
    if not items:
        click.echo("warning: no job was made through the API", err=True)
    write_manifests(manifests, output)
    raise SystemExit(int(len(manifests) < len(items)))


def _chosen(stored: Mapping[str, Item], job_ids: Sequence[str]) -> list[Item]:
    """The chosen jobs, sorted by id. Raises `ClickException` if one was not made through the API."""
    faults = []
    for job_id in job_ids:
        item = stored.get(job_id)
        if item is None:
            faults.append(f"there is no job {job_id!r}")
        elif item.owner is Owner.MANIFEST:
            place = f"{item.source.path}:{item.source.line}" if item.source else "a manifest"
            faults.append(f"{job_id!r} is declared in {place} already")
    if faults:
        raise click.ClickException("; ".join(faults))
    wanted = set(job_ids)
    of_api = (stored[job_id] for job_id in sorted(stored) if stored[job_id].owner is Owner.API)
    return [item for item in of_api if not wanted or item.job_id in wanted]


def _warn_of_credentials(item: Item) -> None:
    for _, what in literal_credentials(item.spec):
        message = (
            f"{item.job_id}: {what} is written in plain text: put ${{secret:NAME}} in its place before you commit it"
        )
        click.echo(f"{click.style('warning:', fg='yellow')} {styled(message)}", err=True)
