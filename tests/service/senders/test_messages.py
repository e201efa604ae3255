"""What the main process and a sender tell each other: nothing of a call is lost on the way."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.adapters.http.message import Message, message_of
from myscheduler.adapters.http.wire import head_of
from myscheduler.core.calls.exchange import Exchange
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Request
from myscheduler.core.calls.trace import TraceParent
from myscheduler.core.history.execution import Cause, Execution, Kind, Link
from myscheduler.core.job.job import Job, Owner, Source
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.policy.file import Rules, read_policy
from myscheduler.core.policy.policy import NO_POLICY
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.service.dispatch.caller import LocalCaller
from myscheduler.service.senders.messages import (
    call_row,
    execution_of,
    outcome_of,
    outcome_row,
    packed,
    taken_rules,
    told_rules,
    unpacked,
)
from tests.support.checkout import ROOT
from tests.support.parts import job

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ID, CHAIN = "019d1b2c-0000-7000-8000-000000000001", "019d1b2c-0000-7000-8000-000000000002"
URL = "http://127.0.0.1:9/"
SOURCE = Source("jobs.d/日次.yaml", 1, "sha256:abc")

texts = st.none() | st.text(st.characters(), max_size=20)
exchanges = st.none() | st.builds(
    Exchange,
    st.floats(0, 1e6),
    **dict.fromkeys(("first_byte_ms", "dns_ms", "connect_ms", "tls_ms"), st.none() | st.floats(0, 1e6)),
    reused=st.booleans(),
    address=texts,
    certificate_expires_at=st.none() | st.just(NOW),
)
outcomes = st.builds(
    Outcome,
    st.none() | st.integers(100, 599),
    st.none() | st.sampled_from(Failure),
    texts,
    st.none() | st.integers(0),
    texts,
    st.booleans(),
    st.none() | st.dictionaries(st.text(max_size=5), st.integers() | st.lists(st.text(max_size=3)), max_size=2),
    texts,
    exchanges,
)


def across(value: Any) -> Any:
    """The value as the other end gets it."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - it was made here


@given(outcome=outcomes)
def test_an_outcome_comes_back_as_it_was(outcome: Outcome) -> None:
    back = outcome_of(across(outcome_row(outcome)))
    assert (back, back.is_unreached, back.exchange) == (outcome, outcome.is_unreached, outcome.exchange)
    assert type(back.failure) is type(outcome.failure)
    assert type(back.exchange) is type(outcome.exchange)


def made(
    *, owner: Owner = Owner.MANIFEST, fields: dict[str, Any] | None = None, **of_run: Any
) -> tuple[Job, Execution]:
    """A job and an execution of it."""
    given = {"job_id": "日次", "interval": {"hours": 1}, "target_url": URL, **(fields or {})}
    spec, _ = declare(given, zone="Asia/Tokyo")
    assert spec is not None
    one = replace(job("日次", NOW), spec=spec, owner=owner)
    run = Execution(ID, one.job_id, NOW, Kind.SCHEDULED, Cause.TIMER, one.digest, None, NOW)
    return one, replace(run, **of_run)


class Noting:
    """Notes what would be sent, in place of a `Sender`."""

    def __init__(self) -> None:
        self.sent: list[tuple[Request, str]] = []

    async def send(self, request: Request, ready: Message | None = None) -> Outcome:
        message = ready or message_of(request)
        self.sent.append((request, (message.head or b"").decode() or head_of(message)))
        return Outcome(200)


async def leaves(one: Job, execution: Execution) -> tuple[Any, ...]:
    """What leaves for an execution: the head, and what the sender heeds."""
    noting = Noting()
    caller = LocalCaller(noting, None, user_agent="myscheduler/test", zone="Asia/Tokyo")  # type: ignore[arg-type]
    await caller.call(one, execution, 3)
    ((request, head),) = noting.sent
    return head, request.body, request.timeout_sec, request.expect, request.principal, request.transport


TRACED = TraceParent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", is_sampled=True)
POST = {"method": "POST", "body": {"報告": "日次"}, "headers": {"X-A": "1"}}
RENDERED = {"method": "POST", "body": {"at": "{{ scheduled_at }}", "id": "{{ execution_id }}"}}


@pytest.mark.parametrize(
    ("one", "execution"),
    [
        pytest.param(*made(), id="plain"),
        pytest.param(*made(fields=POST), id="a body"),
        pytest.param(*made(owner=Owner.API, kind=Kind.MANUAL, cause=Cause.API), id="of the API"),
        pytest.param(*made(source=SOURCE), id="of a revision"),
        pytest.param(*made(kind=Kind.CHAINED, cause=Cause.CHAIN, link=Link(CHAIN, None)), id="a chain's first"),
        pytest.param(*made(kind=Kind.CHAINED, cause=Cause.CHAIN, link=Link(CHAIN, ID)), id="a chain's second"),
        pytest.param(*made(parent=TRACED), id="traced"),
        pytest.param(*made(fields=RENDERED), id="a template"),
    ],
)
async def test_a_sender_sends_what_the_main_process_would(one: Job, execution: Execution) -> None:
    told = replace(one, source=execution.source)
    row = across(call_row(execution, 3, 1))
    its = unpacked(packed(told))
    assert its == told
    assert await leaves(its, execution_of(row, its)) == await leaves(one, execution)


def test_what_earlier_jobs_hand_on_is_told() -> None:
    one, execution = made(
        kind=Kind.CHAINED, cause=Cause.CHAIN, upstream={"a": {"件数": [1, None]}}, link=Link(CHAIN, ID)
    )
    assert execution_of(call_row(execution, 1, 1), one).upstream == {"a": {"件数": [1, None]}}


def policy(text: str) -> Rules:
    return read_policy(SourceFile("policy.yaml", text.encode(), "x"))


STRICT = (ROOT / "docs/policy.md").read_text("utf-8").split("```yaml\n")[1].split("```")[0]
"""All the rules that there are."""


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(Rules(), id="no file"),
        pytest.param(Rules(None, digest="x", content=b"broken"), id="not usable"),
        pytest.param(policy(STRICT), id="a policy"),
    ],
)
def test_the_rules_arrive_as_they_are_in_force(rules: Rules) -> None:
    taken = taken_rules(across(told_rules(rules)))
    assert (taken.policy, taken.binding, taken.reach, taken.grants) == (
        rules.policy,
        rules.binding,
        rules.reach,
        rules.grants,
    )
    assert (taken.policy is NO_POLICY) == (rules.policy is NO_POLICY)
    assert not taken.problems
    assert taken.content == b"", "a sender needs no file"
