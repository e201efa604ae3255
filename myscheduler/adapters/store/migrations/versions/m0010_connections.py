"""What is known of the exchange of an execution with its target: times, connection, certificate."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("executions", sa.Column("exchange", sa.Text))
