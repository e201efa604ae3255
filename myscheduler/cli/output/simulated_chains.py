"""Simulated chains, as text and as JSON."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from myscheduler.cli.output.terminal import styled
from myscheduler.core.history.execution import Status
from myscheduler.core.schedule.zones import local_time
from myscheduler.core.simulate.chained import ChainOutlook, ChainStep
from myscheduler.core.simulate.outlook import WAITING

COLOURS: Mapping[str, str] = {
    Status.SKIPPED: "yellow",
    Status.MISSED: "red",
    Status.FAILED: "red",
    Status.INTERRUPTED: "red",
    WAITING: "yellow",
}


def chain_as_json(chain: ChainOutlook, zone: str) -> Mapping[str, Any]:
    """Slots are in the zone of the job with which the chain begins."""
    return {
        "chain_id": _chain_id(chain, zone),
        "root": chain.root,
        "first": shown_at(chain.first, zone),
        "last": shown_at(chain.last, zone),
        "count": chain.count,
        "status": chain.status,
        "executions": [
            {
                "job_id": step.job_id,
                "status": step.status,
                "reason": step.reason,
                "parent": step.parent,
                "sent_after_sec": _seconds(step.sent_after),
                "ended_after_sec": _seconds(step.ended_after),
            }
            for step in chain.steps
        ],
    }


def chain_as_text(chain: ChainOutlook, zone: str) -> Iterator[str]:
    """A chain, or several that went alike: a line for each job."""
    many = f" to {shown_at(chain.last, zone)}, {chain.count:,} chains" if chain.count > 1 else ""
    status = click.style(chain.status, fg=COLOURS.get(chain.status))
    yield f"chain {styled(_chain_id(chain, zone))}{many}: {status}"
    for step in chain.steps:
        yield _step(step)


def _step(step: ChainStep) -> str:
    status = click.style(f"{step.status:<11}", fg=COLOURS.get(step.status))
    told = [f"after {step.parent}" if step.parent else None]
    told.append(None if step.sent_after is None else f"sent +{shown_seconds(step.sent_after)}")
    told.append(None if step.ended_after is None else f"ended +{shown_seconds(step.ended_after)}")
    return f"  {status}  {step.reason or '':<16}  {styled(step.job_id)}: {styled(', '.join(filter(None, told)))}"


def _chain_id(chain: ChainOutlook, zone: str) -> str:
    """Simulated executions have no ids that mean anything, so a chain is named as `--fail` names its first one."""
    return f"{chain.root}@{shown_at(chain.first, zone)}"


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def shown_seconds(length: timedelta) -> str:
    """`0.5 s`, `1,800 s`."""
    return f"{length.total_seconds():,.3f}".rstrip("0").rstrip(".") + " s"


def shown_at(moment: datetime, zone: str) -> str:
    """The time in that zone, with its offset."""
    spec = "auto" if moment.microsecond % 1_000 else "milliseconds" if moment.microsecond else "seconds"
    return local_time(moment, zone).isoformat(timespec=spec)
