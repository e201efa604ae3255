"""Gathers the metrics of the service as a whole, from what its parts count anyway."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar

from myscheduler import __version__
from myscheduler.adapters.store import Store
from myscheduler.adapters.store.database.vitals import ErrorKind
from myscheduler.core.calls.breaker import Circuit
from myscheduler.core.calls.certificates import Certificates
from myscheduler.core.chains.runs import ChainStatus
from myscheduler.core.gitops.sync_state import SyncCondition
from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.incidents.delivery import Tried
from myscheduler.core.job.job import JobState, Owner
from myscheduler.core.metrics import families
from myscheduler.core.metrics.families import Family
from myscheduler.core.metrics.histogram import Histogram
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.reconciler import Reconciler
from myscheduler.service.metrics.job_states import state_counts
from myscheduler.service.senders.fleet import SenderCounts
from myscheduler.service.store_health import StoreHealth

T = TypeVar("T")

MOST_LANES = 100
"""The most target hosts with a series of their own: those with the most executions in flight, or whose certificates
expire first."""
OTHER_LANES = "(other)"
"""The lane of the executions to all further hosts; no host has this name."""
Labelled = Iterable[tuple[Sequence[str], T]]
"""Pairs of the values of the labels, and the value."""


class Gathering:
    """The present values of `families.OF_SERVICE`.

    `jumps`, `auth_failures` and `deliveries` are the counts of other parts, `last_heartbeat` tells when the monitor
    elsewhere last took a success.
    """

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        reconciler: Reconciler,
        store_health: StoreHealth,
        *,
        jumps: Mapping[str, int],
        auth_failures: Mapping[str, int],
        deliveries: Mapping[tuple[str, str], int],
        certificates: Certificates,
        senders: SenderCounts,
        last_heartbeat: Callable[[], datetime | None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._reconciler = reconciler
        self._store_health = store_health
        self._jumps = jumps
        self._auth_failures = auth_failures
        self._deliveries = deliveries
        self._certificates = certificates
        self._senders = senders
        self._last_heartbeat = last_heartbeat
        self._now = now

    async def gather(self) -> list[Metric]:
        """The metrics in their order, to be written in a thread. Called on the event loop, which it hardly holds."""
        firsts, jobs = await self._dispatcher.planned(), self._dispatcher.jobs()
        states = await asyncio.to_thread(state_counts, jobs, firsts)
        return [
            *self._of_executions(),
            *self._of_targets(),
            *self._of_jobs(states),
            *self._of_source(),
            *self._of_machine(),
            *self._of_others(),
        ]

    def _of_executions(self) -> Iterable[Metric]:
        tallies, census = self._dispatcher.tallies, self._dispatcher.census
        yield InfoMetricFamily(families.BUILD.name, families.BUILD.help, {"version": __version__})
        usual = ((status, cause, "") for status in (Status.COMPLETED, Status.FAILED) for cause in Cause)
        yield counted(families.EXECUTIONS, (dict.fromkeys(usual, 0) | tallies.executions).items())
        yield counted(families.ATTEMPTS, _by_one(tallies.attempts))
        yield measured(families.EXECUTION_DURATION, _by_one(tallies.durations))
        yield measured(families.START_DELAY, _by_one(tallies.delays))
        outcomes = [one for one in ChainStatus if one is not ChainStatus.RUNNING]
        yield counted(families.CHAINS, _by_one({one: tallies.chains[one] for one in outcomes}))
        yield measured(families.CHAIN_DURATION, _by_one(tallies.chain_durations))
        yield gauged(families.IN_FLIGHT, _by_one(_lanes(one.host for one in self._dispatcher.flights if one.host)))
        waiting = census.waiting()
        by_reason = {"permit": waiting.permit, "database": waiting.database, "overlap": waiting.overlap}
        yield gauged(families.WAITING, _by_one(by_reason))
        waited = (self._now() - waiting.since).total_seconds() if waiting.since else 0.0
        yield gauged(families.OLDEST_WAITING, [((), max(waited, 0.0))])

    def _of_targets(self) -> Iterable[Metric]:
        now = self._now()
        loads = {name: self._dispatcher.targets.of(name) for name in sorted(self._reconciler.targets.rules.known)}
        circuits = {name: one.pressure.circuit for name, one in loads.items() if one.pressure.circuit is not None}
        held = {name: one.held_until(now) or now for name, one in loads.items()}
        yield gauged(families.TARGET_IN_FLIGHT, _by_one({name: one.in_flight for name, one in loads.items()}))
        yield gauged(families.TARGET_WAITING, _by_one({name: one.waiting for name, one in loads.items()}))
        is_open = {name: circuit is not Circuit.CLOSED for name, circuit in circuits.items()}
        yield gauged(families.TARGET_CIRCUIT_OPEN, _by_one(is_open))
        soonest = self._certificates.by_expiry()[:MOST_LANES]
        expiry = {one.host: one.expires_at.timestamp() for one in soonest}
        yield gauged(families.TARGET_HELD, _by_one({name: (end - now).total_seconds() for name, end in held.items()}))
        yield gauged(families.CERTIFICATE_EXPIRY, _by_one(expiry))

    def _of_jobs(self, states: Mapping[tuple[Owner, JobState], int]) -> Iterable[Metric]:
        yield gauged(families.JOBS, states.items())
        yield gauged(families.JOBS_HELD, [((), len(self._reconciler.state.held))])

    def _of_source(self) -> Iterable[Metric]:
        state = self._reconciler.state
        yield gauged(families.SOURCE_READY, [((), state.condition is SyncCondition.READY)])
        applied = [((), state.applied_at.timestamp())] if state.applied_at else []
        yield gauged(families.SOURCE_APPLIED, applied)
        yield gauged(families.SOURCE_PROBLEMS, [((), len(state.problems))])
        yield gauged(families.DELETIONS_BLOCKED, [((), len(state.blocked.job_ids) if state.blocked else 0)])
        yield measured(families.RECONCILE_DURATION, _by_one(self._reconciler.durations))

    def _of_machine(self) -> Iterable[Metric]:
        vitals = self._store.vitals
        yield gauged(families.DATABASE_UP, [((), self._store_health.error is None)])
        yield measured(families.COMMIT_DURATION, [((), vitals.commits)])
        yield counted(families.DATABASE_ERRORS, _by_one({kind: vitals.errors[kind] for kind in ErrorKind}))
        yield counted(families.CLOCK_JUMPS, _by_one({way: self._jumps.get(way, 0) for way in ("forward", "back")}))
        senders = self._senders
        yield gauged(families.SENDERS, _by_one({"wanted": senders.wanted, "up": senders.up}))
        yield counted(families.SENDER_LOSSES, [((), senders.lost)])
        yield counted(families.AUTH_FAILURES, _by_one(self._auth_failures))

    def _of_others(self) -> Iterable[Metric]:
        """What people and monitors elsewhere are told. Channels that are declared have a 0, so that a first failure is
        seen as an increase.
        """
        declared = ((name, str(result)) for name in self._reconciler.notifications.rules.channels for result in Tried)
        yield counted(families.NOTIFICATIONS, {**dict.fromkeys(declared, 0), **self._deliveries}.items())
        heartbeat = self._last_heartbeat()
        yield gauged(families.HEARTBEAT, [((), heartbeat.timestamp())] if heartbeat else [])


def counted(family: Family, values: Labelled[float]) -> Metric:
    metric = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in values:
        metric.add_metric(labels, value)
    return metric


def gauged(family: Family, values: Labelled[float]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in values:
        metric.add_metric(labels, value)
    return metric


def measured(family: Family, values: Labelled[Histogram]) -> Metric:
    """The family, with exemplars of OpenMetrics."""
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, histogram in values:
        metric.add_metric(labels, _buckets(histogram), histogram.total)
    return metric


def _buckets(histogram: Histogram) -> Sequence[tuple[str, float] | tuple[str, float, Exemplar]]:
    found: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
    count = 0
    for bound, in_bucket, example in zip(
        (*map(str, histogram.bounds), "+Inf"), histogram.counts, histogram.examples, strict=True
    ):
        count += in_bucket
        if example is None:
            found.append((bound, count))
        else:
            found.append((bound, count, Exemplar({"trace_id": example[1].trace_id}, example[0])))
    return found


def _lanes(hosts: Iterable[str]) -> Mapping[str, int]:
    counts = Counter(hosts)
    most = dict(counts.most_common(MOST_LANES))
    rest = counts.total() - sum(most.values())
    return most | ({OTHER_LANES: rest} if rest else {})


def _by_one(values: Mapping[str, T]) -> Labelled[T]:
    return (((label,), value) for label, value in values.items())
