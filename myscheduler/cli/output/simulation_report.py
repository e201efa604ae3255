"""What `simulate` prints: the outlooks of jobs and chains, as text and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from myscheduler.cli.manifests import counted
from myscheduler.cli.output.simulated_chains import COLOURS, chain_as_json, chain_as_text, shown_at, shown_seconds
from myscheduler.cli.output.terminal import styled
from myscheduler.core.chains.links import linked_to
from myscheduler.core.history.execution import Status
from myscheduler.core.job.spec import DeclaredInterval, JobSpec
from myscheduler.core.simulate.calls import Waits
from myscheduler.core.simulate.chained import ChainOutlook
from myscheduler.core.simulate.chained import counted as counted_chains
from myscheduler.core.simulate.outlook import WAITING, Event, Outlook, Totals
from myscheduler.core.simulate.scenario import Scenario

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """The outlooks of all jobs and chains, as text and as JSON."""

    scenario: Scenario
    timezone: str
    """The time zone of the service."""
    specs: Sequence[JobSpec]
    outlooks: Sequence[Outlook]
    waits: Mapping[str, Waits]
    """What the limits of targets did, by their names."""
    chains: Sequence[ChainOutlook]
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
        unknown = self.scenario.assumed.unknown(self.specs)
        conditions = [f"{job_id} ({name} of {parent})" for job_id, parent, name in unknown]
        requiring = [spec.job_id for spec in self.specs if spec.requires]
        known = {spec.job_id for spec in self.specs}
        alone = [
            f"{spec.job_id} ({one})"
            for spec in self.specs
            for one in dict.fromkeys(linked_to(spec))
            if one not in known
        ]
        lengths = self.scenario.assumed.durations
        slow = [one.job_id for one in self.specs if one.job_id in lengths and _is_cut_off(one, lengths[one.job_id])]
        notes = [
            ("intervals without an anchor are counted from the start of the simulation", floating),
            ("conditions on values that --extract doesn't give hold if the job before completes", conditions),
            ("calls that take longer than timeout_sec are not cut off here", slow),
            ("requirements count only what completes in the simulated time", requiring),
            ("linked to a job that is not simulated here, and so never runs", alone),
        ]
        found = [f"{what}: {_named(names)}" for what, names in notes if names]
        pinged = [f"jobs that expect pings make no calls, so they are left out: {self.pinged:,}"] if self.pinged else []
        return found + pinged

    def _assumed(self) -> Iterator[str]:
        """The lines on what is assumed of single jobs."""
        assumed, zones = self.scenario.assumed, {spec.job_id: zone for spec, _, zone in self._jobs()}
        for job_id, slots in sorted(assumed.failing.items()):
            when = "always" if slots is None else ", ".join(shown_at(one, zones[job_id]) for one in sorted(slots))
            yield f"fails     {styled(job_id)}: {when}"
        for job_id, length in sorted(assumed.durations.items()):
            yield f"takes     {styled(job_id)}: {shown_seconds(length)}"
        for job_id, values in sorted(assumed.extracted.items()):
            named = ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
            yield f"hands on  {styled(job_id)}: {styled(named)}"

    def as_json(self) -> dict[str, Any]:
        """Times of a job are in its time zone, all others in that of the service."""
        zone = self.timezone
        return {
            "from": shown_at(self.scenario.start, zone),
            "to": shown_at(self.scenario.until, zone),
            "outages": [
                {"from": shown_at(start, zone), "to": shown_at(end, zone)} for start, end in self.scenario.outages
            ],
            "latency_sec": self.scenario.latency.total_seconds(),
            "assumed": self._assumed_as_json(),
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
            "chains": [chain_as_json(one, self._zone_of(one)) for one in self.chains],
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

    def _assumed_as_json(self) -> Mapping[str, Any]:
        assumed, zones = self.scenario.assumed, {spec.job_id: zone for spec, _, zone in self._jobs()}
        return {
            "failing": {
                job_id: None if slots is None else [shown_at(one, zones[job_id]) for one in sorted(slots)]
                for job_id, slots in sorted(assumed.failing.items())
            },
            "durations_sec": {job_id: one.total_seconds() for job_id, one in sorted(assumed.durations.items())},
            "extracted": dict(sorted(assumed.extracted.items())),
        }

    def _zone_of(self, one: ChainOutlook) -> str:
        """The zone of the job with which a chain begins."""
        return next((spec.timezone for spec in self.specs if spec.job_id == one.root), None) or self.timezone

    def as_text(self) -> Iterator[str]:
        """The lines of a job depend only on that job, so that a diff shows only the jobs that changed; but for those
        that are linked, or share a target that limits their calls.
        """
        zone = self.timezone
        start, until = shown_at(self.scenario.start, zone), shown_at(self.scenario.until, zone)
        yield f"simulated {start} to {until}, latency {self.scenario.latency.total_seconds():g} s"
        for outage in self.scenario.outages:
            yield f"outage    {shown_at(outage.start, zone)} to {shown_at(outage.end, zone)}"
        yield from self._assumed()
        for note in self._notes():
            yield f"note: {styled(note)}"
        yield ""
        for spec, outlook, name in self._jobs():
            yield f"{styled(spec.job_id)}: {_totals_as_text(outlook.totals)}"
            for event in outlook.events:
                yield _event_as_text(event, name)
        for chain in self.chains:
            yield ""
            yield from chain_as_text(chain, self._zone_of(chain))
        if self.specs:
            yield ""
        for target, waits in self.waits.items():
            yield f"target {styled(target)}: {_waits_as_text(waits)}"
        yield f"{counted(len(self.specs), 'job')}: {_totals_as_text(self._totals())}"
        if self.chains:
            counts = counted_chains(self.chains)
            states = ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items()))
            yield f"{counted(sum(counts.values()), 'chain')}: {states}"


def _is_cut_off(spec: JobSpec, length: timedelta) -> bool:
    """Whether a call that takes so long ends before, by the timeout of its job."""
    return length > timedelta(seconds=spec.timeout_sec)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED_AT_MOST:,} more" if len(names) > _NAMED_AT_MOST else ""
    return ", ".join(names[:_NAMED_AT_MOST]) + more


def _totals_as_json(totals: Totals) -> Mapping[str, Any]:
    return {
        "ran": totals.ran,
        "caught_up": totals.caught_up,
        "failed": totals.failed,
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
    for status in (Status.FAILED, Status.SKIPPED, Status.MISSED, Status.INTERRUPTED):
        reasons = totals.of(status)
        if reasons:
            named = {reason: count for reason, count in reasons.items() if reason}
            parts.append(_part(sum(reasons.values()), status, named))
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
        "first": shown_at(event.first, zone),
        "last": shown_at(event.last, zone),
        "count": event.count,
        "sent_at": event.sent_at and shown_at(event.sent_at, zone),
    }


def _event_as_text(event: Event, zone: str) -> str:
    """One event. Column widths are fixed, so that a line never depends on others."""
    status = click.style(f"{event.status:<11}", fg=COLOURS.get(event.status))
    slots = shown_at(event.first, zone)
    if event.count > 1:
        slots += f" to {shown_at(event.last, zone)}, {event.count:,} slots"
    late = (
        f", sent {shown_at(event.sent_at, zone)}" if event.sent_at not in {None, event.first} and event.sent_at else ""
    )
    return f"  {status}  {event.reason or '':<9}  {slots}{late}"
