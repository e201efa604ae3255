"""Brings the tables up to date with Alembic."""

from datetime import datetime
from importlib.resources import as_file, files

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from myscheduler import __version__
from myscheduler.adapters.store.migrations import HEAD
from myscheduler.adapters.store.tables import upgrades


def upgrade(connection: sa.Connection, now: datetime) -> None:
    """Run the missing migrations in the transaction of `connection`, and record which version of myscheduler did so."""
    with as_file(files("myscheduler.adapters.store.migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    connection.execute(sa.insert(upgrades).values(revision=HEAD, version=__version__, upgraded_at=now))
