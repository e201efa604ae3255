"""`myscheduler simulate`."""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from myscheduler.cli.manifests import counted, exit_code, paths_argument, read_manifests, usable_jobs
from myscheduler.cli.options import format_option, parse_timestamp_option, timezone_option
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.history.execution import Status
from myscheduler.core.job.spec import DeclaredInterval, JobSpec
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.core.schedule.zones import local_time
from myscheduler.core.simulate.crowd import Waits
from myscheduler.core.simulate.outlook import WAITING, Event, Outlook, Totals
from myscheduler.core.simulate.scenario import Outage, Scenario
from myscheduler.core.simulate.simulation import Simulation
from myscheduler.errors import ScheduleError

LONGEST = timedelta(days=366)
LATENCY_SEC = 0.5
"""Shorter than the shortest interval, so that runs overlap only if --latency says so."""
_COLOURS = {Status.SKIPPED: "yellow", Status.MISSED: "red", Status.INTERRUPTED: "red", WAITING: "yellow"}
_NAMED_AT_MOST = 5
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
    help="How long each call takes. All succeed.",
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
    is_all: bool,
    output: str,
    timezone: str,
) -> None:
    """Simulate the service with a virtual clock, and show what would run, be skipped, be missed, or be caught up.

    Each job is created at --from. Runs on time are only counted; everything else is listed. The output is always the
    same for the same input, so it suits golden files in CI. PATHS are files, folders, and - for standard input; the
    default is jobs.d.

    \b
    Examples:
      myscheduler simulate jobs.d --from 2026-03-08T00:00:00 --to 2026-03-09T00:00:00
      myscheduler simulate --from 2026-03-02T00:00:00Z --to 2026-03-09T00:00:00Z \\
        --outage 2026-03-04T01:00:00Z/2026-03-04T05:30:00Z --latency 90 --format json

    Exits with 0 on success, 1 when a manifest has errors (the others are simulated), 2 for wrong usage.
    """
    scenario = _scenario(start, until, outages, latency)
    desired = read_manifests(paths, zone=timezone)
    declared = [one.spec for one in usable_jobs(desired) if one.spec is not None]
    specs = [spec for spec in declared if spec.ping is None]
    simulation = Simulation(scenario, zone=timezone, keep_all=is_all)
    found, waits = _of_targets(simulation, specs, desired.limits)
    hidden = len(specs) < _MANY or not sys.stderr.isatty()
    with click.progressbar(specs, label="simulating", file=sys.stderr, hidden=hidden) as bar:
        outlooks = [found.get(spec.job_id) or simulation.outlook(spec) for spec in bar]
    report = _Report(scenario, timezone, specs, outlooks, waits, pinged=len(declared) - len(specs))
    if output == "json":
        click.echo(json_text(report.as_json()))
    else:
        for line in report.as_text():
            click.echo(line)
    raise SystemExit(exit_code(desired))


def _of_targets(
    simulation: Simulation, specs: Iterable[JobSpec], limits: Mapping[str, TargetLimits]
) -> tuple[dict[str, Outlook], dict[str, Waits]]:
    """The outlooks of the jobs of targets that limit their calls, and what the limits did, by target."""
    limited = {name: one for name, one in limits.items() if one.concurrency is not None or one.rate is not None}
    of_target: dict[str, list[JobSpec]] = {}
    for spec in specs:
        if spec.target in limited:
            of_target.setdefault(spec.target, []).append(spec)
    outlooks: dict[str, Outlook] = {}
    waits: dict[str, Waits] = {}
    for name, jobs in sorted(of_target.items()):
        found, waits[name] = simulation.outlooks_of_target(name, limited[name], jobs)
        outlooks |= found
    return outlooks, waits


@dataclass(frozen=True, slots=True)
class _Report:
    """The outlooks of all jobs, as text and as JSON."""

    scenario: Scenario
    timezone: str
    """The time zone of the service."""
    specs: Sequence[JobSpec]
    outlooks: Sequence[Outlook]
    waits: Mapping[str, Waits]
    """What the limits of targets did, by their names."""
    pinged: int
    """How many jobs are left out because they make no calls."""

    def _jobs(self) -> Iterator[tuple[JobSpec, Outlook, str]]:
        for spec, outlook in zip(self.specs, self.outlooks, strict=True):
            yield spec, outlook, spec.timezone or self.timezone

    def _totals(self) -> Totals:
        totals = Totals()
        for outlook in self.outlooks:
            totals.add(outlook.totals)
        return totals

    def _notes(self) -> list[str]:
        floating = [
            spec.job_id
            for spec in self.specs
            if isinstance(spec.schedule, DeclaredInterval) and spec.schedule.anchor is None
        ]
        pinged = [f"jobs that expect pings make no calls, so they are left out: {self.pinged:,}"] if self.pinged else []
        if not floating:
            return pinged
        named = ", ".join(floating[:_NAMED_AT_MOST])
        more = f" and {len(floating) - _NAMED_AT_MOST:,} more" if len(floating) > _NAMED_AT_MOST else ""
        return [f"intervals without an anchor are counted from the start of the simulation: {named}{more}", *pinged]

    def as_json(self) -> dict[str, Any]:
        """Times of a job are in its time zone, all others in that of the service."""
        zone = self.timezone
        return {
            "from": _shown(self.scenario.start, zone),
            "to": _shown(self.scenario.until, zone),
            "outages": [{"from": _shown(start, zone), "to": _shown(end, zone)} for start, end in self.scenario.outages],
            "latency_sec": self.scenario.latency.total_seconds(),
            "notes": self._notes(),
            "jobs": [
                {
                    "job_id": spec.job_id,
                    "timezone": name,
                    **_totals_as_json(outlook.totals),
                    "events": [_event_as_json(event, name) for event in outlook.events],
                }
                for spec, outlook, name in self._jobs()
            ],
            "targets": [
                {
                    "target": name,
                    "calls": one.calls,
                    "waited": one.waited,
                    "longest_wait_sec": one.longest.total_seconds(),
                    "missed": one.missed,
                }
                for name, one in self.waits.items()
            ],
            "totals": _totals_as_json(self._totals()),
        }

    def as_text(self) -> Iterator[str]:
        """The lines of a job depend only on that job, so that a diff shows only the jobs that changed; but for jobs of
        targets that limit their calls.
        """
        zone = self.timezone
        start, until = _shown(self.scenario.start, zone), _shown(self.scenario.until, zone)
        yield f"simulated {start} to {until}, latency {self.scenario.latency.total_seconds():g} s"
        for outage in self.scenario.outages:
            yield f"outage    {_shown(outage.start, zone)} to {_shown(outage.end, zone)}"
        for note in self._notes():
            yield f"note: {styled(note)}"
        yield ""
        for spec, outlook, name in self._jobs():
            yield f"{styled(spec.job_id)}: {_totals_as_text(outlook.totals)}"
            for event in outlook.events:
                yield _event_as_text(event, name)
        if self.specs:
            yield ""
        for target, waits in self.waits.items():
            yield f"target {styled(target)}: {_waits_as_text(waits)}"
        yield f"{counted(len(self.specs), 'job')}: {_totals_as_text(self._totals())}"


def _shown(moment: datetime, zone: str) -> str:
    spec = "auto" if moment.microsecond % 1_000 else "milliseconds" if moment.microsecond else "seconds"
    return local_time(moment, zone).isoformat(timespec=spec)


def _totals_as_json(totals: Totals) -> Mapping[str, Any]:
    return {
        "ran": totals.ran,
        "caught_up": totals.caught_up,
        "skipped": totals.of(Status.SKIPPED),
        "missed": totals.of(Status.MISSED),
        "interrupted": totals.of(Status.INTERRUPTED),
        "waiting": totals.waiting,
    }


def _waits_as_text(waits: Waits) -> str:
    parts = [counted(waits.calls, "call")]
    if waits.waited:
        parts.append(f"{waits.waited:,} waited, the longest for {waits.longest.total_seconds():,g} s")
    if waits.missed:
        parts.append(f"{counted(waits.missed, 'slot')} missed")
    return ", ".join(parts)


def _totals_as_text(totals: Totals) -> str:
    late = {reason: count for reason, count in totals.of(Status.COMPLETED).items() if reason}
    parts = [_part(totals.ran, "ran", late)]
    for status in (Status.SKIPPED, Status.MISSED, Status.INTERRUPTED):
        reasons = totals.of(status)
        if reasons:
            parts.append(_part(sum(reasons.values()), status, reasons))
    if totals.waiting:
        parts.append(_part(totals.waiting, WAITING, {}))
    return ", ".join(parts)


def _part(count: int, what: str, reasons: Mapping[str, int]) -> str:
    """`5 skipped (coalesced 2, overlap 3)`."""
    named = ", ".join(f"{reason} {number:,}" for reason, number in reasons.items())
    return f"{count:,} {what}" + (f" ({named})" if named else "")


def _event_as_json(event: Event, zone: str) -> Mapping[str, Any]:
    return {
        "status": event.status,
        "reason": event.reason,
        "first": _shown(event.first, zone),
        "last": _shown(event.last, zone),
        "count": event.count,
        "sent_at": event.sent_at and _shown(event.sent_at, zone),
    }


def _event_as_text(event: Event, zone: str) -> str:
    """One event. Column widths are fixed, so that a line never depends on others."""
    status = click.style(f"{event.status:<11}", fg=_COLOURS.get(event.status))
    slots = _shown(event.first, zone)
    if event.count > 1:
        slots += f" to {_shown(event.last, zone)}, {event.count:,} slots"
    late = f", sent {_shown(event.sent_at, zone)}" if event.sent_at not in {None, event.first} and event.sent_at else ""
    return f"  {status}  {event.reason or '':<9}  {slots}{late}"
