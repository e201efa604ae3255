"""Deliveries over real HTTP and SMTP: what arrives, what a failure means, and what stays secret."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Checker

from myscheduler.adapters.notify import smtp
from myscheduler.adapters.secret_files import Secrets
from myscheduler.core.calls.link_local import NOWHERE, Address, Reach
from myscheduler.core.incidents.delivery import DELIVERED, Delivered, Failed
from myscheduler.core.notifications.channels import (
    Apprise,
    Channel,
    Email,
    Language,
    LineWorks,
    PagerDuty,
    Service,
    Slack,
    Teams,
    Webhook,
)
from myscheduler.service.notifications import courier as courier_module
from myscheduler.service.notifications.courier import Courier, open_courier
from tests.support.mail_server import mail_server
from tests.support.notices import JOB, digest, message, notice
from tests.support.target import AUTHORITY, Answer, HangUp, Raw, Silence, Target, closed_port, tls_context

pytestmark = pytest.mark.anyio

KEY, NEXT_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "QUJD" * 10
EMAIL = Email("127.0.0.1", "MyScheduler <my@example.com>", ("ops@example.com", "夜勤 <night@example.com>"))


@asynccontextmanager
async def opened(secrets: Mapping[str, str], reach: Reach = NOWHERE) -> AsyncIterator[Courier]:
    environment = {f"MYSCHEDULER_SECRET_{name.upper()}": value for name, value in secrets.items()}
    found = Secrets(Path("no-such-folder"), environment)
    async with open_courier(
        found, reach=lambda: reach, public_url="https://jobs.example.com", now=lambda: datetime.now(UTC)
    ) as courier:
        yield courier


async def deliver(service: Service, what: Any = None, **secrets: str) -> Delivered | Failed:
    async with opened(secrets) as courier:
        return await courier.send(Channel("ops", service, Language.JAPANESE), what or message())


@pytest.mark.parametrize("kind", [Slack, Teams, LineWorks])
async def test_a_secret_url_is_posted_to(target: Target, kind: type[Slack]) -> None:
    assert await deliver(kind("${secret:hook}"), hook=target.url("/services/T0/B0/hunter2")) == DELIVERED
    (request,) = target.requests
    assert (request.method, request.target) == ("POST", "/services/T0/B0/hunter2")
    assert request.header("Content-Type") == "application/json"
    assert "日次" in json.dumps(json.loads(request.body), ensure_ascii=False)


async def test_a_part_of_a_url_may_be_the_secret(target: Target) -> None:
    assert await deliver(Slack(target.url("/services/${secret:hook}")), hook="T0/B0/x") == DELIVERED
    assert target.requests[0].target == "/services/T0/B0/x"


async def test_a_webhook_is_signed_with_each_key(target: Target) -> None:
    """Checked by the library of Standard Webhooks."""
    service = Webhook(target.url("/hook"), ("${secret:key}", "${secret:next}"))
    assert await deliver(service, key=KEY, next=NEXT_KEY) == DELIVERED
    (request,) = target.requests
    for key in (KEY, NEXT_KEY):
        found = Checker(key).verify(request.body, dict(request.headers))
        assert (found["type"], found["data"]["notices"][0]["incident"]["failures"]) == ("incident.began", 3)
    with pytest.raises(Exception, match="No matching signature"):
        Checker("whsec_" + "AAAA" * 10).verify(request.body, dict(request.headers))
    with pytest.raises(Exception, match="No matching signature"):
        Checker(KEY).verify(request.body + b" ", dict(request.headers))


async def test_the_id_of_a_webhook_is_the_same_in_each_try(target: Target) -> None:
    service = Webhook(target.url("/hook"), ("${secret:key}",))
    for _ in range(2):
        await deliver(service, key=KEY)
    assert {one.header("webhook-id") for one in target.requests} == {"message-1"}


async def test_pagerduty_gets_each_incident(target: Target) -> None:
    assert await deliver(PagerDuty("${secret:key}", target.url("/v2")), digest(2), key="R0UT1NG") == DELIVERED
    events = [json.loads(one.body) for one in target.requests]
    assert [(one["event_action"], one["routing_key"]) for one in events] == [
        ("trigger", "R0UT1NG"), ("trigger", "R0UT1NG"), ("resolve", "R0UT1NG"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "is_permanent", "words"),
    [
        pytest.param(Answer(400, b"invalid_payload"), True, "400", id="400"),
        pytest.param(Answer(404, b"no_service"), True, "no_service", id="404"),
        pytest.param(Answer(302, headers=(("Location", "/x"),)), True, "302", id="a redirect"),
        pytest.param(Answer(408), False, "408", id="408"),
        pytest.param(Answer(429), False, "429", id="429"),
        pytest.param(Answer(500), False, "500", id="500"),
        pytest.param(Answer(500, b"\x1b[31m\xe2\x80\xae"), False, "(\\x1b[31m\\u202e)", id="control characters"),
        pytest.param(HangUp(), False, "", id="no answer"),
    ],
)
async def test_what_a_failure_means(target: Target, answer: Any, is_permanent: bool, words: str) -> None:
    target.answers("/hook", answer)
    found = await deliver(Slack("${secret:hook}"), hook=target.url("/hook"))
    assert isinstance(found, Failed)
    assert (found.is_permanent, found.retry_after, words in found.why) == (is_permanent, None, True)
    assert len(target.requests) == 1


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("30", timedelta(seconds=30)),
        ("999999999999", timedelta(hours=1)),
        ("-5", None),
        ("soon", None),
        ("Mon, 30 Nov 1999 00:00:00 GMT", timedelta()),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_may_ask_to_wait(target: Target, status: int, written: str, wait: timedelta | None) -> None:
    target.answers("/hook", Answer(status, headers=(("Retry-After", written),)))
    found = await deliver(Slack("${secret:hook}"), hook=target.url("/hook"))
    assert isinstance(found, Failed)
    assert (found.is_permanent, found.retry_after) == (False, wait)


async def test_a_service_may_name_the_time(target: Target) -> None:
    later = datetime.now(UTC) + timedelta(minutes=10)
    target.answers("/hook", Answer(503, headers=(("Retry-After", format_datetime(later, usegmt=True)),)))
    found = await deliver(Slack("${secret:hook}"), hook=target.url("/hook"))
    assert isinstance(found, Failed)
    assert found.retry_after is not None
    assert timedelta(minutes=9) < found.retry_after <= timedelta(minutes=10)


async def test_a_service_that_hangs_is_left(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "TIMEOUT_SEC", 0.3)
    target.answers("/hook", Silence())
    found = await deliver(Slack("${secret:hook}"), hook=target.url("/hook"))
    assert isinstance(found, Failed)
    assert (found.is_permanent, "0.3 s" in found.why) == (False, True)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(200, b"ok", drip=5), id="it stalls"),
        pytest.param(Raw(b"HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n"), id="it makes no sense"),
        pytest.param(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), id="it breaks off"),
    ],
)
async def test_one_that_took_a_message_does_not_get_it_again_for_the_rest_of_its_answer(
    target: Target, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(courier_module, "TIMEOUT_SEC", 1.0)
    target.answers("/hook", answer)
    assert await deliver(Slack("${secret:hook}"), hook=target.url("/hook")) == DELIVERED


async def test_a_service_that_nobody_runs() -> None:
    found = await deliver(Slack("${secret:hook}"), hook=f"http://127.0.0.1:{closed_port()}/")
    assert isinstance(found, Failed)
    assert not found.is_permanent


async def test_what_a_service_repeats_stays_secret(target: Target) -> None:
    target.answers("/hunter2hunter2", Answer(400, f"no such hook: {target.url('/hunter2hunter2')}".encode()))
    found = await deliver(Slack("${secret:hook}"), hook=target.url("/hunter2hunter2"))
    assert isinstance(found, Failed)
    assert ("hunter2" in found.why, "[redacted]" in found.why) == (False, True)


async def test_a_secret_that_is_missing_may_come_later() -> None:
    found = await deliver(Slack("${secret:hook}"))
    assert isinstance(found, Failed)
    assert (found.is_permanent, "hook" in found.why) == (False, True)


async def test_a_value_that_is_no_url_is_not_shown() -> None:
    found = await deliver(Slack("${secret:hook}"), hook="hunter2hunter2")
    assert isinstance(found, Failed)
    assert (found.is_permanent, "hunter2" in found.why) == (True, False)


async def test_a_key_that_can_not_sign_is_not_shown(target: Target) -> None:
    found = await deliver(Webhook(target.url(), ("${secret:key}",)), key="hunter2hunter2")
    assert isinstance(found, Failed)
    assert (found.is_permanent, "hunter2" in found.why, target.requests) == (True, False, [])


class Nowhere(Reach):
    """Refuses every address, as the guard refuses link-local ones."""

    def allows(self, address: Address) -> bool:
        assert address.is_loopback
        return False


@pytest.mark.parametrize("is_mail", [True, False])
async def test_the_guard_of_addresses_counts_for_channels(target: Target, is_mail: bool) -> None:
    service = EMAIL if is_mail else Slack(f"http://localhost:{target.port}/")
    async with opened({}, reach=Nowhere()) as courier:
        found = await courier.send(Channel("ops", service), message())
    assert isinstance(found, Failed)
    assert (found.is_permanent, "allow_link_local" in found.why, target.requests) == (True, True, [])


# --- mail ---


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "authority.pem").write_text(AUTHORITY, encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


def _email(port: int, **more: Any) -> Email:
    given: dict[str, Any] = {"host": EMAIL.host, "sender": EMAIL.sender, "recipients": EMAIL.recipients, "port": port}
    return Email(**(given | more))


@pytest.mark.usefixtures("trusted")
async def test_mail_by_starttls() -> None:
    with mail_server(tls=tls_context(), login=("me", "hunter2hunter2")) as server:
        service = _email(server.port, username="me", password="${secret:smtp}")
        assert await deliver(service, smtp="hunter2hunter2") == DELIVERED
    (mail,) = server.mails
    assert (server.was_encrypted, server.senders) == ([True], ["my@example.com"])
    assert server.people == [["ops@example.com", "night@example.com"]]
    assert mail["Subject"] == "[MyScheduler] 日次 <レポート> が失敗しています"
    assert mail["To"] == "ops@example.com, 夜勤 <night@example.com>"
    assert (mail["Message-ID"], mail["References"]) == ("<message-1@example.com>", "<0193-incident@example.com>")
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "失敗回数: 3" in text.get_content()
    assert "<td>3</td>" in html.get_content()


@pytest.mark.usefixtures("trusted")
async def test_mail_by_tls() -> None:
    with mail_server(tls=tls_context(), is_implicit=True) as server:
        assert await deliver(_email(server.port, security="tls")) == DELIVERED
    assert server.was_encrypted == [True]


async def test_mail_without_encryption_only_where_it_is_asked_for() -> None:
    with mail_server() as server:
        found = await deliver(_email(server.port))
        assert isinstance(found, Failed)
        assert (found.is_permanent, server.mails) == (True, [])
        assert await deliver(_email(server.port, security="none")) == DELIVERED


@pytest.mark.parametrize(
    "name", ["=?utf-8?q?x=0d=0aBcc:_eve@example.com=0d=0a=0d=0ahello?=", "=?utf-7?q?+AAo-X:?=", "=?=?"]
)
async def test_no_name_of_a_job_begins_a_header(name: str) -> None:
    """The mail library decodes what looks like an encoded word."""
    told = message(notice(job=replace(JOB, name=name)))
    with mail_server() as server:
        service = replace(_email(server.port, security="none"), sender="=?utf-8?q?a=0aX:?= <my@example.com>")
        assert await deliver(service, told) == DELIVERED
    (mail,) = server.mails
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "References", "Auto-Submitted", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert mail["Subject"] == f"[MyScheduler] {name.replace('=?', '= ?')} が失敗しています"


async def test_a_server_that_nobody_vouches_for_gets_no_mail() -> None:
    with mail_server(tls=tls_context()) as server:
        found = await deliver(_email(server.port))
    assert isinstance(found, Failed)
    assert server.mails == []


@pytest.mark.usefixtures("trusted")
async def test_a_wrong_password_is_final_and_not_shown() -> None:
    with mail_server(tls=tls_context(), login=("me", "right")) as server:
        service = _email(server.port, username="me", password="${secret:smtp}")
        found = await deliver(service, smtp="hunter2hunter2")
    assert isinstance(found, Failed)
    assert (found.is_permanent, "hunter2" in found.why, "535" in found.why) == (True, False, True)


@pytest.mark.parametrize(
    ("answer", "is_permanent"), [("451 4.3.0 try again later", False), ("552 5.2.2 mailbox full", True)]
)
async def test_a_server_that_refuses_mail(answer: str, is_permanent: bool) -> None:
    with mail_server() as server:
        server.answer = answer
        found = await deliver(_email(server.port, security="none"))
    assert isinstance(found, Failed)
    assert (found.is_permanent, answer[4:] in found.why) == (is_permanent, True)


async def test_mail_goes_to_those_who_exist() -> None:
    with mail_server() as server:
        server.refuses = frozenset({"ops@example.com"})
        assert await deliver(_email(server.port, security="none")) == DELIVERED
        server.refuses |= {"night@example.com"}
        found = await deliver(_email(server.port, security="none"))
    assert server.people == [["night@example.com"]]
    assert isinstance(found, Failed)
    assert (found.is_permanent, "no such person" in found.why) == (True, True)


async def test_a_mail_server_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT_SEC", 0.3)
    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    async with silent:
        found = await deliver(_email(silent.sockets[0].getsockname()[1], security="none"))
        for writer in held:
            writer.close()
            await writer.wait_closed()
    assert isinstance(found, Failed)
    assert not found.is_permanent


async def test_a_mail_server_that_nobody_runs() -> None:
    found = await deliver(_email(closed_port()))
    assert isinstance(found, Failed)
    assert not found.is_permanent


# --- Apprise ---


async def test_apprise_posts_where_its_url_says(target: Target) -> None:
    assert await deliver(Apprise("json://127.0.0.1:${secret:rest}"), rest=f"{target.port}/hook") == DELIVERED
    (request,) = target.requests
    assert "失敗回数: 3" in json.loads(request.body)["message"]


async def test_apprise_says_what_it_can_not_do(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    unknown = await deliver(Apprise("${secret:url}"), url="hunter2://x")
    assert isinstance(unknown, Failed)
    target.answers("/hunter2", Answer(500))
    failed = await deliver(Apprise("${secret:url}"), url=f"json://127.0.0.1:{target.port}/hunter2")
    assert isinstance(failed, Failed)
    assert (unknown.is_permanent, failed.is_permanent) == (True, False)
    assert "hunter2" not in unknown.why + failed.why + caplog.text
