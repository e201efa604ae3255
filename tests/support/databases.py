"""Databases of all kinds that `myscheduler db` may meet, and what is in them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner, Result

from myscheduler.adapters.store.database.sqlite import PAGE_BYTES
from myscheduler.cli import main

NOON = 1_804_420_800_000_000  # 2027-03-07 12:00 UTC


def db(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["db", *arguments], prog_name="myscheduler")


def url(path: Path | str) -> str:
    return f"sqlite:///{path}"


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def fill(path: Path, executions: int = 3) -> None:
    """A job with that many rows of history, a minute apart."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (job_id, owner, spec, digest, version, created_at, updated_at) "
            "VALUES ('a', 'api', '{}', 'd', 1, 0, 0)"
        )
        connection.executemany(
            "INSERT INTO executions (execution_id, job_id, slot, kind, cause, status, last_slot, slot_count, attempts,"
            " error) VALUES (?, 'a', ?, 'scheduled', 'timer', 'failed', 0, 1, 1, hex(randomblob(200)))",
            [(f"e{number}", NOON + 60_000_000 * number) for number in range(1, executions + 1)],
        )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


TO_0004 = (
    *(
        f"DROP TABLE {table}"
        for table in ("upgrades", "queued", "request_keys", "tokens", "ended_sessions", "incidents", "deliveries")
    ),
    "DROP INDEX executions_uncompleted",
    "DROP INDEX executions_late",
    "DROP INDEX audit_action",
    "ALTER TABLE executions DROP COLUMN earlier_attempts",
    "ALTER TABLE executions DROP COLUMN rerun_of",
    "DROP INDEX executions_chain",
    *(
        f"ALTER TABLE executions DROP COLUMN {name}"
        for name in (
            "chain_id",
            "parent_execution_id",
            "chain_until",
            "is_alone",
            "is_called_off",
            "upstream_chain_id",
            "extracted",
        )
    ),
    "ALTER TABLE executions DROP COLUMN next_attempt_at",
    "ALTER TABLE executions DROP COLUMN exchange",
    "UPDATE alembic_version SET version_num = '0004'",
)
"""Statements that take a database back to revision 0004."""


def make_older(path: Path) -> None:
    change(path, *TO_0004)


def make_newer(path: Path) -> None:
    change(
        path,
        "UPDATE alembic_version SET version_num = '0099'",
        "INSERT INTO upgrades VALUES ('0099', '4.2.0', 1804420800000000)",
        "ALTER TABLE executions RENAME COLUMN slot TO due_at",
        "ALTER TABLE jobs RENAME TO tasks",
    )


def make_foreign(path: Path) -> None:
    path.unlink()
    change(path, "CREATE TABLE bookmarks (url TEXT)")


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def make_unfinished(path: Path) -> None:
    """As another database is being copied into it."""
    change(path, "UPDATE alembic_version SET version_num = 'unfinished-copy-' || version_num")


def damage(path: Path) -> None:
    """An index loses its entries, which a look at the tables alone doesn't notice."""
    with path.open("r+b") as file:
        ((page,),) = rows(
            path,
            "SELECT rootpage FROM sqlite_master WHERE name = 'executions_job_slot_kind' "
            "OR name = 'sqlite_autoindex_executions_2' LIMIT 1",
        )
        file.seek((int(str(page)) - 1) * PAGE_BYTES + 3)
        file.write(b"\x00\x01")
