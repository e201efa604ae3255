"""`myscheduler db`: back up, check, copy and upgrade the database."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from myscheduler import __version__
from myscheduler.cli.commands.db_copy import copy
from myscheduler.cli.manifests import counted
from myscheduler.cli.options import database_url_option, format_option, timezone_option
from myscheduler.cli.output.progress import clean_termination, progress
from myscheduler.cli.output.terminal import json_text
from myscheduler.core.explain.sizes import shown_size
from myscheduler.core.findings.problem import printable
from myscheduler.core.schedule.zones import local_time
from myscheduler.errors import StoreError

if TYPE_CHECKING:
    from myscheduler.adapters.store.care.inspection import Contents, DatabaseCondition

# Each command imports the store itself: it takes a second, and no other command needs it


@click.group()
def db() -> None:
    """Back up, check, copy and upgrade the database of a service.

    \b
    Examples:
      myscheduler db backup backups/monday.db
      kubectl exec POD -- myscheduler db backup - > jobs.db
      myscheduler db check
      myscheduler db copy sqlite:///data/jobs.db postgresql://scheduler@db.example.com/jobs
      myscheduler db upgrade
    """


db.add_command(copy)


@db.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False, allow_dash=True))
@database_url_option
def backup(file: Path, database_url: str) -> None:
    """Copy an SQLite database into FILE while the service runs; - is standard output.

    The copy is a consistent snapshot, which is checked. It is readable only by its owner, and appears only once it is
    complete. Existing files are not overwritten, and the service keeps running.

    \b
    Examples:
      myscheduler db backup backups/$(date +%F).db
      kubectl exec POD -- myscheduler db backup - > jobs.db

    Exits with 0 when the copy is complete, 1 when it failed.
    """
    from myscheduler.adapters.store.care.backup import back_up, stream  # noqa: PLC0415

    is_stream = str(file) == "-"
    if is_stream and (sys.stdout is None or sys.stdout.isatty()):
        raise click.UsageError("a terminal can't show a database: redirect the output (> jobs.db), or name a file")
    with clean_termination(), progress() as show:
        copy = stream(database_url, sys.stdout.buffer, show) if is_stream else back_up(database_url, file, show)
    target = "standard output" if is_stream else printable(str(file))
    what = f"revision {copy.schema.revision}, {_amounts(copy.contents)}"
    click.echo(f"{target}: {shown_size(copy.size)}, {what}; checked", err=is_stream)


@db.command()
@database_url_option
@timezone_option
@format_option
def check(database_url: str, timezone: str, output: str) -> None:
    """Check whether this version can run on the database. Nothing is changed, and a service may be running.

    \b
    Examples:
      myscheduler db check
      myscheduler db check --database-url sqlite:///backups/monday.db --format json

    Exits with 0 when it can, also when the database is older: the next start or `myscheduler db upgrade` upgrades it.
    Exits with 1 when the database is damaged, newer, empty, missing, or not of myscheduler.
    """
    from myscheduler.adapters.store.care.inspection import inspect  # noqa: PLC0415

    try:
        condition = inspect(database_url)
    except StoreError as error:
        if output == "json":
            report = dict.fromkeys(_KEYS) | {"usable": False, "trouble": str(error), "version": __version__}
            click.echo(json_text(report))
            raise SystemExit(1) from error
        raise
    if output == "json":
        click.echo(json_text(_as_json(condition)))
    else:
        click.echo("\n".join(_lines(condition, timezone)))
    raise SystemExit(1 if condition.error else 0)


@db.command()
@database_url_option
def upgrade(database_url: str) -> None:
    """Upgrade the database, as a start of the service does, without starting it.

    Stop the service first. The upgrade is done as a whole or not at all; the only way back is a backup. A database that
    does not exist is created.

    \b
    Example:
      myscheduler db backup before.db && myscheduler db upgrade

    Exits with 0 when the database is up to date, 1 when the upgrade failed.
    """
    from myscheduler.adapters.store.database.opening import bring_up_to_date  # noqa: PLC0415
    from myscheduler.adapters.store.migrations import HEAD  # noqa: PLC0415

    before = bring_up_to_date(database_url).revision
    if before == HEAD:
        click.echo(f"nothing to do: the database has revision {HEAD} already")
    elif before is None:
        click.echo(f"created a new database of revision {HEAD}")
    else:
        click.echo(f"upgraded the database from revision {before} to {HEAD}")


def _lines(condition: "DatabaseCondition", zone: str) -> Iterator[str]:
    error = condition.error
    verdict = error or f"myscheduler {__version__} can run on it"
    yield click.style(
        f"{printable(condition.database)} {verdict}" if error else f"{printable(condition.database)}: {verdict}",
        fg="red" if error else "green",
    )
    for name, value in _rows(condition, zone):
        yield f"  {name:<10}  {printable(value)}"


def _rows(condition: "DatabaseCondition", zone: str) -> Iterator[tuple[str, str]]:
    from myscheduler.adapters.store.migrations import HEAD  # noqa: PLC0415

    schema, contents = condition.schema, condition.contents
    how = {
        "current": "up to date",
        "older": f"older than this version's {HEAD}: a start or `myscheduler db upgrade` upgrades it",
        "newer": f"newer than this version's {HEAD}",
        "foreign": "not a database of myscheduler",
        "empty": "no tables yet",
        "unfinished": "but the copy of another database into it is unfinished",
    }[schema.state]
    yield "revision", f"{schema.revision}, {how}" if schema.revision else how
    if schema.origin:
        yield "upgraded", f"by myscheduler {schema.origin.version} on {_shown(schema.origin.at, zone)}"
    if condition.damages is None:
        yield "integrity", "not checked: a PostgreSQL server checks its files itself"
    elif condition.damages:
        yield from (("damage", damage) for damage in condition.damages)
    else:
        yield "integrity", "checked, no damage found"
    yield (
        "in use",
        {True: "by a service", False: "no", None: "unknown: its lock can't be read"}[condition.is_in_use],
    )
    log = f", and {shown_size(condition.log_size)} of write-ahead log" if condition.log_size else ""
    yield "size", f"{shown_size(condition.size)}{log}"
    if condition.free is not None:
        yield "free", f"{shown_size(condition.free)} on its file system"
    if amounts := _amounts(contents):
        since = f", the oldest of {_shown(contents.oldest, zone)}" if contents.oldest else ""
        yield "holds", f"{amounts}{since}"


def _shown(moment: datetime, zone: str) -> str:
    local = local_time(moment, zone)
    return f"{local:%Y-%m-%d %H:%M} {local.isoformat()[-6:]}"


def _as_json(condition: "DatabaseCondition") -> dict[str, Any]:
    from myscheduler.adapters.store.migrations import HEAD  # noqa: PLC0415

    schema, contents = condition.schema, condition.contents
    return {
        "database": condition.database,
        "usable": condition.error is None,
        "trouble": condition.error,
        "version": __version__,
        "standing": schema.state,
        "revision": schema.revision,
        "known_revision": HEAD,
        "upgraded_by": schema.origin.version if schema.origin else None,
        "upgraded_at": schema.origin.at.isoformat() if schema.origin else None,
        "damages": condition.damages,
        "in_use": condition.is_in_use,
        "size": condition.size,
        "log_size": condition.log_size,
        "free": condition.free,
        "jobs": contents.jobs,
        "executions": contents.executions,
        "oldest": contents.oldest.isoformat() if contents.oldest else None,
    }


_KEYS = (
    "database", "usable", "trouble", "version", "standing", "revision", "known_revision", "upgraded_by", "upgraded_at",
    "damages", "in_use", "size", "log_size", "free", "jobs", "executions", "oldest",
)  # fmt: skip
"""The keys of the JSON object; all but three are null where the database can't be read."""


def _amounts(contents: "Contents") -> str:
    jobs = [counted(contents.jobs, "job")] if contents.jobs is not None else []
    rows = [f"{counted(contents.executions, 'row')} of history"] if contents.executions is not None else []
    return ", ".join(jobs + rows)
