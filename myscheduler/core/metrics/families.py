"""All metrics: name, kind, meaning and labels. The exposition, the documentation and tests of alerts read it."""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "myscheduler_"


class Kind(StrEnum):
    """The kinds of OpenMetrics that are used here; the Prometheus text format calls an info a gauge."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric. Its name has no suffix: samples of a counter end in `_total`, those of an info in `_info`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def sample(self) -> str:
        """The name of its samples; of a histogram, what they begin with."""
        return self.name + {Kind.COUNTER: "_total", Kind.INFO: "_info"}.get(self.kind, "")


def _family(kind: Kind, name: str, text: str, *labels: str) -> Family:
    return Family(PREFIX + name, kind, text, labels)


BUILD = _family(Kind.INFO, "build", "The version of the service; absent while it is down.", "version")
EXECUTIONS = _family(
    Kind.COUNTER, "executions",
    "Executions that ended, and slots that did not run, as the history calls them.", "status", "cause", "reason",
)  # fmt: skip
ATTEMPTS = _family(Kind.COUNTER, "attempts", "Requests to targets: `success`, or how they failed.", "outcome")
EXECUTION_DURATION = _family(
    Kind.HISTOGRAM, "execution_duration_seconds", "From the first request to the end, waits for retries included.",
    "status",
)  # fmt: skip
START_DELAY = _family(
    Kind.HISTOGRAM, "start_delay_seconds",
    "From the slot to the first request; for a manual run, from when it was asked for.", "cause",
)  # fmt: skip
CHAINS = _family(
    Kind.COUNTER, "chains",
    "Runs of chains that are over, by their status: `completed`, `failed`, `cancelled`, or `skipped` if nothing ran.",
    "outcome",
)  # fmt: skip
CHAIN_DURATION = _family(
    Kind.HISTOGRAM, "chain_duration_seconds", "From the first request of a chain's run to its last end.", "outcome"
)
IN_FLIGHT = _family(
    Kind.GAUGE, "executions_in_flight", "Executions that have begun and whose end is not recorded, by target host.",
    "lane",
)  # fmt: skip
WAITING = _family(
    Kind.GAUGE, "executions_waiting",
    "Due slots and manual runs that wait: for a `permit`, the `database`, or an `overlap` to end.", "reason",
)  # fmt: skip
OLDEST_WAITING = _family(
    Kind.GAUGE, "execution_oldest_waiting_seconds",
    "How long the first of them has waited for a permit or the database; 0 if none does.",
)  # fmt: skip
TARGET_IN_FLIGHT = _family(Kind.GAUGE, "target_in_flight", "Calls on their way to a shared target.", "target")
TARGET_WAITING = _family(
    Kind.GAUGE, "target_waiting", "Calls to a shared target that wait for their turn; not retries whose time has not "
    "come.", "target",
)  # fmt: skip
TARGET_CIRCUIT_OPEN = _family(
    Kind.GAUGE, "target_circuit_open",
    "1 from when the circuit of a shared target opens until it is closed, also while it is half-open; absent without a "
    "breaker.", "target",
)  # fmt: skip
TARGET_HELD = _family(
    Kind.GAUGE, "target_held_seconds",
    "For how long a shared target will be left alone, by its circuit or as it asked to wait; 0 if it is not.", "target",
)  # fmt: skip
CERTIFICATE_EXPIRY = _family(
    Kind.GAUGE, "target_certificate_expiry_timestamp_seconds",
    "When the certificate of a host expires that jobs call, of the hundred that expire first; known once a job has "
    "connected to it since the start.", "host",
)  # fmt: skip
JOBS = _family(Kind.GAUGE, "jobs", "Jobs, by owner and state.", "owner", "state")
JOBS_HELD = _family(
    Kind.GAUGE, "jobs_held", "Jobs that run by their last good manifest, because the present is broken."
)
SOURCE_READY = _family(Kind.GAUGE, "source_ready", "1 while all of the source is applied.")
SOURCE_APPLIED = _family(
    Kind.GAUGE, "source_last_applied_timestamp_seconds", "When the applied revision of the source was first applied."
)
SOURCE_PROBLEMS = _family(Kind.GAUGE, "source_problems", "Problems in the source, warnings included.")
DELETIONS_BLOCKED = _family(Kind.GAUGE, "deletions_blocked", "Jobs whose deletion waits for an approval.")
RECONCILE_DURATION = _family(
    Kind.HISTOGRAM, "reconcile_duration_seconds", "How long passes over the source took, by the reason of the result.",
    "result",
)  # fmt: skip
DATABASE_UP = _family(Kind.GAUGE, "database_up", "1 while executions can be recorded; otherwise nothing is sent.")
COMMIT_DURATION = _family(Kind.HISTOGRAM, "database_commit_duration_seconds", "How long transactions that write took.")
DATABASE_ERRORS = _family(Kind.COUNTER, "database_errors", "Transactions that failed, by what was wrong.", "kind")
CLOCK_JUMPS = _family(
    Kind.COUNTER, "clock_jumps", "How often the system clock was set, or the machine slept (`forward`).", "direction"
)
SENDERS = _family(
    Kind.GAUGE, "senders", "Sender processes: those that are to make calls (`wanted`), and those that can (`up`).",
    "state",
)  # fmt: skip
SENDER_LOSSES = _family(
    Kind.COUNTER, "sender_losses", "How often a sender process ended that should not have, or could not be started."
)
AUTH_FAILURES = _family(Kind.COUNTER, "auth_failures", "Requests without valid credentials.", "kind")
NOTIFICATIONS = _family(
    Kind.COUNTER, "notifications",
    "Messages to channels: `delivered`, `retried` (a try failed, another follows), or `failed` (given up).",
    "channel", "result",
)  # fmt: skip
HEARTBEAT = _family(
    Kind.GAUGE, "heartbeat_last_success_timestamp_seconds",
    "When the monitor of the heartbeat last took a success; absent without its URL, and before the first one.",
)  # fmt: skip

OF_SERVICE: tuple[Family, ...] = (
    BUILD, EXECUTIONS, ATTEMPTS, EXECUTION_DURATION, START_DELAY, CHAINS, CHAIN_DURATION, IN_FLIGHT, WAITING,
    OLDEST_WAITING, TARGET_IN_FLIGHT, TARGET_WAITING, TARGET_CIRCUIT_OPEN, TARGET_HELD, CERTIFICATE_EXPIRY, JOBS,
    JOBS_HELD, SOURCE_READY, SOURCE_APPLIED, SOURCE_PROBLEMS, DELETIONS_BLOCKED, RECONCILE_DURATION, DATABASE_UP,
    COMMIT_DURATION, DATABASE_ERRORS, CLOCK_JUMPS, SENDERS, SENDER_LOSSES, AUTH_FAILURES, NOTIFICATIONS, HEARTBEAT,
)  # fmt: skip
"""The metrics of `/metrics`, in their order."""

JOB = _family(Kind.INFO, "job", "A job; the setting of the labels adds `label_…`.", "job_id", "owner")
JOB_PAUSED = _family(Kind.GAUGE, "job_paused", "1 while the job is paused.", "job_id")
JOB_NEXT_RUN = _family(
    Kind.GAUGE, "job_next_run_timestamp_seconds",
    "When the job runs next; absent if it does not, such as while it is paused without an end.", "job_id",
)  # fmt: skip
JOB_DEADLINE = _family(
    Kind.GAUGE, "job_deadline_timestamp_seconds",
    "When the job is late unless its run is over; absent if nothing is to run, or `late_after: false` applies.",
    "job_id",
)  # fmt: skip
JOB_LAST_SUCCESS = _family(
    Kind.GAUGE, "job_last_success_timestamp_seconds", "When an execution last completed.", "job_id"
)
JOB_LAST_FAILURE = _family(
    Kind.GAUGE, "job_last_failure_timestamp_seconds", "When an execution last failed or was interrupted.", "job_id"
)
JOB_CONSECUTIVE_FAILURES = _family(
    Kind.GAUGE, "job_consecutive_failures",
    "Executions that failed since the last one that completed; an interrupted one changes nothing.", "job_id",
)  # fmt: skip
JOB_LAST_DURATION = _family(
    Kind.GAUGE, "job_last_duration_seconds", "How long the last execution took that completed or failed.", "job_id"
)
JOB_EXECUTIONS = _family(
    Kind.COUNTER, "job_executions",
    "Since the start: executions that completed (`success`), failed or were interrupted (`failure`), and slots that "
    "were skipped or missed (`not_run`).", "job_id", "result",
)  # fmt: skip
JOB_BUDGET = _family(
    Kind.GAUGE, "job_slo_budget_left_ratio",
    "Of a job with `slo`: the share of its error budget that is left; 1 is all of it, below 0 is overspent.", "job_id",
)  # fmt: skip
JOB_BURN = _family(
    Kind.GAUGE, "job_slo_burn_rate",
    "Of a job with `slo`: how fast the budget was spent lately, where 1 spends all of it in the objective's window; "
    "absent if nothing was due.", "job_id", "window",
)  # fmt: skip

OF_JOBS: tuple[Family, ...] = (
    JOB, JOB_PAUSED, JOB_NEXT_RUN, JOB_DEADLINE, JOB_LAST_SUCCESS, JOB_LAST_FAILURE, JOB_CONSECUTIVE_FAILURES,
    JOB_LAST_DURATION, JOB_EXECUTIONS, JOB_BUDGET, JOB_BURN,
)  # fmt: skip
"""The metrics of `/metrics/jobs`, in their order."""
