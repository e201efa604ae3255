"""Which version upgraded the database to a revision, so that an older version can name it when it refuses to start."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "upgrades",
        sa.Column("revision", sa.String(32), primary_key=True),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("upgraded_at", sa.BigInteger, nullable=False),
    )
