"""Names of callers that only the service may record."""

import pytest

from myscheduler.core.access.names import is_reserved, recorded


@pytest.mark.parametrize(
    "name", ["manifest", "Manifest", " clock ", "ｃｌｏｃｋ", "Target", "cli:", "CLI:root", "ｃｌｉ：root"]
)
def test_reserved_names_are_marked(name: str) -> None:
    assert is_reserved(name)
    assert recorded(name) == f"api:{name}"


@pytest.mark.parametrize("name", ["", "ada", "manifests", "clock-ci", "client", "cli", "api:manifest", "my cli:x"])
def test_others_are_not(name: str) -> None:
    assert recorded(name) == name
