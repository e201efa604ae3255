"""What all tests share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.target import Target

# else each service that a test starts compiles the whole package again, which takes most of its start
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest_plugins = ["tests.support.postgres"]

# failures are found again from the printed example; a database would only be left over
settings.register_profile("default", deadline=None, database=None)
settings.load_profile("default")


def pytest_xdist_auto_num_workers() -> int:
    """Most tests wait for a process or a clock, so two processors have time for three of them."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


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
