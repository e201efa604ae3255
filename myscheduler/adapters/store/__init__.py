"""The database: jobs, their cursors, and the history of executions, in SQLite or PostgreSQL."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import sqlalchemy as sa

from myscheduler.adapters.store.database.connections import READERS
from myscheduler.adapters.store.database.errors import unavailable
from myscheduler.adapters.store.database.opening import open_engines
from myscheduler.adapters.store.database.vitals import Vitals
from myscheduler.adapters.store.database.writer import Writer
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import outlines as source_rows
from myscheduler.adapters.store.rows import probe
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.adapters.store.rows import retention as retention_rows
from myscheduler.adapters.store.rows import revisions as revision_rows
from myscheduler.adapters.store.rows import uptime as uptime_rows
from myscheduler.errors import StoreUnavailableError

__all__ = [
    "Connection",
    "Store",
    "audit_rows",
    "execution_rows",
    "job_rows",
    "key_rows",
    "open_store",
    "probe",
    "queued_rows",
    "retention_rows",
    "revision_rows",
    "source_rows",
    "uptime_rows",
]

T = TypeVar("T")
Connection = sa.Connection

# A command has no log, and Python would write to stderr what the pool logs: the traceback of a Ctrl-C.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())


class Store:
    """Runs functions of the `…_rows` modules in threads, off the event loop, each in its own transaction.

    Both methods raise `StoreUnavailableError` if the database can't be used at the moment.
    """

    def __init__(self, engine: sa.Engine, writer: Writer, readers: ThreadPoolExecutor, vitals: Vitals) -> None:
        self._engine = engine
        self._writer = writer
        self._readers = readers
        self.vitals = vitals

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run `query` concurrently with the writer; it sees what was committed before it began."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` while no other write runs; its changes are durable when this returns.

        `work` may be run twice, so it must do nothing but SQL.
        """
        return await self._writer.run(work)

    def _read(self, query: Callable[[Connection], T]) -> T:
        try:
            with unavailable(), self._engine.begin() as connection:
                return query(connection)
        except StoreUnavailableError as error:
            self.vitals.failed(error)
            raise


@contextmanager
def open_store(url: str) -> Iterator[Store]:
    """Open the database at `url`, bring it up to date, and close it at the end. Raises `StoreError`."""
    with open_engines(url) as engines, ThreadPoolExecutor(READERS, thread_name_prefix="reader") as readers:
        vitals = Vitals()
        writer = Writer(engines.writer, vitals)
        try:
            yield Store(engines.reader, writer, readers, vitals)
        finally:
            writer.close()
