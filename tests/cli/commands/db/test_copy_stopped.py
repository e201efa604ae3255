"""`myscheduler db copy`: it is stopped at any moment, and goes on."""

import json
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.care import copying
from myscheduler.errors import StoreError
from tests.support.copies import StopError, rows_so_far, stops_at, stops_in
from tests.support.databases import (
    change,
    db,
    fill,
    url,
)
from tests.support.patience import PATIENCE
from tests.support.postgres import Database
from tests.support.whole_databases import everything_in, fill_every_table

COMMAND = (sys.executable, "-m", "myscheduler", "db", "copy")


class TestAnUnfinishedCopy:
    @pytest.mark.slow
    def test_it_goes_on_wherever_it_was_stopped(self, full: Path, target: str) -> None:
        before, stops = everything_in(url(full)), 0
        while True:
            try:
                copied = copying.copy(url(full), target, stops_at(3 * stops + 1), starts_over=False)
            except StopError:
                stops += 1
            else:
                break
        assert stops > 10
        assert copied.found == copied.rows == sum(map(len, before.values()))
        assert everything_in(target) == before

    def test_nothing_uses_it(self, full: Path, target: str) -> None:
        with pytest.raises(StopError):
            copying.copy(url(full), target, stops_in("executions"), starts_over=False)
        says = "holds an unfinished copy of another database: run the same `myscheduler db copy` again, which goes on"
        with pytest.raises(StoreError, match=says), open_store(target):
            pass
        for command in (["upgrade"], ["check"], ["backup", "never.db"]):
            result = db(*command, "--database-url", target)
            assert result.exit_code == 1
            assert says in result.output or "pg_dump" in result.output
        other = db("copy", target, url(full.with_name("other.db")))
        assert (other.exit_code, other.stdout) == (1, "")
        assert says in other.stderr

    def test_another_source_is_refused_and_can_start_over(self, full: Path, target: str, tmp_path: Path) -> None:
        with pytest.raises(StopError):
            copying.copy(url(full), target, stops_in("executions"), starts_over=False)
        other = tmp_path / "other.db"
        fill_every_table(url(other), {"audit": 3})
        result = db("copy", url(other), target)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "holds an unfinished copy of another source" in result.stderr
        assert "the table audit differs from what was copied; with --start-over, what" in result.stderr
        assert db("copy", url(other), target, "--start-over").exit_code == 0
        assert everything_in(target) == everything_in(url(other))

    def test_a_source_that_changed_is_refused_where_that_was_copied(self, full: Path, target: str) -> None:
        with pytest.raises(StopError):
            copying.copy(url(full), target, stops_in("jobs"), starts_over=False)
        change(full, "UPDATE executions SET status = 'interrupted' WHERE execution_id LIKE '000003%'")
        result = db("copy", url(full), target)
        assert result.exit_code == 1
        assert "has changed since: the table executions differs from what was copied" in result.stderr

    def test_a_source_that_changed_elsewhere_is_copied_as_it_is(self, full: Path, target: str) -> None:
        with pytest.raises(StopError):
            copying.copy(url(full), target, stops_in("executions"), starts_over=False)
        change(full, "UPDATE progress SET cursor = 7", "DELETE FROM tokens")
        assert db("copy", url(full), target).exit_code == 0
        assert everything_in(target) == everything_in(url(full))

    def test_one_of_another_revision_can_only_start_over(self, full: Path, tmp_path: Path) -> None:
        path = tmp_path / "copy.db"
        with pytest.raises(StopError):
            copying.copy(url(full), url(path), stops_in("executions"), starts_over=False)
        change(path, "UPDATE alembic_version SET version_num = 'unfinished-copy-0004'")
        result = db("copy", url(full), url(path))
        assert result.exit_code == 1
        assert "holds an unfinished copy of revision 0004, and this version of myscheduler has" in result.stderr
        assert db("copy", url(full), url(path), "--start-over").exit_code == 0
        assert everything_in(url(path)) == everything_in(url(full))

    def test_start_over_removes_nothing_but_an_unfinished_copy(self, full: Path, target: str) -> None:
        assert db("copy", url(full), target, "--start-over").exit_code == 0
        before = everything_in(target)
        assert db("copy", url(full), target, "--start-over").exit_code == 1
        assert everything_in(target) == before

    def test_rows_that_are_not_as_they_were_written_are_found(self, full: Path, tmp_path: Path) -> None:
        path = tmp_path / "copy.db"
        with pytest.raises(StopError):
            copying.copy(url(full), url(path), stops_in("jobs"), starts_over=False)
        change(path, "UPDATE executions SET slot_count = slot_count - 1 WHERE execution_id LIKE '000004%'")
        result = db("copy", url(full), url(path))
        assert result.exit_code == 1
        assert re.search(r"the copy of the table executions is not equal to it: 4,007 rows with", result.stderr)
        assert db("check", "--database-url", url(path)).exit_code == 1


class TestWhatEndsIt:
    @pytest.mark.slow
    @pytest.mark.parametrize("way", ["there", "back"])
    def test_kill_9(self, way: str, database: Path, tmp_path: Path, postgres: Database) -> None:
        change(database, "DELETE FROM executions", "DELETE FROM jobs")
        fill(database, executions=60_000)
        before = everything_in(url(database))
        source, target = url(database), postgres.url
        if way == "back":
            assert db("copy", source, target).exit_code == 0
            source, target = target, url(tmp_path / "back.db")
        process = subprocess.Popen([*COMMAND, source, target], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not rows_so_far(target):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert 0 < rows_so_far(target) < 60_000
        result = db("copy", source, target, "--format", "json")
        assert (result.exit_code, result.stderr) == (0, "")
        found = json.loads(result.stdout)
        assert 0 < found["found"] < found["rows"] == 60_002
        assert everything_in(target) == before

    def test_sigterm_ends_it_in_order(self, full: Path, target: str) -> None:
        code = (
            "import os, signal\n"
            "from myscheduler.adapters.store.care import copying\n"
            "from myscheduler.cli import main\n"
            "insert = copying.insert\n"
            "def stop(connection, table, rows):\n"
            "    if table.name == 'executions': os.kill(os.getpid(), signal.SIGTERM)\n"
            "    insert(connection, table, rows)\n"
            "copying.insert = stop\n"
            "main()\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code, "db", "copy", url(full), target], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stderr.strip()) == (1, "Aborted!")
        assert db("copy", url(full), target).exit_code == 0

    def test_a_connection_that_is_lost(self, full: Path, tmp_path: Path, postgres: Database) -> None:
        def hang_up(text: str) -> None:
            if "(executions)" in text:
                postgres.hang_up()

        says = r"127.0.0.1.* can't be (read|written): .*; nothing that was copied is lost: run the same command again"
        with pytest.raises(StoreError, match=says):
            copying.copy(url(full), postgres.url, hang_up, starts_over=False)
        assert db("copy", url(full), postgres.url).exit_code == 0
        back = url(tmp_path / "back.db")
        with pytest.raises(StoreError, match=says):
            copying.copy(postgres.url, back, hang_up, starts_over=False)
        assert db("copy", postgres.url, back).exit_code == 0
        assert everything_in(back) == everything_in(url(full))

    def test_a_full_disk(self, full: Path, tmp_path: Path) -> None:
        limit = full.stat().st_size // 2
        target = url(tmp_path / "copy" / "jobs.db")
        ended = subprocess.run(
            [*COMMAND, url(full), target], capture_output=True, text=True, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )  # fmt: skip
        assert ended.returncode == 1
        assert re.fullmatch(r"Error: the database .*copy/jobs\.db can't be written: .*\n", ended.stderr)
        assert "nothing that was copied is lost: run the same command again" in ended.stderr
        assert rows_so_far(target) > 0
        assert db("copy", url(full), target).exit_code == 0
        assert everything_in(target) == everything_in(url(full))

    def test_a_change_of_the_source_meanwhile(self, full: Path, target: str) -> None:
        def edit(text: str) -> None:
            if "(tokens)" in text:
                change(full, "DELETE FROM ended_sessions")

        with pytest.raises(StoreError, match="was changed by another program meanwhile: run this again"):
            copying.copy(url(full), target, edit, starts_over=False)
        assert db("check", "--database-url", target).exit_code == 1
