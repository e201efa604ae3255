"""`myscheduler why`: golden answers over the nights of clock changes, and the command against a real service."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.cli import main
from myscheduler.cli.commands.why import _lines
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.history.execution import Execution, Finish, Status
from myscheduler.core.schedule.slots import slots_between
from tests.support.golden import FOLDER, expect
from tests.support.parts import ZONE, MovableClock, Parts, client, opened
from tests.support.service import Service, manifest

pytestmark = pytest.mark.anyio

NIGHTS = (FOLDER / "nights" / "jobs.yaml").read_text("utf-8")


@dataclass
class Frozen(MovableClock):
    """A clock that stands still."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path, clock=Frozen()) as parts:
        yield parts


async def live(parts: Parts, start: datetime, days: int) -> None:
    """Let the jobs run as the dispatcher would: decided by the agenda, claimed and ended in the database."""
    assert isinstance(parts.clock, Frozen)
    parts.clock.at, end = start, start + timedelta(days=days)
    parts.manifest("jobs.yaml", NIGHTS)
    await parts.sync()
    agenda = Agenda(zone=ZONE, permits=1_000, permits_per_host=1_000, new_id=new_execution_id)
    agenda.start(start)
    schedules = {job_id: agenda.arm(job, start) for job_id, job in (await parts.jobs()).items()}
    due = sorted((slot, job_id) for job_id, one in schedules.items() for slot in slots_between(one, start, end))
    for slot, job_id in due:
        agenda.wake(job_id, slot)
        taken = agenda.take(slot + timedelta(milliseconds=20), 100)
        await parts.store.write(partial(claim_rows.claim, claims=[one.claim for one in taken]))
        sent = [one.claim.execution for one in taken if one.claim.execution]
        await parts.store.write(partial(claim_rows.finish, finishes=[_finish(one) for one in sent]))
        for one in taken:
            agenda.confirm(one)
            if one.claim.execution:
                agenda.leave(one.host)
                agenda.over(job_id)
                agenda.end(job_id)
    parts.clock.at = end


def _finish(execution: Execution) -> Finish:
    done = execution.started_at + timedelta(milliseconds=480)
    return Finish(execution.execution_id, Status.COMPLETED, execution.started_at, done, 1, Outcome(http_status=200))


@pytest.mark.parametrize(
    ("name", "start", "questions"),
    [
        pytest.param(
            "new-york-forward", "2026-03-07T12:00-05:00",
            ["new-york-fixed 2026-03-08T02:30", "new-york-hourly 2026-03-08T02:00", "new-york-hourly 2026-03-08T03:00",
             "new-york-skip-both 2026-03-08T02:30", "new-york-skip-both 2026-03-08T01:30",
             "tokyo-fixed 2026-03-08T02:30", "new-york-several 2026-03-08T02:30", "new-york-several 2026-03-08T03:00",
             "new-york-wall 2026-03-08T02:30"],
            id="New York, forward",
        ),
        pytest.param(
            "new-york-back", "2026-10-31T12:00-04:00",
            ["new-york-back 2026-11-01T01:30", "new-york-hourly 2026-11-01T01:00",
             "new-york-skip-both 2026-11-01T01:30", "new-york-back 2026-11-01T01:30-05:00",
             "tokyo-hourly 2026-11-01T02:30", "new-york-several 2026-11-01T01:30-05:00",
             "new-york-wall 2026-11-01T02:30", "new-york-wall 2026-11-01T03:00"],
            id="New York, back",
        ),
        pytest.param(
            "london-forward", "2026-03-28T12:00Z", ["london-fixed 2026-03-29T01:30", "london-real 2026-03-29T01:30"],
            id="London, forward",
        ),
        pytest.param(
            "london-back", "2026-10-24T12:00Z",
            ["london-fixed 2026-10-25T01:30", "london-real 2026-10-25T01:30", "london-wall 2026-10-25T01:30"],
            id="London, back",
        ),
        pytest.param(
            "lord-howe-forward", "2026-10-03T00:00Z",
            ["lord-howe-fixed 2026-10-04T02:15", "lord-howe-back 2026-10-04T01:45", "lord-howe-wall 2026-10-04T02:15"],
            id="Lord Howe, forward",
        ),
        pytest.param(
            "lord-howe-back", "2026-04-04T00:00Z",
            ["lord-howe-fixed 2026-04-05T02:15", "lord-howe-back 2026-04-05T01:45"], id="Lord Howe, back",
        ),
        pytest.param("casablanca-back", "2026-02-14T12:00Z", ["casablanca-fixed 2026-02-15T02:30"],
                     id="Ramadan begins"),
        pytest.param(
            "casablanca-forward", "2026-03-21T12:00Z", ["casablanca-fixed 2026-03-22T02:30"], id="Ramadan is over"
        ),
    ],
)  # fmt: skip
async def test_the_nights_of_clock_changes(night: Parts, name: str, start: str, questions: list[str]) -> None:
    await live(night, datetime.fromisoformat(start).astimezone(UTC), 2)
    answers = []
    async with client(night) as api:
        for question in questions:
            job_id, at = question.split()
            found = (await api.get(f"/api/v1/jobs/{job_id}/why", params={"at": at})).json()
            answers.append(f"$ myscheduler why {question}\n" + click.unstyle("\n".join(_lines(found))) + "\n")
    expect(f"nights/why-{name}.txt", "\n".join(answers))


def why(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["why", *arguments], env=env, prog_name="myscheduler")


async def test_a_real_service_answers(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_text(
        manifest("日次 集計", "http://127.0.0.1:9/", 'cron: "0 9 * * *"', "paused: true"), encoding="utf-8"
    )
    with Service(tmp_path, MYSCHEDULER_API_TOKEN="secret") as service:
        env = {"MYSCHEDULER_BASE_URL": service.url, "MYSCHEDULER_API_TOKEN": "secret"}
        answers = await asyncio.to_thread(
            lambda: [
                why("日次 集計", "2099-01-01T09:00", **env),
                why("日次 集計", "2099-01-01T09:00", "--format", "json", **env),
                why("nobody", "2099-01-01T09:00", **env),
                why("日次 集計", "tomorrow", **env),
                why("日次 集計", "2099-01-01T09:00", "--server", service.url, MYSCHEDULER_API_TOKEN="wrong"),
            ]
        )
    told, as_json, unknown, no_time, no_token = answers
    assert told.exit_code == 0
    assert told.stdout.startswith("日次 集計 at Thu 2099-01-01 09:00:00 +09:00  [Asia/Tokyo]\n")
    assert "is still to come: it will be skipped unless the job is resumed before then." in told.stdout
    assert '"status": null' in as_json.stdout
    assert (unknown.exit_code, "there is no job 'nobody'" in unknown.stderr) == (1, True)
    assert (no_time.exit_code, "is not a date with a time" in no_time.stderr) == (1, True)
    assert (no_token.exit_code, "answered 401" in no_token.stderr) == (1, True)
