"""Options that say what is assumed of the calls of jobs."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from myscheduler.core.chains.graph import Graph, chained
from myscheduler.core.findings.problem import did_you_mean, shown
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.schedule.slots import TICK, next_after
from myscheduler.core.schedule.timestamps import parse_timestamp, span_of
from myscheduler.core.simulate.scenario import Scenario
from myscheduler.errors import ScheduleError

LONGEST_CALL = timedelta(days=1)
_SPAN = re.compile(r"(?=\d)(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,7}(?:\.\d{1,3})?)s?)?", re.ASCII)
_EXTRACT = re.compile(r"(?P<job>.+?)\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.ASCII | re.DOTALL)

durations_option = click.option(
    "--duration",
    "durations",
    metavar="JOB=TIME",
    multiple=True,
    help="How long a call of the job takes, such as load=5m. May be repeated.",
)


def durations_of(values: Sequence[str], specs: Iterable[JobSpec]) -> Mapping[str, timedelta]:
    """The values of `--duration`. Raises `BadParameter` for an unknown job, or what is no time."""
    jobs = {spec.job_id: spec for spec in specs}
    found = {}
    for value in values:
        job_id, equals, text = value.rpartition("=")
        if not equals:
            raise _wrong("--duration", value, "is not of the form JOB=TIME, such as load=5m")
        _check_known("--duration", job_id, jobs)
        found[job_id] = _span(value, text)
    return found


class Given:
    """Reads the options that say how calls end, for a simulation of these jobs. All raise `BadParameter`."""

    def __init__(self, specs: Sequence[JobSpec], scenario: Scenario, *, zone: str) -> None:
        """`zone` is the service's."""
        self._jobs = {spec.job_id: spec for spec in specs}
        self._scenario = scenario
        self._zone = zone

    def durations(self, values: Sequence[str]) -> Mapping[str, timedelta]:
        """The values of `--duration`."""
        return durations_of(values, self._jobs.values())

    def failing(self, values: Sequence[str]) -> Mapping[str, frozenset[datetime] | None]:
        """The values of `--fail`."""
        found: dict[str, frozenset[datetime] | None] = {}
        for value in values:
            job_id, at, text = value.rpartition("@")
            if value in self._jobs or not at:
                _check_known("--fail", value, self._jobs)
                found[value] = None
                continue
            _check_known("--fail", job_id, self._jobs)
            known = found.get(job_id, frozenset())
            if known is not None:
                found[job_id] = known | {self._slot(value, job_id, text)}
        return found

    def _slot(self, value: str, job_id: str, text: str) -> datetime:
        zone = self._jobs[job_id].timezone or self._zone
        try:
            slot = parse_timestamp(text, zone)
        except ScheduleError as error:
            raise _wrong("--fail", value, str(error), sep=": ") from error
        if not self._scenario.start <= slot < self._scenario.until:
            raise _wrong("--fail", value, "is not between --from and --to")
        afters = {one: after for one, spec in self._jobs.items() if (after := chained(spec)[0]) is not None}
        roots = sorted(Graph(afters).roots(job_id) & self._jobs.keys())
        if not any(self._has_slot(self._jobs[root], slot) for root in roots):
            named = shown(job_id) if roots in ([], [job_id]) else " and ".join(map(shown, roots))
            raise _wrong("--fail", value, f"is no time at which {named} has a slot; see myscheduler preview")
        return slot

    def _has_slot(self, spec: JobSpec, slot: datetime) -> bool:
        schedule = compile_schedule(spec, zone=self._zone, created_at=self._scenario.start)
        return next_after(schedule, slot - TICK) == slot

    def extracted(self, values: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """The values of `--extract`."""
        found: dict[str, dict[str, Any]] = {}
        for value in values:
            parts = _EXTRACT.fullmatch(value)
            if parts is None:
                raise _wrong("--extract", value, "is not of the form JOB.NAME=VALUE, such as extract.rows=0")
            job_id, name = parts["job"], parts["name"]
            _check_known("--extract", job_id, self._jobs)
            names = [one for one, _ in self._jobs[job_id].extract]
            if name not in names:
                has = f"only {', '.join(names)}" if names else "nothing"
                raise _wrong("--extract", value, f"names a value that {shown(job_id)} doesn't extract: it has {has}")
            found.setdefault(job_id, {})[name] = _json_or_text(parts["value"])
        return found


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _span(value: str, text: str) -> timedelta:
    parts = _SPAN.fullmatch(text.strip().lower())
    try:
        hours, minutes, seconds = parts.groups("0") if parts else ("0", "0", "0")
        length = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)) if parts else span_of(text)
    except ScheduleError as error:
        raise _wrong("--duration", value, "has no time such as 90s, 5m, 1h30m or PT5M") from error
    if length > LONGEST_CALL:
        raise _wrong("--duration", value, f"is more than {LONGEST_CALL.days * 24} hours")
    return length


def _check_known(option: str, job_id: str, jobs: Mapping[str, JobSpec]) -> None:
    if job_id not in jobs:
        raise _wrong(option, job_id, f"is no job of these manifests that makes calls{did_you_mean(job_id, jobs)}")


def _wrong(option: str, value: str, what: str, *, sep: str = " ") -> click.BadParameter:
    return click.BadParameter(f"{shown(value)}{sep}{what}", param_hint=f"'{option}'")
