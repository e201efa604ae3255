"""A store of each kind, for the tests of its parts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from myscheduler.adapters.store import Store, open_store
from tests.support.postgres import Database
from tests.support.stored import sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database of each kind; a class that is about one kind overrides it."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    database: Database = request.getfixturevalue("postgres")
    return database.url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened_store:
        yield opened_store
