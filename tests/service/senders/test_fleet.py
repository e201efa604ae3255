"""Real sender processes: calls come out as in the main process, and nothing waits for ever when a sender dies."""

import asyncio
import gc
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.senders import process
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.history.execution import Cause, Execution, Kind
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.policy.file import Rules, read_policy
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.service.dispatch.caller import RedactedBugError, SenderLostError
from myscheduler.service.dispatch.calling import CallSettings
from myscheduler.service.senders import fleet as fleet_module
from myscheduler.service.senders import link
from myscheduler.service.senders.fleet import Fleet, SenderCounts, open_fleet
from myscheduler.service.senders.link import Link
from myscheduler.service.senders.messages import Setup, packed
from tests.support.parts import job, received, until
from tests.support.patience import PATIENCE
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
_NUMBERS = count()


@dataclass
class Senders:
    """A fleet, and what a test asks of it."""

    fleet: Fleet
    counts: SenderCounts
    rules: Rules = field(default_factory=Rules)
    certificates: list[tuple[str, datetime]] = field(default_factory=list)

    async def call(self, one: Job, attempt: int = 1) -> Outcome:
        return await self.fleet.call(one, run_of(one), attempt)

    @property
    def links(self) -> list[Link]:
        return self.fleet._links

    async def up(self, count: int = 1) -> None:
        """Wait until so many are there."""
        await until(self._count_up, lambda found: found >= count)

    async def _count_up(self) -> int:
        return self.counts.up

    async def pids(self) -> list[int]:
        await self.up(self.counts.wanted)
        return [one._process.pid for one in self.links if one._process is not None]


def run_of(one: Job) -> Execution:
    return Execution(
        f"日次-{next(_NUMBERS)}", one.job_id, NOW, Kind.SCHEDULED, Cause.TIMER, one.digest, one.source, NOW
    )


@asynccontextmanager
async def senders(folder: Path, count: int = 1, **settings: Any) -> AsyncIterator[Senders]:
    calls = CallSettings(folder / "jobs.d", folder / "secrets", "Asia/Tokyo")
    usual: dict[str, Any] = {
        "api_may_call_private": True,
        "own_ports": frozenset(),
        "log_level": 30,
        "log_format": "json",
    }
    counts = SenderCounts(count)

    def seen(host: str, expires_at: datetime) -> None:
        made.certificates.append((host, expires_at))

    setup = Setup(calls, **(usual | settings))
    async with open_fleet(setup, counts, rules=lambda: made.rules, certificate_seen=seen) as fleet:
        made = Senders(fleet, counts)
        yield made


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender is started again at once, and beats are short."""
    monkeypatch.setattr(fleet_module, "SHORTEST_WAIT_SEC", 0.01)
    monkeypatch.setattr(link, "BEAT_SEC", 0.1)


def declared(**fields: Any) -> Job:
    return replace(job("a", NOW, **fields), owner=Owner.MANIFEST)


async def test_a_call_comes_out_as_in_the_main_process(tmp_path: Path, target: Target) -> None:
    target.answers("/teapot", Answer(418, "お茶".encode()))
    async with senders(tmp_path) as fleet:
        good = await fleet.call(declared(target_url=target.url("/ok"), body={"報告": "日次"}, method="POST"))
        bad = await fleet.call(declared(target_url=target.url("/teapot")), 2)
        none = await fleet.call(declared(target_url="http://127.0.0.1:1/"))
    assert (good.http_status, good.failure, good.excerpt) == (200, None, "ok")
    assert good.exchange is not None
    assert good.exchange.total_ms > 0
    assert (bad.http_status, bad.failure, bad.excerpt) == (418, Failure.HTTP_ERROR, "お茶")
    assert (none.failure, none.is_unreached) == (Failure.REFUSED, True)
    first, second = target.requests
    assert (first.body.decode(), first.header("X-MyScheduler-Attempt")) == ('{"報告":"日次"}', "1")
    assert (second.header("X-MyScheduler-Attempt"), second.connection) == ("2", first.connection)


async def test_secrets_are_read_by_the_sender(tmp_path: Path, target: Target) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("s3cret")
    target.answers("/", Answer(500, b"you sent s3cret"))
    one = declared(target_url=target.url("/"), headers={"X-Key": "${secret:key}"})
    async with senders(tmp_path) as fleet:
        outcome = await fleet.call(one)
        assert target.requests[0].header("X-Key") == "s3cret"
        assert "s3cret" not in (outcome.excerpt or "")
        assert b"s3cret" not in packed(one)
        outcome = await fleet.call(replace(one, owner=Owner.API))
        assert outcome.failure is Failure.SECRET_NOT_ALLOWED


async def test_an_edited_job_is_sent_as_it_is_now(
    tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "MOST_JOBS", 2)
    async with senders(tmp_path) as fleet:
        for path in ("/1", "/2", "/1"):
            await fleet.call(declared(target_url=target.url(path)))
        for name in ("b", "c", "d", "b"):  # more jobs than a sender keeps
            await fleet.call(job(name, NOW, target_url=target.url(f"/{name}")))
        assert len(fleet.links[0]._known) == 2
    assert [one.target for one in target.requests] == ["/1", "/2", "/1", "/b", "/c", "/d", "/b"]


async def test_the_rules_in_force_are_those_of_the_next_call(tmp_path: Path, target: Target) -> None:
    one = job("a", NOW, target_url=target.url("/"))
    assert one.owner is Owner.API
    async with senders(tmp_path, api_may_call_private=False) as fleet:
        assert (await fleet.call(one)).failure is Failure.TARGET_NOT_ALLOWED
        fleet.rules = read_policy(SourceFile("policy.yaml", b"api_private_networks: [127.0.0.0/8]\n", "x"))
        assert (await fleet.call(one)).failure is None
        fleet.rules = Rules(None)
        assert (await fleet.call(one)).failure is Failure.TARGET_NOT_ALLOWED
    async with senders(tmp_path, own_ports=frozenset([target.port])) as fleet:
        assert (await fleet.call(one)).failure is Failure.TARGET_NOT_ALLOWED, "the service itself listens there"


@pytest.mark.usefixtures("quickly")
async def test_calls_of_a_killed_sender_are_lost_and_the_next_one_makes_the_next_calls(
    tmp_path: Path, target: Target
) -> None:
    target.answers("/slow", Silence())
    async with senders(tmp_path) as fleet:
        (pid,) = await fleet.pids()
        calls = [asyncio.create_task(fleet.call(declared(target_url=target.url("/slow")))) for _ in range(3)]
        await received(target, 3)
        os.kill(pid, signal.SIGKILL)
        assert [type(one) for one in await asyncio.gather(*calls, return_exceptions=True)] == [SenderLostError] * 3
        assert (await fleet.call(declared(target_url=target.url("/ok")))).http_status == 200
        assert fleet.counts == SenderCounts(1, up=1, lost=1)
    assert fleet.counts.up == 0


@pytest.mark.usefixtures("quickly")
async def test_a_sender_that_hangs_is_killed(tmp_path: Path, target: Target) -> None:
    target.answers("/slow", Silence())
    async with senders(tmp_path) as fleet:
        (pid,) = await fleet.pids()
        call = asyncio.create_task(fleet.call(declared(target_url=target.url("/slow"))))
        await received(target, 1)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(SenderLostError):
            await call
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert (await fleet.call(declared(target_url=target.url("/ok")))).http_status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_only_the_main_process_ends_a_sender(tmp_path: Path, target: Target, number: signal.Signals) -> None:
    async with senders(tmp_path) as fleet:
        (pid,) = await fleet.pids()
        await fleet.call(declared(target_url=target.url("/ok")))
        os.kill(pid, number)
        await fleet.call(declared(target_url=target.url("/ok")))
        assert await fleet.pids() == [pid]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def sockets(pid: int) -> int:
    """How many sockets a process has open."""
    files = Path(f"/proc/{pid}/fd").iterdir()
    return sum(str(one.readlink()).startswith("socket:") for one in files)


async def test_a_cancelled_call_has_ended_when_its_place_is_free(tmp_path: Path, target: Target) -> None:
    target.answers("/slow", Silence())
    async with senders(tmp_path) as fleet:
        (pid,) = await fleet.pids()
        await fleet.call(declared(target_url="http://127.0.0.1:1/"))  # nothing is opened for the first time below
        before = sockets(pid)
        call = asyncio.create_task(fleet.call(declared(target_url=target.url("/slow"))))
        await received(target, 1)
        assert sockets(pid) == before + 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert len(fleet.links[0]) == 0
        await until(partial(asyncio.to_thread, sockets, pid), lambda count: count == before)


@pytest.mark.parametrize("turns", range(4))
async def test_a_call_is_cancelled_before_it_has_begun(tmp_path: Path, target: Target, turns: int) -> None:
    """A call and its end may come in one message."""
    target.answers("/slow", Silence())
    async with senders(tmp_path) as fleet:
        await fleet.up()
        call = asyncio.create_task(fleet.call(declared(target_url=target.url("/slow"))))
        for _ in range(1 + turns):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(PATIENCE):
                await call
        assert len(fleet.links[0]) == 0
        assert (await fleet.call(declared(target_url=target.url("/ok")))).http_status == 200


async def test_a_call_that_is_being_cancelled_is_lost_without_a_word(
    tmp_path: Path, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    target.answers("/slow", Silence())
    async with senders(tmp_path) as fleet:
        (pid,) = await fleet.pids()
        call = asyncio.create_task(fleet.call(declared(target_url=target.url("/slow"))))
        await received(target, 1)
        os.kill(pid, signal.SIGSTOP)
        call.cancel()
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(asyncio.CancelledError):
            await call
        del call
        gc.collect()
    assert [one.message for one in caplog.records if one.name == "asyncio"] == []


@pytest.mark.usefixtures("quickly")
async def test_a_call_waits_while_no_sender_can_be_started(
    tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MODULE", "myscheduler.no_such_module")
    async with senders(tmp_path) as fleet:
        call = asyncio.create_task(fleet.call(declared(target_url=target.url("/ok"))))
        await until(_lost(fleet), lambda lost: lost >= 2)
        assert not target.requests
        monkeypatch.undo()
        assert (await call).http_status == 200


def _lost(fleet: Senders) -> Callable[[], Any]:
    async def look() -> int:
        return fleet.counts.lost

    return look


async def test_a_call_that_cannot_be_told_spoils_no_other(tmp_path: Path, target: Target) -> None:
    async with senders(tmp_path) as fleet:
        await fleet.up()
        odd = declared(target_url=target.url("/odd"))
        odd = replace(odd, spec=replace(odd.spec, extract=lambda: "no text"))  # type: ignore[arg-type]
        good = declared(target_url=target.url("/ok"))
        outcomes = await asyncio.gather(fleet.call(odd), fleet.call(good), return_exceptions=True)
    assert isinstance(outcomes[0], Exception)
    assert isinstance(outcomes[1], Outcome)


async def test_a_bug_in_a_sender_is_raised_with_its_trace(tmp_path: Path, target: Target) -> None:
    async with senders(tmp_path) as fleet:
        one = declared(target_url=target.url("/"))
        odd = replace(one, spec=replace(one.spec, timeout_sec="soon"))  # type: ignore[arg-type]
        with pytest.raises(RedactedBugError, match="Traceback"):
            await fleet.call(odd)


async def test_calls_are_spread_over_the_senders(tmp_path: Path, target: Target) -> None:
    target.answers("/slow", Silence())
    async with senders(tmp_path, 2) as fleet:
        await fleet.up(2)
        calls = [asyncio.create_task(fleet.call(declared(target_url=target.url("/slow")))) for _ in range(6)]
        await received(target, 6)
        assert [len(one) for one in fleet.links] == [3, 3]
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.usefixtures("quickly")
async def test_a_sender_says_in_a_line_why_it_can_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    async with senders(tmp_path) as fleet:
        await until(_lost(fleet), lambda lost: lost >= 1)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert {line["event"] for line in lines} == {"sender.not_started"}
    assert "gone.pem" in lines[0]["message"]


@pytest.mark.usefixtures("quickly")
async def test_a_bug_in_the_watch_over_a_sender_leaves_no_call_waiting(
    tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch, watched = Link.watch, count()

    async def watch_badly(one: Link) -> None:
        if next(watched) == 0:
            raise RuntimeError("a bug")
        await watch(one)

    monkeypatch.setattr(Link, "watch", watch_badly)
    async with senders(tmp_path) as fleet:
        await until(_lost(fleet), lambda lost: lost == 1)
        assert (await fleet.call(declared(target_url=target.url("/ok")))).http_status == 200
    assert "a bug ended a sender" in caplog.text
