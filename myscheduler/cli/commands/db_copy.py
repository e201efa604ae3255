"""`myscheduler db copy`: moves a whole database from SQLite to PostgreSQL, or back."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from myscheduler.cli.manifests import counted
from myscheduler.cli.options import format_option
from myscheduler.cli.output.progress import clean_termination, progress
from myscheduler.cli.output.terminal import json_text
from myscheduler.core.findings.problem import printable

if TYPE_CHECKING:
    from myscheduler.adapters.store.care.copying import Copied


@click.command()
@click.argument("source_url")
@click.argument("target_url")
@click.option(
    "--start-over", is_flag=True, help="Remove an unfinished copy from the target, and copy everything again."
)
@format_option
def copy(source_url: str, target_url: str, output: str, *, start_over: bool) -> None:
    """Copy a whole database into an empty one, from SQLite to PostgreSQL or back.

    Stop the service first: no service may use either database meanwhile. The source is not changed. Every row is read
    again from the target and compared. A copy that was stopped, even by a kill, goes on when the same command is run
    again; until it is finished, no service starts on the target.

    \b
    Examples:
      myscheduler db copy sqlite:///data/jobs.db postgresql://scheduler@db.example.com/jobs
      myscheduler db copy postgresql://scheduler@db.example.com/jobs sqlite:///data/jobs.db

    PGPASSWORD or ~/.pgpass provides the password; in the URL, other users of the machine can see it.

    Exits with 0 when the copy is complete and equal, 1 when it was refused or stopped.
    """
    from myscheduler.adapters.store.care import copying  # noqa: PLC0415

    with clean_termination(), progress() as show:
        copied = copying.copy(source_url, target_url, show, starts_over=start_over)
    click.echo(json_text(_as_json(copied)) if output == "json" else "\n".join(_lines(copied)))


def _lines(copied: "Copied") -> Iterator[str]:
    source, target = printable(copied.source), printable(copied.target)
    yield f"copied {source} to {target}, and compared every row:"
    shown = {name: f"{digest.rows:,}" for name, digest in copied.tables.items() if digest.rows}
    names, numbers = max(map(len, shown), default=0), max(map(len, shown.values()), default=0)
    for name, rows in shown.items():
        yield f"  {name:<{names}}  {rows:>{numbers}}"
    yield counted(copied.rows, "row") + (f", {copied.found:,} of them by an earlier run" if copied.found else "")
    yield f"Now set DATABASE_URL to {target}, and start the service."
    yield f"Start none on {source} any more: both would send the same slots."


def _as_json(copied: "Copied") -> dict[str, Any]:
    return {
        "source": copied.source,
        "target": copied.target,
        "rows": copied.rows,
        "found": copied.found,
        "tables": {name: {"rows": digest.rows, "digest": digest.text} for name, digest in copied.tables.items()},
    }
