"""The migrations: they lead to the tables, a start knows them, and one that fails leaves no trace."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from myscheduler.adapters.store import Store, migrations, open_store, tables
from myscheduler.errors import StoreError
from tests.support.stored import everything


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def test_migrations_and_tables_say_the_same(store: Store) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_the_migrations_are_those_that_a_start_knows() -> None:
    """A start that finds it does not even load Alembic."""
    found = [one.revision for one in ScriptDirectory.from_config(_migrations()).walk_revisions()]
    assert tuple(reversed(found)) == migrations.REVISIONS


@pytest.mark.parametrize("revision", migrations.REVISIONS[:-1])
def test_a_migration_that_fails_leaves_the_database_as_it_was(url: str, revision: str) -> None:
    """All of them are one transaction, so the older version can be started again."""
    bare = sa.create_engine(url)
    if url.startswith("sqlite"):
        with bare.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # as the service does
    with bare.begin() as connection:
        config = _migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql("ALTER TABLE executions ADD COLUMN extracted TEXT")
    bare.dispose()
    before = everything(url)
    with (
        pytest.raises(StoreError, match=r"duplicate column name: extracted|extracted.* already exists"),
        open_store(url),
    ):
        pass
    after = everything(url)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {"jobs.db.lock"}
