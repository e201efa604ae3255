"""`notifications.yaml`: what it may say, and every problem with its place."""

from datetime import time, timedelta

import pytest

from myscheduler.core.access.scope import Scope
from myscheduler.core.job.notify import Notify
from myscheduler.core.notifications.channels import (
    PAGERDUTY_URL,
    Apprise,
    Channel,
    Email,
    Language,
    LineWorks,
    PagerDuty,
    Slack,
    Teams,
    Webhook,
)
from myscheduler.core.notifications.notifications_file import Notifications, Route, names_digest, read_notifications
from myscheduler.core.notifications.quiet_hours import QuietHours
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile

GOOD = """\
channels:
  ops:
    kind: slack
    url: ${secret:ops-slack}
    language: ja
    quiet: {from: "22:00", to: "07:00"}
  hook:
    kind: webhook
    url: https://hooks.example.com/myscheduler
    secret: [ "${secret:hook-key}", "${secret:hook-key-next}" ]
    quiet:
      - {from: "22:00", to: "07:00", days: [mon, tue]}
      - {from: "00:00", to: "00:00", days: [sat, sun], timezone: Europe/Berlin}
  mail:
    kind: email
    host: smtp.example.com
    port: 2525
    security: tls
    username: myscheduler
    password: ${secret:smtp}
    from: MyScheduler <myscheduler@example.com>
    to: [ops@example.com, "Night shift <night@example.com>"]
  plain-mail: {kind: email, host: "::1", from: a@example.com, to: b@example.com}
  teams: {kind: teams, url: "https://flows.example.com/${secret:teams}"}
  line: {kind: lineworks, url: "${secret:line}"}
  pager: {kind: pagerduty, routing_key: "${secret:pagerduty}"}
  phone: {kind: apprise, url: "ntfy://example.com/${secret:topic}"}
routes:
  - match: {labels: {team: billing}, ids: ["billing-*"]}
    channels: [ops, pager]
    failures: 3
    of: 10
    late_after: PT10M
  - match: {labels: {env: [dev, test]}}
    channels: []
default: {channels: [mail], after_failures: 2, remind: false, late_after: false}
"""


def _read(text: str) -> Notifications:
    return read_notifications(SourceFile.of("notifications.yaml", text.encode()))


def test_what_it_says() -> None:
    found = _read(GOOD)
    assert found.problems == ()
    night = QuietHours(time(22), time(7))
    weekend = QuietHours(time(), time(), frozenset({5, 6}), "Europe/Berlin")
    work = QuietHours(time(22), time(7), frozenset({0, 1}))
    keys = ("${secret:hook-key}", "${secret:hook-key-next}")
    people = ("ops@example.com", "Night shift <night@example.com>")
    sender = "MyScheduler <myscheduler@example.com>"
    mail = Email("smtp.example.com", sender, people, 2525, "tls", "myscheduler", "${secret:smtp}")
    assert list(found.channels.values()) == [
        Channel("ops", Slack("${secret:ops-slack}"), Language.JAPANESE, (night,)),
        Channel("hook", Webhook("https://hooks.example.com/myscheduler", keys), quiet=(work, weekend)),
        Channel("mail", mail),
        Channel("plain-mail", Email("::1", "a@example.com", ("b@example.com",), 587, "starttls")),
        Channel("teams", Teams("https://flows.example.com/${secret:teams}")),
        Channel("line", LineWorks("${secret:line}")),
        Channel("pager", PagerDuty("${secret:pagerduty}", PAGERDUTY_URL)),
        Channel("phone", Apprise("ntfy://example.com/${secret:topic}")),
    ]
    billing = Scope((("team", ("billing",)),), ("billing-*",))
    assert found.routes == (
        Route(billing, Notify(channels=("ops", "pager"), failures=3, of=10, late_after=timedelta(minutes=10))),
        Route(Scope((("env", ("dev", "test")),)), Notify(channels=())),
    )
    assert found.default == Notify(channels=("mail",), after_failures=2, remind=False, late_after=False)


def test_secrets_are_named_and_filled() -> None:
    channels = _read(GOOD).channels
    assert {name: sorted(one.secrets) for name, one in channels.items() if one.secrets} == {
        "ops": ["ops-slack"],
        "hook": ["hook-key", "hook-key-next"],
        "mail": ["smtp"],
        "teams": ["teams"],
        "line": ["line"],
        "pager": ["pagerduty"],
        "phone": ["topic"],
    }
    assert channels["teams"].filled({"teams": "a/b?c"}).service == Teams("https://flows.example.com/a/b?c")
    keys = {"hook-key": "whsec_a", "hook-key-next": "whsec_b"}
    assert channels["hook"].filled(keys).service == Webhook(
        "https://hooks.example.com/myscheduler", ("whsec_a", "whsec_b")
    )
    shown = repr(channels["hook"].filled(keys)) + repr(channels["teams"].filled({"teams": "whsec_a"}))
    assert "whsec" not in shown


def _channel(fields: str) -> str:
    return f"channels: {{a: {{{fields}}}}}\ndefault: {{channels: [a]}}"


def _default(fields: str) -> str:
    return f"channels: {{ops: {{kind: lineworks, url: '${{secret:x}}'}}}}\ndefault: {{{fields}}}"


MAIL = "kind: email, host: mail.example.com, from: a@example.com, to: b@example.com"
HOOK = "kind: webhook, url: https://x.example.com, secret: '${secret:x}'"
SLACK = "kind: slack, url: '${secret:x}'"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "1:1: error: is empty: write channels and a default", id="empty"),
        pytest.param("- a", "1:1: error: has to be a mapping with channels", id="list"),
        pytest.param("a: [", "2:1: error: is not YAML", id="syntax"),
        pytest.param("{}\n---\n{}", "3:1: error: holds more than one document", id="two documents"),
        pytest.param("job_id: a", "1:1: error: job_id: belongs to a manifest, and notifications.yaml", id="manifest"),
        pytest.param("channels: {}", "1:1: error: the default is missing, so jobs that no route", id="no default"),
        pytest.param("default: {}", "1:10: error: default.channels: is missing: write channels", id="no channel"),
        pytest.param("default: {channels: [ops]}", "1:22: error: default.channels.0: 'ops' is not a channel of "
                     "notifications.yaml: declare it there", id="none declared"),
        pytest.param(_default("channels: [op]"), "2:22: error: default.channels.0: 'op' is not a channel of "
                     "notifications.yaml: did you mean 'ops'?", id="close to one"),
        pytest.param(_default("channels: [ops], after: 2"), "2:28: error: default.after: unknown key 'after': did you "
                     "mean 'late_after'?", id="unknown key"),
        pytest.param(_default("channels: [ops], after_failures: 0"), "2:44: error: default.after_failures: has to be a "
                     "whole number of at least 1, up to 100", id="no failures"),
        pytest.param(_default("channels: [ops], failures: 3"), "2:38: error: default.failures: `failures` and `of` "
                     "belong together", id="failures alone"),
        pytest.param(_default("channels: [ops], failures: 3, of: 2"), "2:38: error: default.failures: 3 of 2 "
                     "executions can't go wrong", id="more than of"),
        pytest.param(_default("channels: [ops], failures: 1, of: 2, after_failures: 1"), "2:64: error: "
                     "default.after_failures: write either", id="both ways"),
        pytest.param(_default("channels: [ops], remind: 24h"), "2:36: error: default.remind: '24h' is not an ISO 8601 "
                     "duration from 5 min to 366 d", id="remind"),
        pytest.param(_default("channels: [ops], remind: PT1M"), "2:36: error: default.remind: 'PT1M' is", id="soon"),
        pytest.param(_default("channels: [ops], late_after: true"), "2:40: error: default.late_after: True", id="true"),
        pytest.param(_default("channels: ops"), "2:21: error: default.channels: has to be a list of 1", id="text"),
        pytest.param("channels: []\ndefault: {channels: []}", "1:11: error: channels: has to be a mapping of names",
                     id="a list of channels"),
        pytest.param("channels: {a: slack}\ndefault: {channels: []}", "1:15: error: channels.a: has to be a mapping "
                     "with the kind of the channel: write kind: slack, or another of slack, webhook", id="no mapping"),
        pytest.param(_channel("kind: slak, url: x"), "1:22: error: channels.a.kind: 'slak' is not one of slack, "
                     "webhook, email, teams, lineworks, pagerduty, apprise: did you mean 'slack'?", id="kind"),
        pytest.param(_channel("kind: slack"), "1:15: error: channels.a.url: is missing: write url: ${", id="url"),
        pytest.param(_channel(f"{SLACK}, urls: x"), "1:49: error: channels.a.urls: unknown key 'urls'", id="key"),
        pytest.param(_channel(f"{SLACK}, language: jp"), "1:59: error: channels.a.language: 'jp' is not one of en, ja",
                     id="language"),
        pytest.param(_channel(f"{SLACK}, quiet: {{from: '22:00'}}"), "1:56: error: channels.a.quiet: has to be such as",
                     id="no end"),
        pytest.param(_channel(f"{SLACK}, quiet: {{from: '24:00', to: '7:00'}}"), "1:63: error: channels.a.quiet.from: "
                     "'24:00' is not a time of the day", id="no time"),
        pytest.param(_channel(f"{SLACK}, quiet: {{from: '00:00', to: '00:00'}}"), "1:56: error: channels.a.quiet: the "
                     "quiet hours leave no time", id="always quiet"),
        pytest.param(_channel(f"{SLACK}, quiet: {{from: '01:00', to: '02:00', days: [son]}}"), "1:92: error: "
                     "channels.a.quiet.days.0: 'son' is not one of mon", id="day"),
        pytest.param(_channel(f"{SLACK}, quiet: {{from: '01:00', to: '02:00', timezone: Tokyo}}"), "1:95: error: "
                     "channels.a.quiet.timezone: ", id="zone"),
        pytest.param(_channel("kind: slack, url: 'https://hooks.slack.com/services/T0/B0/hunter2'"), "1:34: error: "
                     "channels.a.url: whoever knows this URL can post to the channel", id="a literal URL of Slack"),
        pytest.param(_channel("kind: slack, url: '${secret:}'"), "1:34: error: channels.a.url: ", id="no reference"),
        pytest.param(_channel("kind: teams, url: 'ftp://x/${secret:x}'"), "1:34: error: channels.a.url: is not an http "
                     "or https URL", id="scheme"),
        pytest.param(_channel("kind: webhook, url: 'https://u:hunter2@x.test', secret: '${secret:x}'"), "1:36: error: "
                     "channels.a.url: holds a credential", id="a password in a URL"),
        pytest.param(_channel("kind: webhook, url: https://x.test, secret: whsec_hunter2hunter2hunter2"), "1:60: error:"
                     " channels.a.secret: has to be a reference and nothing else", id="a literal key"),
        pytest.param(_channel("kind: pagerduty, routing_key: hunter2"), "1:46: error: channels.a.routing_key: has to be"
                     " a reference", id="a literal routing key"),
        pytest.param(_channel("kind: apprise, url: 'ntfy://hunter2'"), "1:36: error: channels.a.url: whoever knows",
                     id="a literal URL of Apprise"),
        pytest.param(_channel(f"{MAIL}, username: me"), "1:103: error: channels.a.username: username and password "
                     "belong together", id="no password"),
        pytest.param(_channel(f"{MAIL}, username: me, password: hunter2"), "1:117: error: channels.a.password: has to "
                     "be a reference", id="a literal password"),
        pytest.param(_channel(f"{MAIL}, username: me, password: '${{secret:x}}', security: none"), "1:142: error: "
                     "channels.a.security: the password would be sent without encryption", id="in the clear"),
        pytest.param(_channel(MAIL.replace("b@", "b@@")), "1:78: error: channels.a.to: 'b@@example.com' is not an "
                     "address", id="address"),
        pytest.param(_channel(MAIL.replace("a@example.com", "'a@example.com, c@example.com'")), "1:59: error: "
                     "channels.a.from: ", id="two senders"),
        pytest.param(_channel(MAIL.replace("mail.", "http://mail.")), "1:35: error: channels.a.host: 'http://mail.exam",
                     id="host"),
        pytest.param(_channel(f"{MAIL}, port: 0"), "1:99: error: channels.a.port: has to be a whole number", id="port"),
        pytest.param("routes: [{channels: []}]\ndefault: {channels: []}", "1:10: error: routes.0.match: is missing",
                     id="no match"),
        pytest.param("routes: [{match: {}, channels: []}]\ndefault: {channels: []}", "1:18: error: routes.0.match: fits"
                     " all jobs", id="a route of all"),
        pytest.param("routes: [{match: {label: x}, channels: []}]\ndefault: {channels: []}", "1:26: error: "
                     "routes.0.match.label: unknown key", id="scope"),
    ],
)  # fmt: skip
def test_every_mistake_has_its_place(text: str, problem: str) -> None:
    found = _read(text)
    lines = [str(one) for one in found.problems]
    assert any(one.startswith(f"notifications.yaml:{problem}") for one in lines), lines
    assert (found.channels, found.routes, found.has_errors) == ({}, (), True)
    assert "hunter2" not in str(lines)


def test_all_mistakes_are_told_at_once() -> None:
    text = _channel(f"{HOOK}, quiet: no, language: x") + "\nrouts: []"
    assert [one.field for one in _read(text).problems] == ["channels.a.quiet", "channels.a.language", "routs"]


def test_names_that_are_not_known() -> None:
    broken = _read("channels: 1")
    assert (broken.names, _read(GOOD).names, Notifications().names) == (
        None, frozenset({"ops", "hook", "mail", "plain-mail", "teams", "line", "pager", "phone"}), frozenset(),
    )  # fmt: skip
    digests = {names_digest(one) for one in (None, frozenset[str](), frozenset({"a"}), frozenset({"a", "b"}))}
    assert len(digests) == 4


def test_an_unreadable_file_declares_nothing() -> None:
    found = read_notifications(UnreadableFile("notifications.yaml", "permission denied"))
    assert (found.has_errors, found.names) == (True, None)
    assert "permission denied" in found.problems[0].message
