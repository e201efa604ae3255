"""`myscheduler validate`."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from myscheduler.cli.manifests import coloured, counted, paths_argument, read_manifests
from myscheduler.cli.options import format_option, parse_now_option, timezone_option
from myscheduler.core.known_secrets import read_names, unknown_secrets
from myscheduler.core.manifest import Desired, past_warnings
from myscheduler.core.problem import Problem, Severity


def _read_names(_context: click.Context, _option: click.Parameter, path: Path | None) -> frozenset[str] | None:
    """What the file says; `None` without one."""
    if path is None:
        return None
    try:
        return read_names(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path} is not UTF-8") from None
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: {error}") from None


@click.command()
@paths_argument
@format_option
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@timezone_option
@click.option(
    "--now", metavar="ISO", callback=parse_now_option, help="Judge one-offs in the past as of this moment (RFC 3339)."
)
@click.option(
    "--secret-names",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_read_names,
    help="The names of the secrets that there are, one a line: references to others are errors.",
)
def validate(
    paths: tuple[Path, ...],
    output: str,
    *,
    strict: bool,
    timezone: str,
    now: datetime,
    secret_names: frozenset[str] | None,
) -> None:
    """Check manifests, and say every problem with its place and what to write instead.

    PATHS are files, folders, and - for standard input; jobs.d when left out. ConfigMaps among the documents are looked
    into, other Kubernetes objects are skipped.

    \b
    Examples:
      myscheduler validate jobs.d
      myscheduler validate --strict --format json jobs.d > report.json
      helm template ./chart | myscheduler validate -
      myscheduler validate --secret-names names.txt jobs.d

    Exits with 0 when all is well, 1 when there are problems, 2 when a path doesn't exist.
    """
    desired = read_manifests(paths, zone=timezone)
    warnings = past_warnings(desired.jobs.values(), zone=timezone, now=now)
    unknown = () if secret_names is None else unknown_secrets(desired.jobs.values(), secret_names)
    problems = sorted([*desired.problems, *warnings, *unknown])
    failing = [problem for problem in problems if strict or problem.severity is Severity.ERROR]
    if output == "json":
        _print_json(desired, problems, is_valid=not failing)
    else:
        _print_text(desired, problems)
    if not desired.jobs and not problems:
        click.echo("warning: no manifests found", err=True)
    raise SystemExit(1 if failing else 0)


def _print_json(desired: Desired, problems: list[Problem], *, is_valid: bool) -> None:
    report = {
        "valid": is_valid,
        "jobs": len(desired.jobs),
        "problems": [problem.as_json() for problem in problems],
    }
    click.echo(json.dumps(report, ensure_ascii=False, indent=2))


def _print_text(desired: Desired, problems: list[Problem]) -> None:
    for problem in problems:
        click.echo(coloured(problem))
    others = counted(desired.skipped, "Kubernetes object")
    skipped = f", {others} without manifests skipped" if desired.skipped else ""
    found = ", ".join(_counts(problems)) or "no problems"
    click.echo(f"{counted(len(desired.jobs), 'job')}, {found}{skipped}")


def _counts(problems: list[Problem]) -> Iterator[str]:
    for severity in Severity:
        count = sum(problem.severity is severity for problem in problems)
        if count:
            yield counted(count, severity)
