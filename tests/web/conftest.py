"""What tests of the dashboard share: one Chromium for each process of pytest, a service with jobs, and pages of it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from benchmarks.chromium import CHROMIUM
from myscheduler.settings import API_TOKEN
from tests.support.browser import Chromium, Pages, chromium
from tests.support.chained import with_chains
from tests.support.fleet import seeded
from tests.support.routes_shown import Show
from tests.support.service import Service


@pytest.fixture(scope="session")
def _chromium() -> Iterator[Chromium]:
    if CHROMIUM is None:
        missing = "there is no Chromium: apt-get install chromium-headless-shell fonts-vlgothic"
        pytest.fail(missing) if os.environ.get("WEB_REQUIRED") else pytest.skip(missing)
    with chromium() as one:
        yield one


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The jobs of `tests/support/fleet.py`, open to all. Many tests share it: leave everything as it is."""
    with seeded(tmp_path_factory.mktemp("fleet")) as service:
        yield service


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same jobs, for those with a token; requests of tests have an admin's. Leave everything as it is, too."""
    settings = {API_TOKEN: "s3cret", f"{API_TOKEN}_ROLE": "admin"}
    with seeded(tmp_path_factory.mktemp("guarded"), **settings) as service:
        yield service


@pytest.fixture(scope="session")
def chained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The chains of `tests/support/chained.py`, open to all. Leave everything as it is, too."""
    with with_chains(tmp_path_factory.mktemp("chained")) as service:
        yield service


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """Starts services of the test's own: `start(MYSCHEDULER_NAME="本番")`, or without jobs: `start(has_jobs=False)`."""
    with ExitStack() as stack:

        def one(*, has_jobs: bool = True, **settings: str) -> Service:
            folder = tmp_path_factory.mktemp("own")
            return stack.enter_context(seeded(folder, **settings) if has_jobs else Service(folder, **settings))

        yield one


@pytest.fixture
def pages(_chromium: Chromium, fleet: Service, start: Callable[..., Service]) -> Iterator[Pages]:
    """Opens pages of `fleet`, or of another service; looks at their consoles in the end.

    It comes after `start`, so that no page outlives its service.
    """
    del start
    with _chromium.at_work() as browser:
        opened = Pages(browser, fleet)
        yield opened
        opened.close()


@pytest.fixture
def show(pages: Pages, guarded: Service, chained: Service) -> Show:
    """Opens pages with their content, by name: `show("jobs", width=375)`."""
    return Show(pages, guarded, chained)
