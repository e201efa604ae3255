"""When the service was running, which explains why a slot was missed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "lives",
        sa.Column("started_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("has_stopped", sa.Boolean, nullable=False),
    )
