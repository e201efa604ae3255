"""Jobs that run after others: which chain an execution belongs to, and what it hands on."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

EXECUTION_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("executions", sa.Column("chain_id", EXECUTION_ID))
    op.add_column("executions", sa.Column("parent_execution_id", EXECUTION_ID))
    op.add_column("executions", sa.Column("chain_until", sa.BigInteger))
    op.add_column("executions", sa.Column("is_alone", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("executions", sa.Column("is_called_off", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("executions", sa.Column("upstream_chain_id", EXECUTION_ID))
    op.add_column("executions", sa.Column("extracted", sa.Text))
    op.create_index(
        "executions_chain",
        "executions",
        ["chain_id", "job_id"],
        unique=True,
        sqlite_where=sa.text("chain_id IS NOT NULL"),
        postgresql_where=sa.text("chain_id IS NOT NULL"),
    )
    op.add_column("queued", sa.Column("is_alone", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("queued", sa.Column("upstream_chain_id", EXECUTION_ID))
