"""`myscheduler db copy`: what is copied, and what it says."""

import json
import re
import sqlite3
from pathlib import Path

from myscheduler.adapters.store.care import whole_rows
from myscheduler.adapters.store.migrations import HEAD
from myscheduler.adapters.store.tables import metadata
from tests.support.databases import (
    change,
    contents,
    db,
    url,
)
from tests.support.postgres import QUOTED_PASSWORD, Database
from tests.support.whole_databases import everything_in


class TestWhatIsCopied:
    def test_there_and_back_all_rows_of_all_tables_are_the_same(
        self, full: Path, tmp_path: Path, postgres: Database
    ) -> None:
        before, files = everything_in(url(full)), contents(full.parent)
        assert all(before.values())
        there = db("copy", url(full), postgres.url)
        assert (there.exit_code, there.stderr) == (0, "")
        assert contents(full.parent) == files | {"jobs.db.lock": b""}
        assert everything_in(postgres.url) == before
        back = db("copy", postgres.url, url(tmp_path / "back.db"))
        assert (back.exit_code, back.stderr) == (0, "")
        assert everything_in(url(tmp_path / "back.db")) == before
        assert (tmp_path / "back.db").stat().st_mode & 0o777 == 0o600
        for copy in (postgres.url, url(tmp_path / "back.db")):
            assert f"revision    {HEAD}, up to date" in db("check", "--database-url", copy).stdout

    def test_every_table_of_a_database_is_among_those_that_are_copied(self, full: Path, postgres: Database) -> None:
        assert db("copy", url(full), postgres.url).exit_code == 0
        there = {name for (name,) in postgres.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        assert there == {*metadata.tables, "alembic_version"}

    def test_no_column_counts_by_itself(self, full: Path, postgres: Database) -> None:
        """Else a copy would have to set the sequence of a server after it."""
        assert db("copy", url(full), postgres.url).exit_code == 0
        assert postgres.ask("SELECT sequencename FROM pg_sequences") == []

    def test_every_column_has_a_type_whose_values_are_checked(self) -> None:
        kinds = {type(column.type).__name__ for table in metadata.sorted_tables for column in table.columns}
        assert kinds == {"String", "Text", "Integer", "BigInteger", "UtcTime", "Boolean"}

    def test_a_server_knows_how_large_its_tables_are(self, full: Path, postgres: Database) -> None:
        assert db("copy", url(full), postgres.url).exit_code == 0
        assert postgres.ask("SELECT reltuples FROM pg_class WHERE relname = 'executions'") == [
            (2 * whole_rows.BATCH_ROWS + 7,)
        ]

    def test_a_row_that_is_larger_than_a_batch(self, full: Path, postgres: Database) -> None:
        change(full, "UPDATE outlines SET outline = printf('%.*c', 9000000, 'x')")
        assert db("copy", url(full), postgres.url).exit_code == 0
        assert everything_in(postgres.url) == everything_in(url(full))

    def test_what_a_killed_service_left_in_the_log(self, full: Path, postgres: Database) -> None:
        connection = sqlite3.connect(full, isolation_level=None)
        connection.execute("UPDATE jobs SET pause_reason = '棚卸し'")
        for ending in ("", "-wal"):
            full.with_name(f"killed.db{ending}").write_bytes(Path(f"{full}{ending}").read_bytes())
        connection.close()
        killed = full.with_name("killed.db")
        assert Path(f"{killed}-wal").stat().st_size > 0
        assert db("copy", url(killed), postgres.url).exit_code == 0
        assert set(postgres.ask("SELECT pause_reason FROM jobs")) == {("棚卸し",)}


class TestWhatItSays:
    def test_text(self, database: Path, postgres: Database) -> None:
        result = db("copy", url(database), postgres.url)
        shown = f"postgresql://postgres:***@127.0.0.1:{postgres.port}/{postgres.name}"
        assert result.stdout == (
            f"copied sqlite:///{database} to {shown}, and compared every row:\n"
            "  executions  3\n"
            "  jobs        1\n"
            "  upgrades    1\n"
            "5 rows\n"
            f"Now set DATABASE_URL to {shown}, and start the service.\n"
            f"Start none on sqlite:///{database} any more: both would send the same slots.\n"
        )

    def test_json(self, database: Path, target: str) -> None:
        result = db("copy", url(database), target, "--format", "json")
        found = json.loads(result.stdout)
        assert (found["source"], found["rows"], found["found"]) == (url(database), 5, 0)
        assert set(found["tables"]) == set(metadata.tables)
        assert found["tables"]["executions"]["rows"] == 3
        assert re.fullmatch("[0-9a-f]{32}", found["tables"]["executions"]["digest"])
        assert QUOTED_PASSWORD not in result.output

    def test_a_second_run_has_nothing_to_do(self, database: Path, target: str) -> None:
        assert db("copy", url(database), target).exit_code == 0
        result = db("copy", url(database), target)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "holds data already (in executions, jobs), and nothing is overwritten" in result.stderr


def test_the_digest_does_not_depend_on_the_order() -> None:
    one, other = whole_rows.Digest(), whole_rows.Digest()
    for row in [(1, "a"), (2, None), (3, "あ")]:
        one.add(row)
    for row in [(3, "あ"), (1, "a"), (2, None)]:
        other.add(row)
    assert one == other
    other.add((1, "a"))
    assert one != other
    different = whole_rows.Digest()
    for row in [(1, "a"), (2, None), (3, "い")]:
        different.add(row)
    assert one != different
