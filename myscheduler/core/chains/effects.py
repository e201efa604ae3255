"""What follows for other jobs if a job is paused or deleted, to be told before it is done. A pure computation."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from myscheduler.core.chains.graph import Graph, by_depth
from myscheduler.core.chains.reaching import below_any
from myscheduler.core.findings.problem import shown
from myscheduler.messages.message import said

NAMED = 5
"""The most jobs that one sentence names."""


class Effect(StrEnum):
    """What becomes of a job below."""

    SKIPPED = "skipped"
    """It does not run: its rows have the reason `upstream-skipped`."""
    RUNS = "runs"
    """It runs nevertheless: it says `if_skipped: run`, or another job that it runs after starts it."""
    NEVER = "never"
    """Nothing starts it any more, except by hand."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A job that does not run as it would, or that runs although a job before it does not."""

    job_id: str
    effect: Effect


def effects_of_pause(graph: Graph, job_ids: Collection[str]) -> tuple[Affected, ...]:
    """What becomes of the jobs below these if these are paused, whatever others do: none comes before its parents.

    Jobs whose parents all run as before are left out.
    """
    return _effects(graph, dict.fromkeys(job_ids, Effect.SKIPPED))


def effects_of_removal(graph: Graph, job_ids: Collection[str]) -> tuple[Affected, ...]:
    """The same if these are deleted. The jobs below keep their edges to them, which nothing meets any more."""
    return _effects(graph, dict.fromkeys(job_ids, Effect.NEVER))


def _effects(graph: Graph, states: dict[str, Effect]) -> tuple[Affected, ...]:
    """`states` are the jobs that are acted on; a job that is not in it runs as before."""
    below = below_any(graph, states) - states.keys()
    acted_on = set(states)
    for job_id, _ in sorted(by_depth(graph, below | acted_on), key=lambda one: (one[1], one[0])):
        if job_id not in acted_on and (effect := _effect_on(graph, job_id, states)) is not None:
            states[job_id] = effect
    return tuple(Affected(job_id, effect) for job_id, effect in states.items() if job_id not in acted_on)


def _effect_on(graph: Graph, job_id: str, states: dict[str, Effect]) -> Effect | None:
    """`None` if it runs as before. Of the others that it runs after, the best is assumed."""
    after = graph.afters[job_id]
    stopped = [states[one] for one in after.jobs if states.get(one) in {Effect.SKIPPED, Effect.NEVER}]
    if not stopped:
        return None
    if len(stopped) == len(after.jobs) and all(one is Effect.NEVER for one in stopped):
        return Effect.NEVER
    if after.if_skipped == "run" or (after.join == "any" and len(stopped) < len(after.jobs)):
        return Effect.RUNS
    return Effect.SKIPPED


def effects_notes(affected: Sequence[Affected]) -> list[str]:
    """The effects in sentences, one for each kind."""
    by_effect = {effect: [one.job_id for one in affected if one.effect is effect] for effect in Effect}
    return [named(_CODES[effect], job_ids) for effect, job_ids in by_effect.items() if job_ids]


_CODES = {Effect.SKIPPED: "effects-skipped", Effect.RUNS: "effects-run", Effect.NEVER: "effects-never"}


def named(code: str, job_ids: Sequence[str]) -> str:
    """A sentence of the catalogue about these jobs (`count`, `jobs`, `more`), of which it names the first few."""
    more = said("and-count-more", count=len(job_ids) - NAMED) if len(job_ids) > NAMED else ""
    return said(code, count=len(job_ids), jobs=[shown(one) for one in job_ids[:NAMED]], more=more)
