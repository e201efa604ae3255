"""Writes the metrics of jobs, a hundred thousand lines for ten thousand jobs: so it does nothing but join texts.

The lines are the same in both formats; only the heads of the families differ (and in OpenMetrics the end).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.findings.masking import masked_text
from myscheduler.core.history.budget import SHARES, Budget
from myscheduler.core.job.job import Job
from myscheduler.core.metrics import families
from myscheduler.core.metrics.families import Family, Kind
from myscheduler.service.dispatch.tallies import JobTally

LINES = 2_000
"""The most lines in one piece of text, so that encoding one never holds other threads for long."""
_NOTHING = JobTally()


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What the lines of a job say."""

    job: Job
    next_run: datetime | None
    deadline: datetime | None
    tally: JobTally | None
    """`None` if nothing is known of its results."""
    budget: Budget | None
    """`None` without an objective, or if it is not read yet."""


def pieces(facts: Sequence[JobFacts], labels: Mapping[str, str], *, is_openmetrics: bool) -> Iterator[bytes]:
    """The text in pieces. `labels` are the names in `job_info` of those labels of jobs that it has."""
    rows = [(f'job_id="{escaped(one.job.job_id)}"', one) for one in facts]
    for family in families.OF_JOBS:
        yield _head(family, is_openmetrics=is_openmetrics)
        lines = _info(rows, labels) if family is families.JOB else _lines(family, rows)
        yield from _encoded(lines)
    if is_openmetrics:
        yield b"# EOF\n"


def escaped(value: str) -> str:
    """A value of a label, as both formats escape it."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


_Row = tuple[str, JobFacts]
_Value = Callable[[JobTally], float | None]


def _moment(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


_OF_TALLY: Mapping[Family, _Value] = {
    families.JOB_LAST_SUCCESS: lambda tally: _moment(tally.last_success),
    families.JOB_LAST_FAILURE: lambda tally: _moment(tally.last_failure),
    families.JOB_CONSECUTIVE_FAILURES: lambda tally: tally.consecutive_failures,
    families.JOB_LAST_DURATION: lambda tally: tally.last_duration_sec,
}


def _lines(family: Family, rows: Iterable[_Row]) -> Iterator[str]:
    name = family.sample
    if family is families.JOB_PAUSED:
        return (f"{name}{{{job}}} {int(one.job.is_paused)}\n" for job, one in rows)
    if family is families.JOB_NEXT_RUN:
        return (f"{name}{{{job}}} {one.next_run.timestamp()}\n" for job, one in rows if one.next_run)
    if family is families.JOB_DEADLINE:
        return (f"{name}{{{job}}} {one.deadline.timestamp()}\n" for job, one in rows if one.deadline)
    if family is families.JOB_EXECUTIONS:
        return _results(name, rows)
    if family is families.JOB_BUDGET:
        return (f"{name}{{{job}}} {one.budget.left}\n" for job, one in rows if one.budget)
    if family is families.JOB_BURN:
        return _burns(name, rows)
    read = _OF_TALLY[family]
    values = ((job, read(one.tally or _NOTHING)) for job, one in rows)
    return (f"{name}{{{job}}} {value}\n" for job, value in values if value is not None)


def _results(name: str, rows: Iterable[_Row]) -> Iterator[str]:
    for job, one in rows:
        tally = one.tally or _NOTHING
        yield (
            f'{name}{{{job},result="success"}} {tally.succeeded}\n'
            f'{name}{{{job},result="failure"}} {tally.failed}\n'
            f'{name}{{{job},result="not_run"}} {tally.not_run}\n'
        )


def _burns(name: str, rows: Iterable[_Row]) -> Iterator[str]:
    for job, one in rows:
        for share, burn in zip(SHARES, one.budget.burns if one.budget else (), strict=False):
            if burn.rate is not None:
                yield f'{name}{{{job},window="1/{share}"}} {burn.rate}\n'


def _info(rows: Iterable[_Row], labels: Mapping[str, str]) -> Iterator[str]:
    """Labels that a job does not have are left out, which means the same as an empty value."""
    for job, one in rows:
        given = one.job.spec.labels
        own = "".join(
            f',{name}="{escaped(masked_text(given[label]))}"' for label, name in labels.items() if label in given
        )
        yield f'{families.JOB.sample}{{{job},owner="{one.job.owner.value}"{own}}} 1\n'


def _head(family: Family, *, is_openmetrics: bool) -> bytes:
    name, kind = family.name, family.kind
    if not is_openmetrics:
        name, kind = family.sample, Kind.GAUGE if kind is Kind.INFO else kind
    return f"# HELP {name} {family.help}\n# TYPE {name} {kind.value}\n".encode()


def _encoded(lines: Iterator[str]) -> Iterator[bytes]:
    batch: list[str] = []
    for line in lines:
        batch.append(line)
        if len(batch) == LINES:
            yield "".join(batch).encode()
            batch.clear()
    if batch:
        yield "".join(batch).encode()
