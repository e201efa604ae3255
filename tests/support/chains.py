"""Chains in small: jobs that run after others, and a model of what a run of them comes to.

The model knows only what each job declares and how each ends if it runs. It goes through the jobs once, parents first,
so no order of ends is in it.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from hypothesis import strategies as st

from myscheduler.core.chains.following import Ended, Follower
from myscheduler.core.chains.judging import End
from myscheduler.core.history.execution import Status
from myscheduler.core.job.after import DeclaredAfter, Edge, When
from myscheduler.core.job.expect import At, matchers_from_json

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
ROOT = "j0"
SENT = (Status.COMPLETED, Status.FAILED, Status.INTERRUPTED)
ROWS = (At("/rows", matchers_from_json({"gt": 0})),)
"""The condition that a job handed on some rows."""


def after(*edges: str, join: str = "all", when: str | None = None, if_skipped: str = "skip") -> DeclaredAfter:
    """What a job declares: edges such as `a`, `a:failure`, and the job of which it wants rows."""
    named = (one.partition(":") for one in edges)
    pairs = tuple(Edge(job, on or "success") for job, _, on in named)  # type: ignore[arg-type]
    condition = None if when is None else When(when, ROWS)
    return DeclaredAfter(pairs, join, condition, if_skipped)  # type: ignore[arg-type]


@dataclass(frozen=True)
class World:
    """Jobs `j0`, `j1`, …, each after some of those before it, and how each ends if it runs."""

    afters: Mapping[str, DeclaredAfter]
    ends: Mapping[str, Status]
    """`SKIPPED` for one that is paused."""
    rows: Mapping[str, int]
    """What each hands on if it completes."""

    def end_of(self, job_id: str, execution_id: str) -> End:
        status = self.ends[job_id]
        handed = {"rows": self.rows[job_id]} if status is Status.COMPLETED else None
        return End(execution_id, status, handed)

    def comes_to(self) -> dict[str, Status]:
        """How each job of the chain that `j0` begins ends."""
        states = {ROOT: self.ends[ROOT]}
        for job_id in sorted(self.afters, key=lambda one: int(one[1:])):
            declared = self.afters[job_id]
            if any(one in states for one in declared.jobs):
                states[job_id] = self.ends[job_id] if self._runs(declared, states) else Status.SKIPPED
        return states

    def _runs(self, declared: DeclaredAfter, states: Mapping[str, Status]) -> bool:
        met = [_is_met(edge, declared, states.get(edge.job, Status.SKIPPED)) for edge in declared.edges]
        wanted = declared.when
        holds = wanted is None or (states.get(wanted.job) is Status.COMPLETED and self.rows[wanted.job] > 0)
        return holds and (any(met) if declared.join == "any" else all(met))


def _is_met(edge: Edge, declared: DeclaredAfter, state: Status) -> bool:
    if state is Status.SKIPPED:
        return declared.if_skipped == "run"
    return edge.on == "always" or (edge.on == "success") == (state is Status.COMPLETED)


def some_world(rng: Random, most: int = 5) -> World:
    """Any jobs without a cycle: those below `j0`, and some that only hang beside them."""
    names = [f"j{number}" for number in range(rng.randint(2, most))]
    afters = {}
    for number in range(1, len(names)):
        if number > 1 and rng.randrange(8) == 0:
            continue  # it runs after nothing
        parents = rng.sample(names[:number], rng.randint(1, min(3, number)))
        edges = [f"{one}:{rng.choice(['success', 'failure', 'always'])}" for one in parents]
        join, if_skipped = rng.choice(["all", "any"]), rng.choice(["skip", "run"])
        afters[names[number]] = after(*edges, join=join, when=rng.choice([None, *parents]), if_skipped=if_skipped)
    ends = {one: rng.choice([*SENT, Status.COMPLETED, Status.SKIPPED]) for one in names}
    return World(afters, ends | {ROOT: rng.choice(SENT)}, {one: rng.randrange(2) for one in names})


WORLDS = st.builds(some_world, st.randoms(use_true_random=False))


@dataclass
class Recorded:
    """What is recorded of one chain, as a database would have it."""

    ends: dict[str, End] = field(default_factory=lambda: {ROOT: End("x0", Status.RUNNING)})
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def running(self) -> list[str]:
        return [job_id for job_id, end in self.ends.items() if not end.is_over]

    def ended(self, world: World, job_ids: Iterable[str]) -> list[Ended]:
        """Record that these end as they do in this world."""
        found = []
        for job_id in job_ids:
            self.ends[job_id] = end = world.end_of(job_id, self.ends[job_id].execution_id)
            found.append(Ended("x0", job_id, end, NOW))
        return found

    def take(self, followers: Iterable[Follower]) -> None:
        for one in followers:
            assert one.job_id not in self.ends, f"{one.job_id} is in its chain twice"
            assert one.parent_id in {end.execution_id for end in self.ends.values()}, "it comes before its parent"
            status = Status.RUNNING if one.reason is None else Status.SKIPPED
            self.ends[one.job_id] = End(one.execution_id, status)

    def new_id(self) -> str:
        return f"x{next(self.numbers)}"

    def states(self) -> dict[str, Status]:
        return {job_id: end.status for job_id, end in self.ends.items()}

    def copy(self) -> "Recorded":
        return Recorded(dict(self.ends), itertools.count(len(self.ends)))
