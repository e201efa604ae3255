"""The line at the start: how many jobs there are, and which secrets of theirs there are not."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from myscheduler.adapters.secret_files import Secrets
from myscheduler.core.job.job import Job
from myscheduler.core.schedule.calendars import closed_bits
from myscheduler.service.catalog.loaded import NAMED, tell_loaded
from tests.support.parts import job, opened

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
URL = "postgresql://ada:s3cret@db/jobs?sslpassword=s3cret"


def with_secret(*names: str) -> Job:
    headers = {f"X-{number}": f"${{secret:{name}}}" for number, name in enumerate(names)}
    return job(f"job-{'-'.join(names)}"[:99], NOW, headers=headers)


@pytest.mark.parametrize(
    ("jobs", "level", "told"),
    [
        pytest.param([], "INFO", "0 jobs are loaded", id="none"),
        pytest.param([job("a", NOW)], "INFO", "1 job is loaded", id="one"),
        pytest.param([with_secret("there")], "INFO", "1 job is loaded", id="a secret that there is"),
        pytest.param(
            [with_secret("away"), with_secret("away", "there")],
            "WARNING",
            "2 jobs are loaded; 1 secret that they name is missing or unusable: away",
            id="one for two jobs",
        ),
        pytest.param(
            [with_secret(*(f"away-{number:02}" for number in range(NAMED + 5)))],
            "WARNING",
            "1 job is loaded; 15 secrets that they name are missing or unusable: "
            + ", ".join(f"away-{number:02}" for number in range(NAMED))
            + " and 5 more",
            id="many",
        ),
    ],
)
async def test_what_is_told(
    jobs: Sequence[Job], level: str, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    secrets = Secrets(tmp_path, {"MYSCHEDULER_SECRET_THERE": "s3cret"})
    await tell_loaded(jobs, secrets, held=0, jobs_dir=tmp_path, database_url=URL)
    (line,) = caplog.records
    assert (line.levelname, line.getMessage()) == (level, told)
    assert "s3cret" not in str(vars(line))
    assert (vars(line)["database"], vars(line)["api"]) == ("postgresql://ada:***@db/jobs", len(jobs))


async def test_the_days_of_a_country_are_loaded_with_the_jobs_that_name_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        await parts.create("a", calendar={"country": "JP", "only": "business_days"})
        closed_bits.cache_clear()
        await parts.catalog.load()
        assert closed_bits.cache_info().currsize == 1
