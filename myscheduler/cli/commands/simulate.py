"""`myscheduler simulate`."""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import click

from myscheduler.cli.assuming import Given, durations_option
from myscheduler.cli.manifests import exit_code, paths_argument, read_manifests, usable_jobs
from myscheduler.cli.options import format_option, parse_timestamp_option, timezone_option
from myscheduler.cli.output.simulation_report import SimulationReport
from myscheduler.cli.output.terminal import json_text
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.core.simulate.assumptions import Assumptions
from myscheduler.core.simulate.linked import limiting, linked_jobs
from myscheduler.core.simulate.scenario import Outage, Scenario
from myscheduler.core.simulate.simulation import Simulation
from myscheduler.errors import ScheduleError

LONGEST = timedelta(days=366)
LATENCY_SEC = 0.5
"""Shorter than the shortest interval, so that runs overlap only if --latency says so."""
_MANY = 50
"""From this number of jobs on, a progress bar is shown."""


def _parse_outages(context: click.Context, option: click.Parameter, values: Sequence[str]) -> tuple[Outage, ...]:
    """Parse outages (ISO 8601 intervals), and sort them by start. Refuse outages that overlap or touch."""
    outages = sorted(_parse_outage(context, option, value) for value in values)
    for before, after in pairwise(outages):
        if after.start <= before.end:
            shown = f"{before.end.isoformat()} and {after.start.isoformat()}"
            raise click.BadParameter(f"two outages overlap or touch ({shown}): write them as one", context, option)
    return tuple(outages)


def _parse_outage(context: click.Context, option: click.Parameter, value: str) -> Outage:
    edges = value.split("/")
    if len(edges) != 2:
        message = f"{value!r} is not a pair of timestamps: write one as 2026-03-08T01:30:00/2026-03-08T04:00:00"
        raise click.BadParameter(message, context, option)
    try:
        start, end = (parse_timestamp(edge, context.params["timezone"]) for edge in edges)
    except ScheduleError as error:
        raise click.BadParameter(f"{value!r}: {error}", context, option) from error
    if end <= start:
        raise click.BadParameter(f"{value!r} ends before it starts: write the earlier timestamp first", context, option)
    return Outage(start, end)


def _refuse_nan(_context: click.Context, _option: click.Parameter, value: float) -> float:
    """Refuse NaN, which click's FloatRange accepts."""
    if math.isnan(value):
        raise click.BadParameter("write a number of seconds")
    return value


def _scenario(start: datetime, until: datetime, outages: tuple[Outage, ...], latency: float) -> Scenario:
    """Without assumptions: these need the jobs."""
    if until <= start:
        raise click.BadParameter("must be later than --from", param_hint="'--to'")
    if until - start > LONGEST:
        raise click.BadParameter(f"must be at most {LONGEST.days} days after --from", param_hint="'--to'")
    for outage in outages:
        if outage.start < start or outage.end >= until:
            message = (
                f"{outage.start.isoformat()}/{outage.end.isoformat()} must start at or after --from and end before --to"
            )
            raise click.BadParameter(message, param_hint="'--outage'")
    return Scenario(start, until, timedelta(seconds=latency), outages)


@click.command()
@paths_argument
@timezone_option
@click.option(
    "--from",
    "start",
    metavar="ISO",
    required=True,
    callback=parse_timestamp_option,
    help="The start of the simulation (RFC 3339, or local time of --timezone).",
)
@click.option(
    "--to",
    "until",
    metavar="ISO",
    required=True,
    callback=parse_timestamp_option,
    help=f"The end of the simulation, exclusive; at most {LONGEST.days} days after --from.",
)
@click.option(
    "--outage",
    "outages",
    metavar="ISO/ISO",
    multiple=True,
    callback=_parse_outages,
    help="The service is killed at the first time and starts again at the second. May be repeated.",
)
@click.option(
    "--latency",
    metavar="SECONDS",
    type=click.FloatRange(0, 86_400),
    default=LATENCY_SEC,
    show_default=True,
    callback=_refuse_nan,
    help="How long each call takes.",
)
@click.option(
    "--fail",
    "failing",
    metavar="JOB[@ISO]",
    multiple=True,
    help="All attempts of the job fail, at that slot (RFC 3339, or local time of the job) or always. May be repeated.",
)
@durations_option
@click.option(
    "--extract",
    "extracted",
    metavar="JOB.NAME=JSON",
    multiple=True,
    help="The value that the job hands on when it completes, for conditions (when). May be repeated.",
)
@click.option("--all", "is_all", is_flag=True, help="List runs that were on time, too.")
@format_option
def simulate(
    paths: tuple[Path, ...],
    start: datetime,
    until: datetime,
    outages: tuple[Outage, ...],
    *,
    latency: float,
    failing: tuple[str, ...],
    durations: tuple[str, ...],
    extracted: tuple[str, ...],
    is_all: bool,
    output: str,
    timezone: str,
) -> None:
    """Simulate the service with a virtual clock, and show what would run, be skipped, be missed, or be caught up.

    Each job is created at --from. Runs on time are only counted; everything else is listed. Jobs that run after others
    are listed by chain; chains in a row that go alike are listed once. The output is always the same for the same
    input, so it suits golden files in CI. PATHS are files, folders, and - for standard input; the default is jobs.d.

    \b
    Examples:
      myscheduler simulate jobs.d --from 2026-03-08T00:00:00 --to 2026-03-09T00:00:00
      myscheduler simulate --from 2026-03-02T00:00:00Z --to 2026-03-09T00:00:00Z \\
        --outage 2026-03-04T01:00:00Z/2026-03-04T05:30:00Z --latency 90 --format json
      myscheduler simulate --from 2026-03-02T00:00:00 --to 2026-03-04T00:00:00 \\
        --fail extract@2026-03-02T02:00:00 --duration load=5m

    Exits with 0 on success, 1 when a manifest has errors (the others are simulated), 2 for wrong usage.
    """
    scenario = _scenario(start, until, outages, latency)
    desired = read_manifests(paths, zone=timezone)
    declared = [one.spec for one in usable_jobs(desired) if one.spec is not None]
    specs = [spec for spec in declared if spec.ping is None]
    given = Given(specs, scenario, zone=timezone)
    assumed = Assumptions(given.failing(failing), given.durations(durations), given.extracted(extracted))
    scenario = replace(scenario, assumed=assumed)
    simulation = Simulation(scenario, zone=timezone, keep_all=is_all)
    limits = limiting(desired.limits, specs, assumed.failing)
    together = [simulation.together(group, limits) for group in linked_jobs(specs, limits, assumed.failing)]
    found = {job_id: outlook for one in together for job_id, outlook in one.outlooks.items()}
    hidden = len(specs) < _MANY or not sys.stderr.isatty()
    with click.progressbar(specs, label="simulating", file=sys.stderr, hidden=hidden) as bar:
        outlooks = [found.get(spec.job_id) or simulation.outlook(spec) for spec in bar]
    waits = dict(sorted((name, one) for each in together for name, one in each.waits.items()))
    chains = sorted((one for each in together for one in each.chains), key=lambda one: (one.root, one.first))
    report = SimulationReport(scenario, timezone, specs, outlooks, waits, chains, pinged=len(declared) - len(specs))
    if output == "json":
        click.echo(json_text(report.as_json()))
    else:
        for line in report.as_text():
            click.echo(line)
    raise SystemExit(exit_code(desired))
