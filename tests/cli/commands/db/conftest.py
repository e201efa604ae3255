"""The database that `myscheduler db` works on."""

from pathlib import Path

import pytest

from myscheduler.adapters.store import open_store
from tests.support.databases import change, fill, url


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Of this version, with little in it, and nobody uses it."""
    path = tmp_path / "data" / "jobs.db"
    with open_store(url(path)):
        pass
    fill(path)
    change(path, "UPDATE upgrades SET version = '0.1.0', upgraded_at = 1804420800000000")
    return path
