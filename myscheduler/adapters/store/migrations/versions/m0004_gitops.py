"""Pauses with a reason and an end, provenance of executions, revisions of the source, and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

JOB_ID = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
ENTRY_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("pause_reason", sa.Text))
    op.add_column("jobs", sa.Column("paused_until", sa.BigInteger))
    op.add_column("jobs", sa.Column("is_protected", sa.Boolean, nullable=False, server_default=sa.false()))
    op.alter_column("executions", "revision", new_column_name="source_revision")
    op.add_column("executions", sa.Column("source_path", sa.Text))
    op.add_column("executions", sa.Column("source_line", sa.Integer))
    op.create_table(
        "revisions",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.String(255), nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("entry_id", ENTRY_ID, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("job_id", JOB_ID),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("audit_job", "audit", ["job_id", "entry_id"])
    op.execute("DELETE FROM outlines")  # they did not record yet which manifests adopt a job of the API
