"""What is special about PostgreSQL: its schema and sessions, lost connections and its lock, and what it refuses."""

import asyncio
import sys
import threading
import time
from functools import partial
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store, open_store, tables
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.job.job import Job
from myscheduler.errors import StoreError, StoreUnavailableError
from tests.support.parts import job, until
from tests.support.postgres import HANG_UP, PASSWORD, QUOTED_PASSWORD, Database
from tests.support.stored import NOW, stored

pytestmark = pytest.mark.anyio

SCHEMA = """
SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull::text, collname
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_collation ON pg_collation.oid = attcollation
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND relname <> 'alembic_version'
UNION ALL
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 'alembic_version'::regclass
UNION ALL
SELECT tablename, indexname, indexdef, '', ''
FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'alembic_version'
ORDER BY 1, 2, 3
"""


class TestPostgresql:
    @pytest.fixture
    def url(self, postgres: Database) -> str:
        return postgres.url

    def test_migrated_columns_constraints_and_indexes_are_those_of_the_tables(
        self, store: Store, postgres: Database
    ) -> None:
        """What `compare_metadata` doesn't look at: collations and the condition of an index, for two."""
        migrated = postgres.ask(SCHEMA)
        with store._writer._engine.begin() as connection:
            tables.metadata.drop_all(connection)
            tables.metadata.create_all(connection)
        assert migrated == postgres.ask(SCHEMA)
        assert {row[4] for row in migrated if row[1].endswith(("job_id", "execution_id"))} == {"C"}

    @pytest.mark.parametrize("is_writer", [True, False])
    def test_settings_of_a_session(self, store: Store, is_writer: bool) -> None:
        with (store._writer._engine if is_writer else store._engine).connect() as connection:
            for name, value in {
                "synchronous_commit": "on",
                "transaction_read_only": "off" if is_writer else "on",
                "transaction_isolation": "read committed" if is_writer else "repeatable read",
                "lock_timeout": "5s",
                "statement_timeout": "30s",
                "idle_in_transaction_session_timeout": "30s",
                "tcp_keepalives_idle": "4",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "2",
            }.items():
                assert connection.exec_driver_sql(f"SHOW {name}").scalar() == value, name

    def test_a_commit_waits_for_the_disk_whatever_the_database_says(self, postgres: Database) -> None:
        postgres.ask(f"ALTER DATABASE {postgres.name} SET synchronous_commit = off")
        with open_store(postgres.url) as store, store._writer._engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"

    def test_a_start_waits_for_the_service_before_it(self, postgres: Database) -> None:
        holder = taken(postgres)
        timer = threading.Timer(0.7, holder.close)
        timer.start()
        with open_store(postgres.url):
            assert holder.closed
        timer.join()

    def test_another_schema_is_another_database(self, postgres: Database) -> None:
        postgres.ask("CREATE SCHEMA other")
        with open_store(postgres.url), open_store(f"{postgres.url}?options=-csearch_path%3Dother") as store:
            assert sa.inspect(store._engine).default_schema_name == "other"
        assert postgres.ask("SELECT schemaname FROM pg_tables WHERE tablename = 'jobs' ORDER BY 1") == [
            ("other",),
            ("public",),
        ]

    async def test_lost_connections_are_made_anew_with_the_lock(self, store: Store, postgres: Database) -> None:
        await stored(store, "a")
        await store.read(job_rows.all_jobs)
        assert postgres.hang_up() == 2
        await stored(store, "b")
        assert [one.job_id for one in await store.read(job_rows.all_jobs)] == ["a", "b"]
        assert locks(postgres) == 1

    async def test_a_connection_that_is_lost_in_the_middle(self, store: Store, postgres: Database) -> None:
        def fall(connection: sa.Connection) -> None:
            job_rows.insert_jobs(connection, [job("a", NOW)])
            postgres.hang_up()
            job_rows.insert_jobs(connection, [job("b", NOW)])

        with pytest.raises(StoreUnavailableError) as caught:
            await store.write(fall)
        assert "\n" not in str(caught.value)
        with pytest.raises(StoreUnavailableError):
            await store.read(lambda connection: (postgres.hang_up(), job_rows.all_jobs(connection)))
        assert await store.read(job_rows.all_jobs) == []
        await stored(store, "a")
        assert locks(postgres) == 1

    async def test_connections_that_are_lost_as_soon_as_they_are_made(self, store: Store, postgres: Database) -> None:
        def hang_up(*_: object) -> None:
            postgres.hang_up()

        await stored(store, "a")
        await store.read(job_rows.all_jobs)
        engines = (store._engine, store._writer._engine)
        for engine in engines:
            sa.event.listen(engine, "connect", hang_up)
        postgres.hang_up()
        for door in (store.read, store.write):
            with pytest.raises(StoreUnavailableError, match="connection"):
                await door(job_rows.all_jobs)
        for engine in engines:
            sa.event.remove(engine, "connect", hang_up)
        await stored(store, "b")
        assert len(await store.read(job_rows.all_jobs)) == 2

    async def test_nothing_is_written_once_another_service_has_the_lock(self, store: Store, postgres: Database) -> None:
        await stored(store, "a")
        postgres.hang_up()
        with taken(postgres):
            for _ in range(2):
                with pytest.raises(StoreUnavailableError, match="another myscheduler is using the database") as caught:
                    await stored(store, "b")
                assert PASSWORD not in str(caught.value)
            assert [one.job_id for one in await store.read(job_rows.all_jobs)] == ["a"]
        # the server lets go of the lock a moment after its holder has hung up
        await until(partial(asyncio.to_thread, locks, postgres), lambda held: held == 0)
        await stored(store, "b")
        assert locks(postgres) == 1

    async def test_a_locked_table_fails_all_that_waits_at_once(self, store: Store, postgres: Database) -> None:
        def hurry(connection: sa.Connection) -> None:
            connection.exec_driver_sql("SET lock_timeout = '1s'")

        await store.write(hurry)
        with postgres.connect() as other, other.transaction():
            other.execute("LOCK TABLE jobs")
            began = time.monotonic()
            results = await asyncio.gather(
                *(stored(store, f"job-{number}") for number in range(50)), return_exceptions=True
            )
            assert {(type(result), str(result)) for result in results} == {
                (StoreUnavailableError, "canceling statement due to lock timeout")
            }
            assert time.monotonic() - began < 10 * 1.0
        await stored(store, "a")

    async def test_a_full_disk_does_not_take_smaller_pieces_with_it(self, store: Store) -> None:
        def overfill(connection: sa.Connection) -> None:
            connection.exec_driver_sql("DO 'BEGIN RAISE ''no room'' USING ERRCODE = ''disk_full''; END'")

        results = await asyncio.gather(
            stored(store, "a"), store.write(overfill), stored(store, "b"), return_exceptions=True
        )
        assert [type(result) for result in results] == [Job, StoreUnavailableError, Job]

    async def test_a_server_that_is_gone(self, store: Store, postgres: Database) -> None:
        """As far as the service can see: the database refuses everyone."""
        await stored(store, "a")
        await store.read(job_rows.all_jobs)
        administration = Database(postgres.port, "postgres")
        with postgres.connect() as last:
            administration.ask(f"ALTER DATABASE {postgres.name} ALLOW_CONNECTIONS false")
            last.execute(HANG_UP)
        for door in (store.read, store.write):
            with pytest.raises(StoreUnavailableError, match="not currently accepting connections") as caught:
                await door(job_rows.all_jobs)
            assert "\n" not in str(caught.value)
        administration.ask(f"ALTER DATABASE {postgres.name} ALLOW_CONNECTIONS true")
        for door in (store.read, store.write):
            assert len(await door(job_rows.all_jobs)) == 1

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            pytest.param({"password": "wrong-hunter2"}, "password authentication failed", id="wrong password"),
            pytest.param({"database": "nowhere"}, 'database "nowhere" does not exist', id="unknown database"),
            pytest.param({"port": 1}, "refused", id="nobody listens"),
            pytest.param({"host": "no.such.host.invalid"}, "no.such.host.invalid", id="unknown host"),
            pytest.param({"query": {"nonsense": "1"}}, "nonsense", id="unknown option"),
        ],
    )
    def test_a_database_that_cannot_be_reached(self, postgres: Database, change: dict[str, Any], says: str) -> None:
        url = sa.make_url(postgres.url).set(**change).render_as_string(hide_password=False)
        with pytest.raises(StoreError, match=f"can't be used: .*{says}") as caught, open_store(url):
            pass
        said = str(caught.value)
        assert "\n" not in said
        assert not any(word in said for word in (PASSWORD, QUOTED_PASSWORD, "hunter2"))

    def test_a_password_among_the_options_is_not_shown(self, postgres: Database) -> None:
        url = f"postgresql://127.0.0.1:{postgres.port}/nowhere?user=postgres&password=hunter2"
        with pytest.raises(StoreError) as caught, open_store(url):
            pass
        assert "hunter2" not in str(caught.value)

    def test_a_user_who_may_not_make_tables(self, postgres: Database) -> None:
        postgres.ask("REVOKE CREATE ON SCHEMA public FROM public")
        role = f"{postgres.name}_guest"
        postgres.ask(f"CREATE ROLE {role} LOGIN PASSWORD 'guest'")
        url = sa.make_url(postgres.url).set(username=role, password="guest").render_as_string(hide_password=False)
        with pytest.raises(StoreError, match="can't be used: permission denied for schema public"), open_store(url):
            pass
        postgres.ask(f"DROP ROLE {role}")

    def test_without_its_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(StoreError, match=r"pip install 'psycopg\[binary\]'"), open_store("postgresql://x/y"):
            pass


def taken(database: Database) -> psycopg.Connection[Any]:
    """A connection that holds the lock, as that of another service."""
    connection = database.connect()
    got = connection.execute("SELECT pg_try_advisory_lock(1297699651, hashtext('public'))").fetchone()
    assert got == (True,)
    return connection


def locks(database: Database) -> int:
    """How many sessions hold the lock."""
    (row,) = database.ask(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE locktype = 'advisory' AND classid = 1297699651 AND granted AND datname = current_database()"
    )
    return int(row[0])
