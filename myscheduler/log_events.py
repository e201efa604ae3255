"""The names of all log lines, by the module that logs and the text it logs, and the fields that they have.

Alerts and searches rely on the names and fields: the texts may change, a name and its fields may not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_EXECUTION = ("job_id", "execution_id", "scheduled_at", "trace_id", "kind")
_ATTEMPT = (*_EXECUTION, "attempt", "span_id")


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of log line."""

    name: str
    fields: tuple[str, ...] = ()
    """The fields that it may have besides those of all lines."""


EVENTS: Mapping[tuple[str, str], Event] = {
    ("adapters.http.jwks", "the keys of an issuer were not fetched, because of a bug"): Event("bug.issuer_keys"),
    ("adapters.http.jwks", "the keys of the issuer %s are fetched again"): Event("issuer.keys_fetched"),
    ("adapters.http.jwks", "the keys of the issuer %s could not be fetched: %s (%s)"): Event("issuer.keys_missing"),
    ("service.upkeep.certificate_watch", "the certificate of %s expired at %s"): Event(
        "certificate.expired", ("host", "expires_at")
    ),
    ("service.upkeep.certificate_watch", "the certificate of %s expires at %s (days left: %d)"): Event(
        "certificate.expiring", ("host", "expires_at")
    ),
    ("adapters.otlp", "the collector did not take the last spans in time"): Event("spans.left"),
    ("adapters.otlp", "the collector does not take spans, so they are lost: %s"): Event("spans.lost"),
    ("adapters.otlp", "the collector takes spans again"): Event("spans.taken"),
    ("adapters.pulse", "this process was held up for %.1f s (stopped, or no processor was free)"): Event(
        "process.held_up"
    ),
    ("adapters.secret_files", "secrets looked up"): Event("secrets.read", ("names",)),
    ("adapters.source.file_changes", "%s: what changed can't be read (%s)"): Event("source.changes_unknown"),
    (
        "adapters.source.git",
        "%s: unchanged for %g s, so it is no longer waited for: remove it if no git is running",
    ): Event("source.lock_ignored"),
    ("adapters.source.revision", "%s: the revision is named by a digest of the content"): Event(
        "source.revision_unknown"
    ),
    ("adapters.source.watching", "%s: can't watch for changes: %s; polling every %g s instead"): Event("source.polled"),
    ("adapters.store.database.sqlite", "%s"): Event("database.exposed"),
    ("adapters.store.database.writer", "a bug ended a group of writes"): Event("bug.database_write"),
    ("adapters.store.database.writer", "a write ended after the event loop was closed"): Event("database.late_write"),
    ("adapters.timers.timers", "timers could not be set"): Event("bug.timers"),
    ("adapters.timers.timers", "timers rang"): Event("timers.rang", ("jobs",)),
    ("adapters.timers.timers", "timers set"): Event("timers.set", ("jobs", "removed")),
    ("api.door.authentication", "refused %s %s from %s with %d: %s%s"): Event("request.unauthenticated"),
    (
        "api.door.connections",
        (
            "the API has %d connections, which is the limit: for each new one, the connection is closed whose "
            "caller has kept the server waiting longest"
        ),
    ): Event("api.connections_full"),
    ("api.door.connections", "refused a request from %s with %d: %s%s"): Event("request.unreadable"),
    ("api.door.door", "a bug ended %s %s"): Event("bug.request"),
    ("api.door.door", "refused %s %s from %s with %d: %s%s"): Event("request.refused"),
    ("api.door.rate_limit", "refused %s %s from %s with 429: more than %d requests a minute of %s%s"): Event(
        "request.rate_limited"
    ),
    ("api.door.requests", "request"): Event("request", ("method", "path", "status", "duration_ms", "client", "by")),
    ("api.errors", "a bug ended %s %s"): Event("bug.request"),
    (
        "api.listening",
        "THE API IS OPEN (--insecure): ANYONE WHO REACHES %s CAN CREATE, RUN AND DELETE JOBS WITHOUT CREDENTIALS",
    ): Event("api.open"),
    ("api.routes.actions", "job %s"): Event("job.run_requested", ("job_id", "execution_id", "by")),
    ("api.routes.acts", "execution cancelled"): Event("execution.cancelled", ("execution_id", "by")),
    ("api.routes.acts", "execution repeated"): Event(
        "execution.repeated", ("job_id", "execution_id", "rerun_of", "by")
    ),
    ("api.routes.chains", "chain cancelled"): Event("chain.cancelled", ("chain_id", "by")),
    ("api.routes.bulk", "jobs paused"): Event("jobs.paused", ("by", "done", "unchanged", "refused")),
    ("api.routes.bulk", "jobs resumed"): Event("jobs.resumed", ("by", "done", "unchanged", "refused")),
    ("api.routes.bulk", "jobs triggered"): Event("jobs.triggered", ("by", "done", "unchanged", "refused")),
    ("api.routes.notifications", "channel tried"): Event("channel.tried", ("channel", "by", "delivered")),
    ("api.routes.sync", "sync asked for"): Event("source.sync_requested", ("by", "approve")),
    ("app", "%s ended unexpectedly: the service stops"): Event("bug.service"),
    ("app", "%s; all traces are marked as recorded, unless their callers decided otherwise"): Event(
        "spans.sampler_unknown"
    ),
    ("app", "MyScheduler %s serves on http://%s:%d%s/ui/"): Event("service.started", ("jobs_dir", "timezone")),
    ("api.serving", "metrics are served on http://%s:%d/metrics"): Event("metrics.served"),
    ("app", "no spans are exported: install the extra `otel` of myscheduler (%s)"): Event("spans.not_exported"),
    ("app", "opening the database"): Event("database.opening"),
    ("app", "stopped"): Event("service.stopped"),
    ("log", "%d lines of the log were lost, because it was read too slowly"): Event("log.lost"),
    (
        "machine.open_files",
        (
            "only %d executions, %d manual runs and %d connections of callers can be open at once: the limit of open "
            "files (ulimit -n) is %d, so raise it to %d"
        ),
    ): Event("process.few_files"),
    ("machine.shutdown", "a further signal changes nothing"): Event("service.signal_ignored", ("signal",)),
    ("machine.shutdown", "a second signal: stopping without waiting any longer"): Event("service.hurried", ("signal",)),
    ("machine.shutdown", "stopped during startup"): Event("service.start_stopped"),
    ("machine.shutdown", "stopping"): Event("service.stopping", ("signal", "waits_for")),
    ("service.access.jwt_verifier", "%d more JWTs were refused"): Event("jwt.refused"),
    ("service.access.jwt_verifier", "refused a JWT: %s"): Event("jwt.refused"),
    ("service.access.session_book", "session begun"): Event("session.begun", ("by", "origin", "expires")),
    ("service.access.session_book", "session ended"): Event("session.ended", ("by", "origin", "expires")),
    (
        "service.access.session_book",
        "too many sessions were ended one by one: all sessions end, and have to begin anew",
    ): Event("session.all_ended"),
    ("service.access.token_book", "the use of a token could not be recorded"): Event("token.use_lost", ("token",)),
    ("service.access.token_book", "token created"): Event("token.created", ("token", "token_id", "role", "by")),
    ("service.access.token_book", "token revoked"): Event("token.revoked", ("token", "token_id", "role", "by")),
    ("service.catalog.catalog", "a pause is over"): Event("job.pause_over", ("job_id",)),
    ("service.catalog.catalog", "job %s"): Event("job.changed", ("job_id", "by", "reason", "until", "catch_up")),
    ("service.catalog.catalog", "plan applied"): Event("plan.stored", ("jobs_changed", "jobs_removed")),
    (
        "service.catalog.catalog",
        "the clock was set back: %d jobs that were ahead of it continue from now",
    ): Event("clock.jobs_realigned"),
    ("service.catalog.loaded", "%s%s"): Event(
        "jobs.loaded", ("manifests", "api", "paused", "held", "jobs_dir", "database")
    ),
    ("service.dispatch.arming", "a bug kept slots from being decided"): Event("bug.slots", ("job_id",)),
    ("service.dispatch.arming", "jobs armed"): Event("jobs.armed", ("jobs", "removed")),
    ("service.dispatch.attempts", "a bug ended an execution"): Event("bug.execution", _EXECUTION),
    ("service.dispatch.expectations", "a bug ended an execution"): Event("bug.execution", _EXECUTION),
    ("service.dispatch.attempts", "attempt %d failed, next in %g s: %s"): Event("attempt.failed", _ATTEMPT),
    ("service.dispatch.attempts", "attempt %d was lost, and is sent again"): Event("attempt.lost", _ATTEMPT),
    ("service.dispatch.dispatcher", "cutting off %s"): Event("service.cutting_off"),
    (
        "service.dispatch.dispatcher",
        "the database did not record the ends of these executions in time, so the next start does: %s",
    ): Event("executions.unrecorded"),
    ("service.dispatch.dispatcher", "waiting up to %d s for %s"): Event("service.draining"),
    ("service.dispatch.execution_log", "attempt ended"): Event(
        "attempt.ended", (*_ATTEMPT, "host", "http_status", "failure")
    ),
    ("service.dispatch.execution_log", "claims stored"): Event("claims.stored", ("claims", "refused")),
    ("service.dispatch.execution_log", "execution %s"): Event(
        "execution.ended",
        (*_EXECUTION, "started_at", "status", "duration_ms", "retries", "http_status", "reason", "note", "error"),
    ),
    ("service.dispatch.execution_log", "execution goes on at the next start"): Event("execution.postponed", _EXECUTION),
    ("service.dispatch.execution_log", "execution started"): Event("execution.started", _EXECUTION),
    ("service.dispatch.execution_log", "slots %s"): Event(
        "slots.not_run", ("job_id", "reason", "scheduled_at", "last_scheduled_at", "slots")
    ),
    (
        "service.dispatch.recovery",
        "executions were running when the service or its database stopped: %d interrupted, %d sent again, %d waiting",
    ): Event("executions.recovered"),
    ("service.gitops.reporting", "%s"): Event("source.problem"),
    ("service.gitops.reconciler", "a bug ended a pass over the source"): Event("bug.source"),
    ("service.gitops.reporting", "and %s more problems in the source: see GET /api/v1/sync/files"): Event(
        "source.problem"
    ),
    ("service.gitops.reconciler", "planned"): Event("plan.made", ("jobs", "changes", "unchanged")),
    ("service.gitops.reporting", "source applied"): Event(
        "source.applied", ("revision", "jobs_created", "jobs_updated", "jobs_deleted", "jobs_unchanged")
    ),
    ("service.gitops.reconciler", "source read"): Event("source.read", ("revision", "files", "unreadable")),
    ("service.gitops.reporting", "the deletion is blocked: %s"): Event("source.deletion_blocked"),
    ("service.gitops.reporting", "the source is applied again"): Event("source.recovered"),
    ("service.gitops.reconciler", "the source is not applied: %s"): Event("source.stalled"),
    ("service.gitops.reconciler", "woken: the source may have changed"): Event("source.woken"),
    ("service.incidents.deliverer", "a bug kept notices for %s from being sent"): Event("bug.notices"),
    ("service.incidents.deliverer", "a bug of a channel"): Event("bug.channel", ("channel",)),
    ("service.incidents.deliverer", "notices are sent later: %s"): Event("notices.postponed"),
    ("service.incidents.deliverer", "notices could not be delivered%s: %s"): Event(
        "notices.failed", ("channel", "attempt")
    ),
    ("service.incidents.deliverer", "notices delivered"): Event("notices.delivered", ("channel", "notices")),
    ("service.incidents.deliverer", "notices for %s are sent later: %s"): Event("notices.postponed"),
    ("service.incidents.follower", "a bug ended a look at the jobs in trouble"): Event("bug.incidents"),
    ("service.incidents.follower", "incidents are judged later: %s"): Event("incidents.postponed"),
    ("service.incidents.follower", "job is %s"): Event("incident.opened", ("job_id", "incident_id")),
    ("service.incidents.follower", "job is no longer %s"): Event("incident.ended", ("job_id", "incident_id", "reason")),
    ("service.incidents.targets", "a bug ended a look at the targets"): Event("bug.incidents"),
    ("service.incidents.targets", "in trouble: %s"): Event("incident.opened", ("target", "host", "incident_id")),
    ("service.incidents.targets", "incidents of targets are judged later: %s"): Event("incidents.postponed"),
    ("service.incidents.targets", "no longer in trouble: %s"): Event(
        "incident.ended", ("target", "host", "incident_id", "reason")
    ),
    ("service.metrics.job_histories", "a bug kept the metrics of jobs from being read"): Event("bug.job_metrics"),
    ("service.metrics.job_histories", "the metrics of jobs are read later: %s"): Event("job_metrics.postponed"),
    ("sending", "a bug ended a sender"): Event("bug.sender"),
    ("sending", "a sender ends: %s"): Event("sender.not_started"),
    ("service.senders.fleet", "a bug ended a sender"): Event("bug.sender"),
    ("service.senders.fleet", "a sender could not be started: %s"): Event("sender.not_started"),
    ("service.senders.fleet", "a sender ended with %d calls in progress"): Event("sender.lost", ("pid", "exit_code")),
    ("service.senders.fleet", "a sender has started"): Event("sender.started", ("pid",)),
    ("service.senders.link", "a sender does not respond, and is killed"): Event("sender.hung", ("pid",)),
    ("service.store_health", "the database can be used again"): Event("database.recovered"),
    ("service.store_health", "the database can't be used, so nothing is sent until it can: %s"): Event("database.down"),
    ("service.upkeep.clock_watch", "a bug kept jobs from following the clock"): Event("bug.clock"),
    ("service.upkeep.clock_watch", "looking for jobs that are ahead of the clock"): Event("clock.checked"),
    ("service.upkeep.clock_watch", "the system clock was set back by %s; jobs continue from there"): Event(
        "clock.set_back"
    ),
    (
        "service.upkeep.clock_watch",
        "the system clock was set forward by %s, or the machine slept; jobs catch up",
    ): Event("clock.set_forward"),
    ("service.upkeep.heartbeat", "heartbeat recorded"): Event("uptime.recorded"),
    ("service.upkeep.pauses", "checking for pauses that are over, every %g s"): Event("pauses.checked"),
    ("service.upkeep.pinging", "a bug kept the heartbeat from being sent"): Event("bug.heartbeat"),
    ("service.upkeep.pinging", "the heartbeat does not reach %s: %s"): Event("heartbeat.lost"),
    ("service.upkeep.pinging", "the heartbeat reaches %s again"): Event("heartbeat.recovered"),
    ("service.upkeep.pruner", "a bug ended a pass over the history"): Event("bug.pruning"),
    ("service.upkeep.pruner", "a pass over the history begins"): Event("history.pruning"),
    ("service.upkeep.pruner", "a pass over the history ended early: %s"): Event("history.pruning_ended"),
    ("service.upkeep.pruner", "history pruned"): Event(
        "history.pruned", ("too_old", "too_many", "of_audit", "seconds")
    ),
}
"""By the logger below `myscheduler`, and the text before its values are put in."""


def event_of(logger: str, text: object) -> str | None:
    """The name of a log line; `None` for those of libraries."""
    found = EVENTS.get((logger.removeprefix("myscheduler."), text)) if isinstance(text, str) else None
    return found.name if found else None
