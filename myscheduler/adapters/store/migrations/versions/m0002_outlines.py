"""Outlines of the source's files, so that a start need not parse unchanged files."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "outlines",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("reader", sa.String(255), nullable=False),
        sa.Column("outline", sa.Text, nullable=False),
    )
