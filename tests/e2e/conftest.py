"""The two ways in which a service makes its calls."""

import pytest

BY_ITSELF, BY_SENDERS = 0, 2


@pytest.fixture(params=[pytest.param(BY_ITSELF, id="by itself"), pytest.param(BY_SENDERS, id="by senders")])
def senders(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many sender processes the services of the test have."""
    count: int = request.param
    monkeypatch.setenv("MYSCHEDULER_SENDERS", str(count))
    return count
