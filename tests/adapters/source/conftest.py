"""An empty manifest directory."""

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jobs.d"
    root.mkdir()
    return root
