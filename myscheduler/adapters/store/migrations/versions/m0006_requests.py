"""Manual runs that wait for the running execution of their job, and answers to requests with an `Idempotency-Key`."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

JOB_ID = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
EXECUTION_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "queued",
        sa.Column("job_id", JOB_ID, primary_key=True),
        sa.Column("execution_id", EXECUTION_ID, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("requested_by", sa.String(255), nullable=False),
    )
    op.create_table(
        "request_keys",
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("execution_id", EXECUTION_ID),
    )
    op.create_index("request_keys_at", "request_keys", ["at"])
