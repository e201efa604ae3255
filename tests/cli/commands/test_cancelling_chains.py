"""`myscheduler chains cancel`, against an API in place of the service's."""

import pytest
import respx

from tests.support.answers import EXECUTION_ID
from tests.support.commands import API, asked


@pytest.mark.parametrize(
    ("executions", "said"), [(0, "0 executions ended"), (1, "1 execution ended"), (2, "2 executions ended")]
)
def test_cancel_says_how_many_ended(executions: int, said: str) -> None:
    answer = {"chain_id": EXECUTION_ID, "status": "cancelled", "executions": executions}
    with respx.mock(base_url=API) as api:
        api.post(f"/chains/{EXECUTION_ID}/cancel").respond(json=answer)
        assert asked("chains", "cancel", EXECUTION_ID).stdout == f"{EXECUTION_ID}: cancelled, {said}\n"
