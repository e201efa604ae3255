"""`myscheduler validate`."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath

import click

from myscheduler import settings
from myscheduler.adapters.source import DirectorySource
from myscheduler.cli.options import check_zone_option, parse_now_option
from myscheduler.core.manifest import Desired, combine, parse_file, past_warnings
from myscheduler.core.problem import Problem, Severity
from myscheduler.core.source import Snapshot, SourceFile, UnreadableFile
from myscheduler.settings import Settings

_DEFAULTS = Settings()
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
    default=[_DEFAULTS.jobs_dir],
)
@click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to print."
)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option(
    "--timezone",
    envvar=settings.TZ,
    show_envvar=True,
    default=_DEFAULTS.zone,
    show_default=True,
    callback=check_zone_option,
    help="The zone of the service, for local times of jobs that name none.",
)
@click.option(
    "--now", metavar="ISO", callback=parse_now_option, help="Judge one-offs in the past as of this moment (RFC 3339)."
)
def validate(paths: tuple[Path, ...], output: str, *, strict: bool, timezone: str, now: datetime) -> None:
    """Check manifests, and say every problem with its place and what to write instead.

    PATHS are files, folders, and - for standard input; jobs.d when left out. ConfigMaps among the documents are looked
    into, other Kubernetes objects are skipped.

    \b
    Examples:
      myscheduler validate jobs.d
      myscheduler validate --strict --format json jobs.d > report.json
      helm template ./chart | myscheduler validate -

    Exits with 0 when all is well, 1 when there are problems, 2 when a path doesn't exist.
    """
    snapshot = _read(paths)
    desired = combine([parse_file(file, zone=timezone) for file in snapshot.files], snapshot)
    warnings = past_warnings(desired.jobs.values(), zone=timezone, now=now)
    problems = sorted([*desired.problems, *warnings])
    failing = [problem for problem in problems if strict or problem.severity is Severity.ERROR]
    if output == "json":
        _print_json(desired, problems, is_valid=not failing)
    else:
        _print_text(desired, problems)
    if not desired.jobs and not problems:
        click.echo("warning: no manifests found", err=True)
    raise SystemExit(1 if failing else 0)


def _read(paths: Iterable[Path]) -> Snapshot:
    parts = [_read_one(path) for path in paths]
    files = {file.path: file for part in parts for file in part.files}
    unreadable = {file.path: file for part in parts for file in part.unreadable}
    return Snapshot.of(files.values(), unreadable.values())


def _read_one(path: Path) -> Snapshot:
    """What stands at a path, with names as a person in this folder would write them."""
    if str(path) == "-":
        return Snapshot.of([SourceFile.of("<stdin>", sys.stdin.buffer.read())])
    if path.is_dir():
        found = DirectorySource(path).read()
        prefix = PurePosixPath(path.as_posix())
        return Snapshot.of(
            [replace(file, path=str(prefix / file.path)) for file in found.files],
            [replace(file, path=str(prefix / file.path)) for file in found.unreadable],
        )
    try:
        return Snapshot.of([SourceFile.of(path.as_posix(), path.read_bytes())])
    except OSError as error:
        return Snapshot.of([], [UnreadableFile(path.as_posix(), error.strerror or str(error))])


def _print_json(desired: Desired, problems: list[Problem], *, is_valid: bool) -> None:
    report = {
        "valid": is_valid,
        "jobs": len(desired.jobs),
        "problems": [problem.as_json() for problem in problems],
    }
    click.echo(json.dumps(report, ensure_ascii=False, indent=2))


def _print_text(desired: Desired, problems: list[Problem]) -> None:
    for problem in problems:
        click.echo(_coloured(problem))
    others = _plural(desired.skipped, "Kubernetes object")
    skipped = f", {others} without manifests skipped" if desired.skipped else ""
    found = ", ".join(_counted(problems)) or "no problems"
    click.echo(f"{_plural(len(desired.jobs), 'job')}, {found}{skipped}")


def _coloured(problem: Problem) -> str:
    text = str(problem)
    place, severity, rest = text.partition(f" {problem.severity}: ")
    return f"{click.style(place, bold=True)}{click.style(severity, fg=_COLOURS[problem.severity])}{rest}"


def _counted(problems: list[Problem]) -> Iterator[str]:
    for severity in Severity:
        count = sum(problem.severity is severity for problem in problems)
        if count:
            yield _plural(count, severity)


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
