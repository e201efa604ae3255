"""A sender."""

from collections.abc import AsyncIterator

import pytest

from myscheduler.adapters.http.sender import Sender, open_sender


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with open_sender(connections=50, connections_per_host=10) as opened:
        yield opened
