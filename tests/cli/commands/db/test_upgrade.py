"""`myscheduler db upgrade`, as operators and scripts see it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from myscheduler import __version__
from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.migrations import HEAD, REVISIONS
from tests.support.databases import TO_0004, contents, db, fill, make_foreign, make_newer, make_older, rows, url
from tests.support.postgres import Database


def test_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "data" / "jobs.db"
    upgrade = partial(db, "upgrade", "--database-url", url(path))
    assert upgrade().stdout == f"created a new database of revision {HEAD}\n"
    assert upgrade().stdout == f"nothing to do: the database has revision {HEAD} already\n"
    fill(path)
    make_older(path)
    result = upgrade()
    assert (result.exit_code, result.stdout) == (0, f"upgraded the database from revision 0004 to {HEAD}\n")
    ((revision, version),) = rows(path, "SELECT revision, version FROM upgrades")
    assert (revision, version) == (REVISIONS[-1], __version__)
    assert rows(path, "SELECT count(*) FROM executions") == [(3,)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(make_newer, "was brought to revision 0099 by myscheduler 4.2.0", id="newer"),
        pytest.param(make_foreign, "holds tables of another program", id="foreign"),
    ],
)
def test_databases_that_are_not_upgraded(database: Path, make: Callable[[Path], None], says: str) -> None:
    make(database)
    before = contents(database.parent)
    result = db("upgrade", "--database-url", url(database))
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert contents(database.parent) == before


def test_upgrade_of_postgresql(postgres: Database) -> None:
    upgrade = partial(db, "upgrade", "--database-url", postgres.url)
    assert upgrade().stdout == f"created a new database of revision {HEAD}\n"
    for statement in TO_0004:
        postgres.ask(statement)
    assert upgrade().stdout == f"upgraded the database from revision 0004 to {HEAD}\n"
    assert upgrade().stdout == f"nothing to do: the database has revision {HEAD} already\n"
    assert postgres.ask("SELECT revision, version FROM upgrades") == [(HEAD, __version__)]


def test_a_service_is_not_upgraded_away_under_its_feet(database: Path) -> None:
    with open_store(url(database)):
        result = db("upgrade", "--database-url", url(database))
    assert result.exit_code == 1
    assert "another myscheduler is using the database" in result.stderr
