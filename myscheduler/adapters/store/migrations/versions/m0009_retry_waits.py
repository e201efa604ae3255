"""When the next attempt of an execution begins that waits for it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("executions", sa.Column("next_attempt_at", sa.BigInteger))
