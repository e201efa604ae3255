"""`myscheduler validate`."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from myscheduler.cli.contracts import documents_named
from myscheduler.cli.manifests import Found, find_manifests
from myscheduler.cli.options import parse_now_option, timezone_option
from myscheduler.cli.reports import FORMATS, Findings
from myscheduler.core.gitops.checking import check
from myscheduler.core.manifest.secret_names import read_names
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.source.ignoring import Ignoring, read_ignoring
from myscheduler.settings import Settings


def _read_names(_context: click.Context, _option: click.Parameter, path: Path | None) -> frozenset[str] | None:
    """The secret names in the file; `None` without a file."""
    if path is None:
        return None
    try:
        return read_names(path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path} is not UTF-8") from None
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: {error}") from None


def _read_patterns(_context: click.Context, _option: click.Parameter, patterns: tuple[str, ...]) -> Ignoring:
    try:
        for pattern in patterns:
            if read_ignoring(os.fsencode(pattern)).malformed:
                raise click.BadParameter(f"{pattern!r} is not a valid .gitignore pattern")
        return read_ignoring(os.fsencode("\n".join(patterns)))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _check_paths(context: click.Context, _argument: click.Parameter, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Refuse paths that don't exist; with --staged, a path may exist in the index of git only."""
    for path in paths:
        if not (context.params["is_staged"] or str(path) == "-" or path.exists()):
            raise _no_path(path)
    return paths


def _no_path(path: Path | str) -> click.BadParameter:
    return click.BadParameter(f"Path {str(path)!r} does not exist.", param_hint="'[PATHS]...'")


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(allow_dash=True, path_type=Path), callback=_check_paths)
@click.option(
    "--staged",
    "is_staged",
    is_flag=True,
    is_eager=True,
    help="Check the files staged in git, as the next commit would contain them.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="The output format: github annotates pull requests, junit is for test reports, sarif for code scanning.",
)
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option(
    "--exclude",
    "excluded",
    metavar="PATTERN",
    multiple=True,
    callback=_read_patterns,
    help="Leave out files that match PATTERN, as a line of a .gitignore in each folder would. May be repeated.",
)
@timezone_option
@click.option(
    "--now",
    metavar="ISO",
    callback=parse_now_option,
    help="Use this time as now, to find one-off jobs in the past (RFC 3339).",
)
@click.option(
    "--secret-names",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_read_names,
    help="A list of the secrets that exist, one name a line: references to others are errors.",
)
def validate(
    paths: tuple[Path, ...],
    output: str,
    excluded: Ignoring,
    *,
    is_staged: bool,
    strict: bool,
    timezone: str,
    now: datetime,
    secret_names: frozenset[str] | None,
) -> None:
    """Check manifests, and report every problem with its location and what to write instead.

    PATHS are files, folders, and - for standard input; the default is jobs.d. Manifests inside ConfigMaps are checked,
    too; other Kubernetes objects are skipped.

    \b
    Examples:
      myscheduler validate jobs.d
      myscheduler validate --strict --format junit jobs.d > report.xml
      helm template ./chart | myscheduler validate -
      myscheduler validate --staged jobs.d
      myscheduler validate --secret-names names.txt jobs.d

    Exits with 0 when there are no problems, 1 when there are, 2 when a path doesn't exist.
    """
    find = partial(find_manifests, zone=timezone, excluded=excluded)
    desired, left_out = _find_staged(paths, find) if is_staged else find(paths)
    problems = check(desired, clock=Clock(now, timezone), secret_names=secret_names)
    found = Findings(desired.jobs, problems, strict, desired.skipped, left_out)
    click.echo(FORMATS[output](found))
    if not desired.jobs and not problems:
        click.echo("warning: no manifests found", err=True)
    raise SystemExit(0 if found.is_valid else 1)


def _find_staged(paths: tuple[Path, ...], find: Callable[[Sequence[Path]], Found]) -> Found:
    from myscheduler.adapters.source.staged import NothingThereError, staged  # noqa: PLC0415 -- for this option only

    if Path("-") in paths:
        raise click.UsageError("--staged can't read standard input")
    try:
        with staged(paths or (Settings().jobs_dir,), documents_named) as copies:
            return find(copies)
    except NothingThereError as error:
        raise _no_path(str(error)) from error
