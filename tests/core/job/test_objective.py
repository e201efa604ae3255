"""Objectives as they are stored and shown."""

from datetime import timedelta

import pytest

from myscheduler.core.job.objective import Objective, objective_from_json, objective_to_json


@pytest.mark.parametrize("one", [Objective(99.5), Objective(50, 0, timedelta(hours=1)), Objective(99.99, 60)])
def test_what_is_stored_is_read_back(one: Objective) -> None:
    assert objective_from_json(objective_to_json(one)) == one
