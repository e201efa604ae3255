"""Manifests as commands take them: files, folders, and `-` for standard input."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import click

from myscheduler.adapters.source import DirectorySource
from myscheduler.core.manifest import DeclaredJob, Desired, combine, parse_file
from myscheduler.core.problem import Problem, Severity
from myscheduler.core.source import Snapshot, SourceFile, UnreadableFile
from myscheduler.settings import Settings

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}

paths_argument = click.argument(
    "paths",
    nargs=-1,
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
    default=[Settings().jobs_dir],
)
"""PATHS of a command; `jobs.d` when left out."""


def read_manifests(paths: Iterable[Path], *, zone: str) -> Desired:
    """What stands at the paths, with names as a person in this folder would write them."""
    parts = [_read_one(path) for path in paths]
    files = {file.path: file for part in parts for file in part.files}
    unreadable = {file.path: file for part in parts for file in part.unreadable}
    snapshot = Snapshot.of(files.values(), unreadable.values())
    return combine([parse_file(file, zone=zone) for file in snapshot.files], snapshot)


def usable_jobs(desired: Desired) -> list[DeclaredJob]:
    """The jobs, sorted by id; standard error tells what is wrong with others, or that there are none."""
    errors = [problem for problem in desired.problems if problem.severity is Severity.ERROR]
    for problem in errors:
        click.echo(coloured(problem), err=True)
    if not desired.jobs and not errors:
        click.echo("warning: no manifests found", err=True)
    return [desired.jobs[job_id] for job_id in sorted(desired.jobs)]


def exit_code(desired: Desired) -> int:
    """1 where some manifest could not be used, else 0."""
    return int(any(problem.severity is Severity.ERROR for problem in desired.problems))


def coloured(problem: Problem) -> str:
    """The problem in a line, for a terminal; click takes the colours out elsewhere."""
    place, severity, rest = str(problem).partition(f" {problem.severity}: ")
    return f"{click.style(place, bold=True)}{click.style(severity, fg=_COLOURS[problem.severity])}{rest}"


def counted(count: int, what: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _read_one(path: Path) -> Snapshot:
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
