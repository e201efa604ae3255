"""Incidents, and what is told about them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
JOB_ID = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", ID, primary_key=True),
        sa.Column("job_id", JOB_ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("noticed_at", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("first_execution_id", ID),
        sa.Column("last_execution_id", ID),
        sa.Column("error", sa.Text),
        sa.Column("source_revision", sa.String(255)),
        sa.Column("good_revision", sa.String(255)),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("end_reason", sa.String(16)),
        sa.Column("told_at", sa.BigInteger),
        sa.Column("acknowledged_by", sa.String(255)),
        sa.Column("acknowledged_at", sa.BigInteger),
        sa.Column("acknowledged_until", sa.BigInteger),
    )
    op.create_index("incidents_job", "incidents", ["job_id", "incident_id"])
    op.create_index(
        "incidents_open",
        "incidents",
        ["job_id", "kind"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", ID, primary_key=True),
        sa.Column("incident_id", ID, nullable=False),
        sa.Column("channel", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("message_id", ID),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("settled_at", sa.BigInteger),
    )
    op.create_index("deliveries_incident", "deliveries", ["incident_id", "delivery_id"])
    op.create_index(
        "deliveries_waiting",
        "deliveries",
        ["channel", "delivery_id"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
