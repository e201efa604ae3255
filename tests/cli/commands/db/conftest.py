"""The databases that `myscheduler db` works on."""

import shutil
from pathlib import Path

import pytest

from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.care import whole_rows
from tests.support.databases import change, fill, url
from tests.support.postgres import Database
from tests.support.whole_databases import fill_every_table


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Of this version, with little in it, and nobody uses it."""
    path = tmp_path / "data" / "jobs.db"
    with open_store(url(path)):
        pass
    fill(path)
    change(path, "UPDATE upgrades SET version = '0.1.0', upgraded_at = 1804420800000000")
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "jobs.db"
    rows = {"executions": 2 * whole_rows.BATCH_ROWS + 7, "audit": whole_rows.BATCH_ROWS}  # in several batches
    fill_every_table(url(path), rows)
    return path


@pytest.fixture
def full(made: Path, tmp_path: Path) -> Path:
    """An SQLite database with rows in every table."""
    path = tmp_path / "full" / "jobs.db"
    path.parent.mkdir()
    return Path(shutil.copyfile(made, path))


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return url(tmp_path / "copy" / "jobs.db")
    database: Database = request.getfixturevalue("postgres")
    return database.url
