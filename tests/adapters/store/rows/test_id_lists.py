"""Lists of ids come in few lengths, because SQLite keeps a prepared statement for each."""

from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.positions import positions
from tests.support.stored import sqlite_url

pytestmark = pytest.mark.anyio


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


def test_every_id_is_there_and_none_besides() -> None:
    for count in range(1_300):
        ids = [str(number) for number in range(count)]
        lists = list(job_rows.id_lists(ids))
        assert list(dict.fromkeys(one for part in lists for one in part)) == ids


def test_lengths_are_few() -> None:
    lengths = {len(part) for count in range(1, 1_300) for part in job_rows.id_lists(range(count))}
    assert lengths == {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}


async def test_queries_for_any_number_of_jobs_are_few_statements(store: Store) -> None:
    seen: set[str] = set()

    def note(*about: object) -> None:
        seen.add(str(about[2]))

    def query(connection: sa.Connection, count: int) -> None:
        sa.event.listen(connection, "before_cursor_execute", note)
        ids = [str(number) for number in range(count)]
        job_rows.find_jobs(connection, ids)
        positions(connection, ids)
        execution_rows.by_ids(connection, ids)

    for count in range(1, 200):
        await store.read(partial(query, count=count))
    assert len(seen) <= 3 * 9, "each is kept prepared by every connection"
