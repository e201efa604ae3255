"""How many processors are used: those of the process, and no more than the quota of its container pays for."""

import os
from pathlib import Path

import pytest

from myscheduler.machine.processors import usable

HERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("max 100000\n", HERE, id="no quota"),
        pytest.param("100000 100000\n", 1, id="one"),
        pytest.param("199999 100000\n", 1, id="less than two"),
        pytest.param("50000 100000\n", 1, id="half of one"),
        pytest.param("6400000 100000\n", HERE, id="more than there are"),
        pytest.param("nonsense\n", HERE, id="not readable"),
        pytest.param("100000 0\n", HERE, id="no period"),
        pytest.param(None, HERE, id="no such file"),
    ],
)
def test_the_quota_of_the_container_counts(tmp_path: Path, written: str | None, expected: int) -> None:
    quota = tmp_path / "cpu.max"
    if written is not None:
        quota.write_text(written)
    assert usable(quota) == expected


def test_it_is_at_most_those_that_the_process_may_run_on(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable(tmp_path / "none") == 1
    finally:
        os.sched_setaffinity(0, before)
