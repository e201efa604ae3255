"""The tables. Times are microseconds since 1970 (UTC): exact, sortable, and the same in SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """A column type that stores an aware datetime as microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], int | None]:  # noqa: ARG002
        return (
            to_micros_or_none  # SQLAlchemy's own asks `process_bind_param` and then a database's type, which has none
        )

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:  # noqa: ARG002
        return to_micros_or_none(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else EPOCH + timedelta(microseconds=value)


def key(length: int) -> sa.String:
    """A type of text that is sorted by code point, as SQLite does, whatever the locale of a PostgreSQL database."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def to_micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def to_micros_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // MICROSECOND


metadata = sa.MetaData()

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", key(255), primary_key=True),
    sa.Column("owner", sa.String(16), nullable=False),
    sa.Column("spec", sa.Text, nullable=False),  # JSON
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("source_path", sa.Text),
    sa.Column("source_line", sa.Integer),
    sa.Column("source_revision", sa.String(255)),
    sa.Column("paused_by", sa.String(255)),
    sa.Column("paused_at", UtcTime),
    sa.Column("pause_reason", sa.Text),
    sa.Column("paused_until", UtcTime),
    sa.Column("is_protected", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

progress = sa.Table(
    # separate from `jobs`, because it changes with every execution, and small rows are cheap to rewrite
    "progress",
    metadata,
    sa.Column("job_id", key(255), primary_key=True),
    sa.Column("cursor", UtcTime, nullable=False),
    sa.Column("next_slot", UtcTime),
    sa.Column("execution_count", sa.BigInteger, nullable=False),
    sa.Column("last_execution_id", key(36)),
)

executions = sa.Table(
    "executions",
    metadata,
    sa.Column("execution_id", key(36), primary_key=True),
    sa.Column("job_id", key(255), nullable=False),
    sa.Column("slot", UtcTime, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("cause", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(32)),
    sa.Column("last_slot", UtcTime, nullable=False),
    sa.Column("slot_count", sa.BigInteger, nullable=False),
    sa.Column("requested_by", sa.String(255)),
    sa.Column("digest", sa.String(64)),
    sa.Column("source_path", sa.Text),
    sa.Column("source_line", sa.Integer),
    sa.Column("source_revision", sa.String(255)),
    sa.Column("started_at", UtcTime),
    sa.Column("completed_at", UtcTime),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("http_status", sa.Integer),
    sa.Column("response_size", sa.BigInteger),
    sa.Column("error", sa.Text),
    sa.Column("excerpt", sa.Text),
    sa.Column("earlier_attempts", sa.Text),  # JSON: the attempts, unless the first one completed; see attempts.kept
    sa.Column("rerun_of", key(36)),
    sa.Column("next_attempt_at", UtcTime),  # while it waits for that attempt; see retry_waits
    sa.Column("exchange", sa.Text),  # JSON: that of the last attempt; see exchange.exchange_text
    sa.Column("chain_id", key(36)),  # the execution that its chain began with; not in that one itself
    sa.Column("parent_execution_id", key(36)),  # whose end started it
    sa.Column("chain_until", UtcTime),  # when its chain times out
    sa.Column("is_alone", sa.Boolean, nullable=False, server_default=sa.false()),  # nothing runs after it
    sa.Column("is_called_off", sa.Boolean, nullable=False, server_default=sa.false()),  # nothing of its chain may begin
    sa.Column("upstream_chain_id", key(36)),  # whose ends count for jobs that its own chain lacks
    sa.Column("extracted", sa.Text),  # JSON: the values of its answer for jobs that run after it
    sa.UniqueConstraint("job_id", "slot", "kind", name="executions_job_slot_kind"),
)

sa.Index(
    # a job is in a chain once; also finds the executions of a chain
    "executions_chain",
    executions.c.chain_id,
    executions.c.job_id,
    unique=True,
    sqlite_where=executions.c.chain_id.is_not(None),
    postgresql_where=executions.c.chain_id.is_not(None),
)

sa.Index(
    # finds the executions that were running when the process was killed, without reading the history
    "executions_running",
    executions.c.status,
    sqlite_where=executions.c.status == "running",
    postgresql_where=executions.c.status == "running",
)

sa.Index(
    # finds the newest executions that went wrong; one that completes never touches it
    "executions_uncompleted",
    executions.c.status,
    executions.c.execution_id,
    sqlite_where=executions.c.status.not_in(["completed", "running"]),
    postgresql_where=executions.c.status.not_in(["completed", "running"]),
)

IS_LATE = "started_at - slot >= 60000000"
"""Began a minute or more after its slot; see `core.history.search.LATE`."""
sa.Index(
    # finds executions whose ids are much later than their slots; one that begins in time never touches it
    "executions_late",
    executions.c.kind,  # else SQLite takes the primary key instead
    executions.c.execution_id,
    sqlite_where=sa.text(IS_LATE),
    postgresql_where=sa.text(IS_LATE),
)

queued = sa.Table(
    # manual runs that wait for the running execution of their job; see queued_rows
    "queued",
    metadata,
    sa.Column("job_id", key(255), primary_key=True),  # one of each job may wait
    sa.Column("execution_id", key(36), nullable=False),
    sa.Column("asked_at", UtcTime, nullable=False),
    sa.Column("requested_by", sa.String(255), nullable=False),
    sa.Column("rerun_of", key(36)),
    sa.Column("is_alone", sa.Boolean, nullable=False, server_default=sa.false()),  # nothing runs after it
    sa.Column("upstream_chain_id", key(36)),  # as in executions
)

request_keys = sa.Table(
    # answers to requests with an `Idempotency-Key`; see key_rows
    "request_keys",
    metadata,
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),  # JSON
    sa.Column("execution_id", key(36)),
)
sa.Index("request_keys_at", request_keys.c.at)

outlines = sa.Table(
    # the jobs that the files of the source declare; see source_rows
    "outlines",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("reader", sa.String(255), nullable=False),
    sa.Column("outline", sa.Text, nullable=False),  # JSON
)

lives = sa.Table(
    # when the service was running; see uptime_rows
    "lives",
    metadata,
    sa.Column("started_at", UtcTime, primary_key=True, autoincrement=False),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("has_stopped", sa.Boolean, nullable=False),  # orderly; else it was killed after `seen_at`
)

upgrades = sa.Table(
    # which version upgraded the database to a revision; older versions read it, so the table must never change
    "upgrades",
    metadata,
    sa.Column("revision", sa.String(32), primary_key=True),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("upgraded_at", UtcTime, nullable=False),
)

revisions = sa.Table(
    # the result of each revision of the source; see revision_rows
    "revisions",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),  # in the order of arrival
    sa.Column("revision", sa.String(255), nullable=False),
    sa.Column("first_at", UtcTime, nullable=False),
    sa.Column("last_at", UtcTime, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),  # a `SyncReason`: the result of the last pass over it
    sa.Column("counts", sa.Text, nullable=False),  # JSON
)

audit = sa.Table(
    # who changed what, and when; see audit_rows
    "audit",
    metadata,
    sa.Column("entry_id", key(36), primary_key=True),  # UUIDs of version 7, so they sort by time
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("job_id", key(255)),
    sa.Column("detail", sa.Text, nullable=False),  # JSON
)
sa.Index("audit_job", audit.c.job_id, audit.c.entry_id)
sa.Index("audit_action", audit.c.action, audit.c.entry_id)

tokens = sa.Table(
    # API tokens, hashed; see token_rows
    "tokens",
    metadata,
    sa.Column("token_id", key(36), primary_key=True),  # the public part of the token
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("scope", sa.Text, nullable=False),  # JSON
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("created_by", sa.String(255), nullable=False),
    sa.Column("expires_at", UtcTime),
    sa.Column("last_used_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
)
sa.Index("tokens_name", tokens.c.name, unique=True)

ended_sessions = sa.Table(
    # sessions of browsers that were ended before their time; see session_rows
    "ended_sessions",
    metadata,
    sa.Column("nonce", key(64), primary_key=True),
    sa.Column("expires_at", UtcTime, nullable=False),
)

incidents = sa.Table(
    # what jobs, targets and hosts are in trouble with; see incident_rows
    "incidents",
    metadata,
    sa.Column("incident_id", key(36), primary_key=True),  # UUIDs of version 7, so they sort by time
    sa.Column("job_id", key(255), nullable=False),  # or the name of a target or host, as the kind says
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("began_at", UtcTime, nullable=False),
    sa.Column("noticed_at", UtcTime, nullable=False),
    sa.Column("failures", sa.BigInteger, nullable=False),
    sa.Column("first_execution_id", key(36)),
    sa.Column("last_execution_id", key(36)),
    sa.Column("error", sa.Text),
    sa.Column("source_revision", sa.String(255)),
    sa.Column("good_revision", sa.String(255)),
    sa.Column("ended_at", UtcTime),
    sa.Column("end_reason", sa.String(16)),
    sa.Column("told_at", UtcTime),
    sa.Column("acknowledged_by", sa.String(255)),
    sa.Column("acknowledged_at", UtcTime),
    sa.Column("acknowledged_until", UtcTime),
)
sa.Index("incidents_job", incidents.c.job_id, incidents.c.incident_id)
sa.Index(
    # one open incident of a job and kind at most; also finds the open ones
    "incidents_open",
    incidents.c.job_id,
    incidents.c.kind,
    unique=True,
    sqlite_where=incidents.c.ended_at.is_(None),
    postgresql_where=incidents.c.ended_at.is_(None),
)

deliveries = sa.Table(
    # what is to be told about incidents, and what was; see delivery_rows
    "deliveries",
    metadata,
    sa.Column("delivery_id", key(36), primary_key=True),  # UUIDs of version 7, so they sort by time
    sa.Column("incident_id", key(36), nullable=False),
    sa.Column("channel", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),  # while it waits: not before then
    sa.Column("message_id", key(36)),  # of the message that it is a part of, once this is composed
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text),  # why the last attempt failed
    sa.Column("settled_at", UtcTime),
)
sa.Index("deliveries_incident", deliveries.c.incident_id, deliveries.c.delivery_id)
sa.Index(
    # finds what is still to be told
    "deliveries_waiting",
    deliveries.c.channel,
    deliveries.c.delivery_id,
    sqlite_where=deliveries.c.state == "waiting",
    postgresql_where=deliveries.c.state == "waiting",
)
