"""`myscheduler plan`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from myscheduler.cli.manifests import STDIN, coloured, paths_argument, read_manifests
from myscheduler.cli.options import parse_now_option, timezone_option
from myscheduler.cli.output.review import as_markdown, as_text
from myscheduler.cli.output.terminal import json_text
from myscheduler.cli.server import connect, server_option
from myscheduler.core.findings.problem import Severity
from myscheduler.core.gitops.inventory import Item, inventory_from_json
from myscheduler.core.gitops.inventory import inventory as inventory_of
from myscheduler.core.gitops.review import review
from myscheduler.core.manifest.declared import EVERYWHERE, Desired
from myscheduler.core.schedule.clock import Clock

CHANGES = 2


class _Plan(click.Command):
    """Exits with 1 for wrong usage if --detailed-exitcode is given, since 2 means changes then."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        is_detailed = "--detailed-exitcode" in args
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if is_detailed:
                raise _WrongUsageError(error.format_message(), error.ctx) from error
            raise


class _WrongUsageError(click.UsageError):
    exit_code = 1


@click.command(cls=_Plan)
@paths_argument
@server_option
@click.option("--database-url", metavar="URL", help="Compare with this database instead of a server. It is only read.")
@timezone_option
@click.option("--now", metavar="ISO", callback=parse_now_option, help="Use this time as now (RFC 3339).")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when something would change.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="The output format; markdown is for a comment on a pull request.",
)
@click.pass_context
def plan(
    context: click.Context,
    paths: tuple[Path, ...],
    server: str,
    database_url: str | None,
    timezone: str,
    now: datetime,
    output: str,
    *,
    detailed_exitcode: bool,
) -> None:
    """Show what applying manifests would change: fields, and the times at which jobs run.

    PATHS are files, folders, and - for standard input; the default is jobs.d. They are treated as the whole source: a
    manifest job that is in none of them would be deleted. The time zone is that of the server, or --timezone with
    --database-url. When MYSCHEDULER_API_TOKEN is set, it is sent along. Nothing is changed.

    \b
    Examples:
      myscheduler plan jobs.d
      myscheduler plan --server https://scheduler.example.com --format markdown jobs.d > comment.md
      helm template ./chart | myscheduler plan --detailed-exitcode -

    Exits with 0 on success, 1 when a manifest has errors or there is nothing to compare with, 2 when a path doesn't
    exist. With --detailed-exitcode: 0 no changes, 1 any error, 2 changes, including those that would wait for an
    approval.
    """
    is_server_given = context.get_parameter_source("server") is ParameterSource.COMMANDLINE
    if database_url and is_server_given:
        raise click.UsageError("use either --server or --database-url")
    zone, stored = _of_database(database_url, timezone) if database_url else _of_server(server)
    desired = _as_source(read_manifests(paths, zone=zone), stored)
    found = review(desired, stored, clock=Clock(now, zone))
    errors = [problem for problem in found.problems if problem.severity is Severity.ERROR]
    if output == "json":
        click.echo(json_text(found.as_json()))
    elif output == "markdown":
        click.echo(as_markdown(found))
    else:
        for problem in found.problems:
            click.echo(coloured(problem), err=True)
        click.echo("\n".join(as_text(found)))
    raise SystemExit(1 if errors else CHANGES if detailed_exitcode and found.has_changes else 0)


def _of_server(url: str) -> tuple[str, Mapping[str, Item]]:
    answer = connect(url).get("specs")
    return answer["timezone"], inventory_from_json(answer["jobs"])


def _of_database(url: str, zone: str) -> tuple[str, Mapping[str, Item]]:
    from myscheduler.adapters.store.database.reading import read_current  # noqa: PLC0415
    from myscheduler.adapters.store.rows import jobs as job_rows  # noqa: PLC0415 - a second of imports, for this option only

    return zone, inventory_of(read_current(url, job_rows.all_jobs))


def _as_source(desired: Desired, stored: Mapping[str, Item]) -> Desired:
    """Add each path as the service may know it: its source may be any of the folders above the path."""
    known = {item.source.path for item in stored.values() if item.source}
    return replace(
        desired,
        held_paths=frozenset(suffix for path in desired.held_paths for suffix in _suffixes(path)),
        mute_paths={suffix: path for path in desired.mute_paths if path != STDIN for suffix in _suffixes(path)},
        nameless_paths=frozenset(path for path in desired.nameless_paths if not known & set(_suffixes(path))),
    )


def _suffixes(path: str) -> Iterator[str]:
    """The path, and the path without one or more of its leading folders."""
    if path == STDIN:
        yield EVERYWHERE
    parts = path.split("/")
    yield from ("/".join(parts[start:]) for start in range(len(parts)) if parts[start])
