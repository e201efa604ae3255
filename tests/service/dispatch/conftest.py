"""What tests of the dispatch share: a target that answers 200, and the parts at work."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.parts import Parts, started


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with started(tmp_path) as running:
        yield running
