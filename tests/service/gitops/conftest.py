"""What tests of the GitOps side share: the parts, of which nothing runs by itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.parts import Parts, opened


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path) as running:
        yield running
