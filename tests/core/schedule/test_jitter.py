"""The jitter of a job is the same for ever."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.schedule.jitter import jitter_offset


def test_it_is_the_same_for_ever() -> None:
    """A change of these numbers would move every job that has a jitter."""
    offsets = [jitter_offset(job_id, 3_600).seconds for job_id in ("daily-report", "日次レポート", "a")]
    assert offsets == [2_364, 430, 250]


@given(st.text(max_size=20), st.integers(1, 86_400))
def test_it_is_at_least_nothing_and_less_than_it_may_be(job_id: str, jitter_sec: int) -> None:
    assert timedelta() <= jitter_offset(job_id, jitter_sec) < timedelta(seconds=jitter_sec)
    assert jitter_offset(job_id, 0) == timedelta()


def test_jobs_are_spread() -> None:
    minutes = {jitter_offset(f"job-{number}", 3_600).seconds // 60 for number in range(1_000)}
    assert minutes == set(range(60))
