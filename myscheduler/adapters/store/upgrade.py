"""Bringing the tables up to date with Alembic."""

from importlib.resources import as_file, files

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from myscheduler.adapters.store.migrations import UnknownRevisionError


def upgrade(connection: sa.Connection) -> None:
    """Run the migrations that the database lacks, in the transaction of `connection`. Raises `UnknownRevisionError`."""
    with as_file(files("myscheduler.adapters.store.migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise UnknownRevisionError(str(error)) from error
