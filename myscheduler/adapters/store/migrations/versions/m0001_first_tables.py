"""The first tables: jobs, their progress, and the history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# PostgreSQL would sort by the language of the database
JOB_ID = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
EXECUTION_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", JOB_ID, primary_key=True),
        sa.Column("owner", sa.String(16), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("source_path", sa.Text),
        sa.Column("source_line", sa.Integer),
        sa.Column("source_revision", sa.String(255)),
        sa.Column("paused_by", sa.String(255)),
        sa.Column("paused_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "progress",
        sa.Column("job_id", JOB_ID, primary_key=True),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("next_slot", sa.BigInteger),
        sa.Column("execution_count", sa.BigInteger, nullable=False),
        sa.Column("last_execution_id", EXECUTION_ID),
    )
    op.create_table(
        "executions",
        sa.Column("execution_id", EXECUTION_ID, primary_key=True),
        sa.Column("job_id", JOB_ID, nullable=False),
        sa.Column("slot", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("last_slot", sa.BigInteger, nullable=False),
        sa.Column("slot_count", sa.BigInteger, nullable=False),
        sa.Column("requested_by", sa.String(255)),
        sa.Column("digest", sa.String(64)),
        sa.Column("revision", sa.String(255)),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("http_status", sa.Integer),
        sa.Column("response_size", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.Column("excerpt", sa.Text),
        sa.UniqueConstraint("job_id", "slot", "kind", name="executions_job_slot_kind"),
    )
    op.create_index(
        "executions_running",
        "executions",
        ["status"],
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )
