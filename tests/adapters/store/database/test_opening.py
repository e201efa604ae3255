"""How a database is opened, on real SQLite and real PostgreSQL, and what is said when it is of no use."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from myscheduler import __version__
from myscheduler.adapters.store import migrations, open_store
from myscheduler.adapters.store.database import opening as engine
from myscheduler.adapters.store.database.reading import read_current
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.errors import StoreError
from tests.support.postgres import PASSWORD, Database
from tests.support.stored import everything, found, sqlite_url, stored

pytestmark = pytest.mark.anyio


class TestOpening:
    def test_the_second_opening_finds_everything_in_place(self, url: str) -> None:
        for _ in range(2):
            with open_store(url) as store:
                names = set(sa.inspect(store._engine).get_table_names())
            assert names == {
                "jobs",
                "queued",
                "request_keys",
                "progress",
                "executions",
                "outlines",
                "lives",
                "revisions",
                "audit",
                "upgrades",
                "tokens",
                "ended_sessions",
                "incidents",
                "deliveries",
                "alembic_version",
            }

    async def test_what_was_written_is_there_after_a_restart(self, url: str) -> None:
        with open_store(url) as store:
            new = await stored(store)
        with open_store(url) as store:
            assert await found(store) == new


class TestRefusedToOpen:
    @pytest.mark.parametrize(
        ("url", "says"),
        [
            pytest.param("sqlite://", "names no file", id="in memory"),
            pytest.param("sqlite:///:memory:", "names no file", id="in memory, spelled out"),
            pytest.param("", "not a database URL", id="empty"),
            pytest.param("jobs.db", "not a database URL", id="a path"),
            pytest.param("sqlite:jobs.db", "not a database URL", id="without slashes"),
            pytest.param("nonsense://x/y", "can't use", id="unknown database"),
            pytest.param("sqlite+nonsense:///x.db", "can't use", id="unknown driver"),
            pytest.param("postgres://me@host/jobs", "write postgresql://", id="a name that is no longer known"),
            pytest.param("sqlite:////proc/nowhere/jobs.db", "can't be written", id="folder can't be made"),
            pytest.param("http://[::1", "not a database URL", id="broken brackets"),
            pytest.param("postgresql://me@host:port/jobs", "not a database URL", id="a port that is no number"),
        ],
    )
    def test_a_url_of_no_use(self, url: str, says: str) -> None:
        with pytest.raises(StoreError, match=says), open_store(url):
            pass

    def test_a_file_stands_where_the_folder_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("")
        with pytest.raises(StoreError, match="can't be written"), open_store(f"sqlite:///{tmp_path}/data/jobs.db"):
            pass

    def test_a_folder_stands_where_the_file_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "jobs.db").mkdir()
        with pytest.raises(StoreError, match="can't be used"), open_store(f"sqlite:///{tmp_path}/jobs.db"):
            pass

    def test_a_file_that_is_no_database_is_left_as_it_is(self, tmp_path: Path) -> None:
        text = b"my shopping list\n" * 1000
        (tmp_path / "jobs.db").write_bytes(text)
        with pytest.raises(StoreError, match="can't be read: file is not a database"), open_store(sqlite_url(tmp_path)):
            pass
        assert (tmp_path / "jobs.db").read_bytes() == text

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            pytest.param(
                [
                    "UPDATE alembic_version SET version_num = '9999'",
                    "INSERT INTO upgrades VALUES ('9999', '4.2.0', 1804420800000000)",
                ],
                "was brought to revision 9999 by myscheduler 4.2.0 on 2027-03-07 12:00 UTC, and this is myscheduler "
                f"{__version__}, which knows revisions up to {migrations.HEAD}: run myscheduler 4.2.0 or newer, "
                "or restore the backup that was made before the upgrade",
                id="newer",
            ),
            pytest.param(
                ["UPDATE alembic_version SET version_num = '9999'", "DROP TABLE upgrades"],
                "was brought to revision 9999 by a newer myscheduler, and this is myscheduler "
                f"{__version__}, which knows revisions up to {migrations.HEAD}: run the version that ran before, "
                "or newer, or restore the backup that was made before the upgrade",
                id="newer, without the table of versions",
            ),
            pytest.param(
                [
                    "UPDATE alembic_version SET version_num = '9999'",
                    "ALTER TABLE upgrades RENAME COLUMN version TO release",
                ],
                "was brought to revision 9999 by a newer myscheduler, and this is",
                id="newer, with another table of versions",
            ),
            pytest.param(
                ["UPDATE alembic_version SET version_num = '1975ea83b712'"],
                "holds tables of another program: give myscheduler a database of its own",
                id="of another program with Alembic",
            ),
            pytest.param(
                ["DROP TABLE alembic_version"], "holds tables of another program", id="with tables of our names"
            ),
        ],
    )
    def test_a_database_of_others_is_left_as_it_is(self, url: str, changes: list[str], says: str) -> None:
        with open_store(url) as store, store._writer._engine.begin() as connection:
            for change in changes:
                connection.exec_driver_sql(change)
        before = everything(url)
        with pytest.raises(StoreError) as caught, open_store(url):
            pass
        with pytest.raises(StoreError) as caught_reading:
            read_current(url, job_rows.all_jobs)
        assert says in str(caught.value)
        assert str(caught_reading.value) == str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert everything(url) == before

    def test_a_file_of_another_program_is_left_as_it_is(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
            connection.execute("CREATE TABLE bookmarks (url TEXT)")
        before = everything(sqlite_url(tmp_path))
        with pytest.raises(StoreError, match="tables of another program"), open_store(sqlite_url(tmp_path)):
            pass
        assert everything(sqlite_url(tmp_path)) == before

    def test_tables_of_others_in_a_schema_of_postgresql_are_not_in_the_way(self, postgres: Database) -> None:
        postgres.ask("CREATE TABLE bookmarks (url TEXT)")
        with open_store(postgres.url):
            pass

    def test_a_second_service_on_one_database(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine, "PATIENCE_SEC", 0.5)
        with (
            open_store(url),
            pytest.raises(StoreError, match="another myscheduler is using") as caught,
            open_store(url),
        ):
            pass
        assert PASSWORD not in str(caught.value)
        with open_store(url):
            pass  # the lock goes with its holder

    def test_a_password_is_not_shown(self) -> None:
        with pytest.raises(StoreError) as caught, open_store("nonsense://me:hunter2@x/y"):
            pass
        assert "hunter2" not in str(caught.value)
