"""What becomes of the incident of a shared target, by how its circuit stands. A pure decision.

The circuit is in memory, and closed after a restart. So an incident that was open then goes on until a call shows that
the target works, or the circuit opens again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from myscheduler.core.calls.breaker import Circuit
from myscheduler.core.incidents.incident import EndReason, Incident, IncidentKind
from myscheduler.core.incidents.judging import Begun, Continued, Ended, Step


@dataclass(frozen=True, slots=True)
class Standing:
    """How a shared target stands."""

    circuit: Circuit | None
    """`None` without a breaker."""
    opened_at: datetime | None = None
    failures: int = 0
    why: str | None = None
    is_alive: bool = False
    """Whether a call has shown since the start that the target works."""

    @property
    def is_open(self) -> bool:
        return self.circuit in {Circuit.OPEN, Circuit.HALF_OPEN}


def judge_circuit(
    target: str,
    known: Incident | None,
    standing: Standing | None,
    *,
    is_called: bool,
    now: datetime,
    new_id: Callable[[datetime], str],
) -> Iterator[Step]:
    """The change of the target's incident, if any; `standing` is `None` if it is not declared, and `is_called` says
    whether any job names it.
    """
    if standing is not None and standing.is_open:
        yield from _open(target, known, standing, now, new_id)
    elif known is not None and (why := _end(standing, is_called=is_called)) is not None:
        yield Ended(replace(known, ended_at=now, end_reason=why))


def _open(
    target: str, known: Incident | None, standing: Standing, now: datetime, new_id: Callable[[datetime], str]
) -> Iterator[Step]:
    if known is None:
        yield Begun(
            Incident(
                new_id(now),
                target,
                IncidentKind.CIRCUIT,
                began_at=standing.opened_at or now,
                noticed_at=now,
                failures=standing.failures,
                error=standing.why,
            )
        )
        return
    grown = replace(
        known,
        failures=max(known.failures, standing.failures),  # it counts anew after a restart
        error=standing.why or known.error,
    )
    if grown != known:
        yield Continued(grown)


def _end(standing: Standing | None, *, is_called: bool) -> EndReason | None:
    """Why the incident of a target is over whose circuit is not open."""
    if standing is None:
        return EndReason.REMOVED
    if standing.circuit is None or not (standing.is_alive or is_called):
        return EndReason.UNWATCHED
    return EndReason.RECOVERED if standing.is_alive else None
