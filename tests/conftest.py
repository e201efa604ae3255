"""What all tests share."""

import gc
import math
import os
import ssl
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from myscheduler.adapters.http import issuer_documents, sender, trust
from tests.support.target import Target

# else each service that a test starts compiles the whole package again, which takes most of its start
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest_plugins = ["tests.support.postgres"]

# failures are found again from the printed example; a database would only be left over
settings.register_profile("default", deadline=None, database=None)
settings.load_profile("default")


def pytest_xdist_auto_num_workers() -> int:
    """More than half of the time goes by in tests that wait for a process or a clock: two processors keep up with six.

    Of more processors each has less to wait for: the longest tests take as long as all of the others.
    """
    processors = os.cpu_count() or 1
    return min(3 * processors, processors + 4)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest tests begin first, a few on each worker: each worker begins with an equal part of the list. One that
    began last would run on alone.
    """
    longest = [one for one in items if one.get_closest_marker("slow")]
    others = [one for one in items if not one.get_closest_marker("slow")]
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    size = math.ceil(len(others) / workers)
    items[:] = [
        one
        for number in range(workers)
        for one in (*longest[number::workers], *others[number * size : (number + 1) * size])
    ]


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: none of the many collections of garbage has to look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _believed() -> Iterator[None]:
    """Reading the certificates of the machine takes longer than most tests with a sender: they are read once.

    Where a test names others by a variable, those are read.
    """

    @cache
    def of_the_machine() -> ssl.SSLContext:
        return trust.tls_context()

    def tls_context() -> ssl.SSLContext:
        is_named = os.environ.get(trust.FILE) or os.environ.get(trust.FOLDER)
        return trust.tls_context() if is_named else of_the_machine()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sender, "tls_context", tls_context)
        patch.setattr(issuer_documents, "tls_context", tls_context)
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Of the widest scope, so that fixtures of every scope may use it."""
    return "asyncio"


@pytest.fixture
def target() -> Iterator[Target]:
    """Answers 200, until it is told otherwise."""
    with Target() as running:
        yield running


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the developer's machine reaches a test, and none writes into the checkout."""
    for name in [
        name for name in os.environ if name.startswith("MYSCHEDULER_") or name in {"DATABASE_URL", "TZ", "LOG_LEVEL"}
    ]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
