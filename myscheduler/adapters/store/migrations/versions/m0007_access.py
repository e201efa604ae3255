"""API tokens, ended sessions, audited actions; for executions, the attempts before the last one, what they repeat, the
late and failed ones.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
NONCE = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
LATE = "started_at - slot >= 60000000"
UNCOMPLETED = "(status NOT IN ('completed', 'running'))"


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("token_id", ID, primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("tokens_name", "tokens", ["name"], unique=True)
    op.create_index("audit_action", "audit", ["action", "entry_id"])
    op.create_table(
        "ended_sessions",
        sa.Column("nonce", NONCE, primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.add_column("executions", sa.Column("earlier_attempts", sa.Text))
    op.add_column("executions", sa.Column("rerun_of", ID))
    op.add_column("queued", sa.Column("rerun_of", ID))
    op.create_index(
        "executions_uncompleted",
        "executions",
        ["status", "execution_id"],
        sqlite_where=sa.text(UNCOMPLETED),
        postgresql_where=sa.text(UNCOMPLETED),
    )
    op.create_index(
        "executions_late",
        "executions",
        ["kind", "execution_id"],
        sqlite_where=sa.text(LATE),
        postgresql_where=sa.text(LATE),
    )
