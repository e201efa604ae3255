"""What tests of the API share: the parts at work, and a client of the API on them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.parts import BEHIND_PROXY, Parts, client, opened


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path, drain_sec=0) as running:
        running.dispatcher.start()
        yield running


@pytest.fixture
async def api(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with client(parts, access=BEHIND_PROXY) as one:
        yield one
