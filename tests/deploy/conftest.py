"""These tests need large packages of their own (requirements-deploy.txt); without them they are not collected."""

from importlib.util import find_spec
from pathlib import Path

import pytest

collect_ignore_glob = [] if find_spec("helm_python") else ["test_*.py"]


@pytest.fixture(scope="session")
def chart_with_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart that holds the files of `value_sets.FILES`."""
    from tests.support.value_sets import chart_with_files as copied  # noqa: PLC0415 - needs the packages

    return copied(tmp_path_factory.mktemp("charts"))
