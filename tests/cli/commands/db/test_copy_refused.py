"""`myscheduler db copy`: what it refuses, and that nothing is changed then."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.care import copying
from myscheduler.errors import StoreError
from tests.support.databases import (
    change,
    contents,
    damage,
    db,
    make_empty,
    make_foreign,
    make_newer,
    make_older,
    rows,
    url,
)
from tests.support.postgres import Database
from tests.support.whole_databases import everything_in, fill_every_table


class TestWhatIsRefused:
    def test_a_service_on_either_side(self, full: Path, target: str) -> None:
        with open_store(url(full)):
            refused = db("copy", url(full), target)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "another myscheduler is using the database" in refused.stderr
        assert "full/jobs.db: stop it first" in refused.stderr
        with open_store(target):
            refused = db("copy", url(full), target)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "another myscheduler is using the database" in refused.stderr

    @pytest.mark.slow
    def test_no_service_starts_on_either_side_meanwhile(self, full: Path, target: str) -> None:
        tried: list[str] = []

        def start(text: str) -> None:
            if "(executions)" in text and not tried:
                tried.extend([url(full), target])
                for one in tried:
                    with pytest.raises(StoreError, match=r"is using the database|unfinished copy"), open_store(one):
                        pass

        copying.copy(url(full), target, start, starts_over=False)
        assert tried
        assert everything_in(target) == everything_in(url(full))

    @pytest.mark.slow
    def test_a_service_on_a_server_that_is_the_source(self, tmp_path: Path, postgres: Database) -> None:
        fill_every_table(postgres.url)
        with open_store(postgres.url):
            refused = db("copy", postgres.url, url(tmp_path / "copy.db"))
        assert refused.exit_code == 1
        assert "another myscheduler is using the database postgresql://postgres:***@" in refused.stderr
        assert not (tmp_path / "copy.db").exists()

    def test_the_wrong_order(self, full: Path, target: str) -> None:
        assert db("upgrade", "--database-url", target).exit_code == 0
        before = contents(full.parent)
        refused = db("copy", target, url(full))
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "holds data already (in audit, " in refused.stderr
        assert contents(full.parent) == before

    def test_the_wrong_order_with_nothing_there(self, full: Path, tmp_path: Path, postgres: Database) -> None:
        refused = db("copy", postgres.url, url(full))
        assert "is empty, so there is nothing to copy: the source is named first" in refused.stderr
        refused = db("copy", url(tmp_path / "never.db"), url(full))
        assert "SOURCE_URL names" in refused.stderr
        assert "where there is no database" in refused.stderr
        assert sorted(tmp_path.iterdir()) == [full.parent]

    def test_the_same_database_twice(
        self, full: Path, tmp_path: Path, postgres: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("link").symlink_to("full")
        fill_every_table(postgres.url)
        for source, target in [
            (url(full), "sqlite:///link/jobs.db"),
            (postgres.url, f"{postgres.url}?application_name=copy"),
        ]:
            refused = db("copy", source, target)
            assert (refused.exit_code, refused.stdout) == (1, "")
            assert "are the same database: name two" in refused.stderr

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            pytest.param(
                make_older, "comes from an older myscheduler: run this version's `myscheduler db u", id="older"
            ),
            pytest.param(make_newer, "was brought to revision 0099 by myscheduler 4.2.0", id="newer"),
            pytest.param(make_foreign, "holds tables of another program", id="foreign"),
            pytest.param(make_empty, "is empty, so there is nothing to copy", id="empty"),
            pytest.param(damage, "is damaged, so it is not copied: ", id="damaged"),
        ],
    )
    def test_sources(self, database: Path, make: Callable[[Path], None], says: str, target: str) -> None:
        make(database)
        before = contents(database.parent)
        result = db("copy", url(database), target)
        assert (result.exit_code, result.stdout) == (1, "")
        assert says in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert contents(database.parent) == before
        assert db("check", "--database-url", target).exit_code == 1  # nothing was begun there

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            pytest.param(make_newer, "was brought to revision 0099 by myscheduler 4.2.0", id="newer"),
            pytest.param(make_foreign, "holds tables of another program", id="foreign"),
            pytest.param(make_older, "holds data already (in executions, jobs)", id="older with data"),
        ],
    )
    def test_targets(self, database: Path, make: Callable[[Path], None], says: str, full: Path, tmp_path: Path) -> None:
        path = database.rename(tmp_path / "target.db")
        make(path)
        before = path.read_bytes()
        result = db("copy", url(full), url(path))
        assert (result.exit_code, result.stdout) == (1, "")
        assert says in result.stderr
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("statement", "says"),
        [
            pytest.param("error = 'a' || char(0)", "error of {key} has a NUL character", id="NUL"),
            pytest.param("error = CAST(x'eda080' AS TEXT)", "error of {key} is no UTF-8", id="lone surrogate"),
            pytest.param("error = CAST(x'ff' AS TEXT)", "error of {key} is no UTF-8", id="Latin-1"),
            pytest.param("error = x'ff'", "error of {key} is not a text", id="bytes"),
            pytest.param("attempts = 2147483648", "attempts of {key} is beyond 2,147,483,647", id="large"),
            pytest.param("slot_count = 'many'", "slot_count of {key} is not a whole number", id="text"),
            pytest.param("slot_count = 1e300", "slot_count of {key} is not a whole number", id="float"),
            pytest.param("reason = printf('%.*c', 33, 'x')", "reason of {key} is longer than 32 characters", id="long"),
        ],
    )
    def test_values(self, statement: str, says: str, full: Path, postgres: Database) -> None:
        key = rows(full, "SELECT execution_id FROM executions ORDER BY execution_id LIMIT 1 OFFSET 3000")[0][0]
        with sqlite3.connect(full) as connection:
            connection.execute(f"UPDATE executions SET {statement} WHERE execution_id = ?", [key])  # noqa: S608
        connection.close()
        result = db("copy", url(full), postgres.url)
        assert (result.exit_code, result.stdout) == (1, "")
        assert len(result.stderr.splitlines()) == 1
        assert "a row of the table executions can't be copied: " in result.stderr
        assert says.format(key="003000") in re.sub("003000.*?(?= (has|is) )", "003000", result.stderr)
        change(full, "UPDATE executions SET error = NULL, attempts = 1, slot_count = 1, reason = NULL")

    @pytest.mark.parametrize(
        ("source", "target", "says"),
        [
            ("mysql://a/b", "sqlite:///b.db", "SOURCE_URL names a database that myscheduler can't use (mysql)"),
            ("sqlite:///a.db", "nonsense", "TARGET_URL is not a database URL"),
            ("sqlite:///a.db", "sqlite:///b.db", "SOURCE_URL names a.db, where there is no database"),
            ("sqlite://", "sqlite:///b.db", "SOURCE_URL names no file"),
        ],
    )
    def test_urls(self, source: str, target: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        result = db("copy", source, target)
        assert result.exit_code == 1
        assert says in result.stderr
        assert list(tmp_path.iterdir()) == []
