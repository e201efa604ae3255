"""Whom a job tells, and from when on: its `notify:`, over the first route that covers it, over the default."""

from datetime import timedelta
from typing import Any

import pytest

from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.job.notify import OFF, USUAL, Notify, notify_from_json, notify_to_json
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.notifications.notifications_file import NO_NOTIFICATIONS, Notifications, read_notifications
from myscheduler.core.notifications.routing import channels_of, over, thresholds_of
from myscheduler.core.source.snapshot import SourceFile

HOUR = timedelta(hours=1)


def _read(text: str) -> Notifications:
    found = read_notifications(SourceFile.of("notifications.yaml", text.encode()))
    assert found.problems == ()
    return found


RULES = _read("""\
channels:
  ops: {kind: slack, url: "${secret:ops}"}
  mail: {kind: email, host: mail.example.com, from: a@example.com, to: b@example.com}
  pager: {kind: pagerduty, routing_key: "${secret:pager}"}
routes:
  - {match: {labels: {team: billing}}, channels: [ops, pager], after_failures: 3, remind: PT1H}
  - {match: {labels: {team: billing, env: prod}}, channels: [pager]}
  - {match: {ids: ["dev-*"]}, channels: []}
default: {channels: [mail], failures: 3, of: 10, late_after: PT10M}
""")


def _spec(notify: Any = None, job_id: str = "a", channels: frozenset[str] | None = None, **labels: str) -> JobSpec:
    fields = {"job_id": job_id, "cron": "0 9 * * *", "target_url": "http://x", "labels": labels, "notify": notify}
    spec, complaints = declare(fields, zone="UTC", channels=channels)
    assert spec is not None, complaints
    return spec


@pytest.mark.parametrize(
    ("spec", "names", "thresholds"),
    [
        pytest.param(_spec(), "mail", Thresholds(1, 3, 10, timedelta(minutes=10)), id="default"),
        pytest.param(_spec(team="billing", env="prod"), "ops pager", Thresholds(3, None, None, timedelta(minutes=10),
                     remind=HOUR), id="the first route"),
        pytest.param(_spec(job_id="dev-a"), "", Thresholds(1, 3, 10, timedelta(minutes=10)), id="a route to nobody"),
        pytest.param(_spec(False), "", Thresholds(), id="off"),
        pytest.param(_spec({"channels": ["pager", "mail"]}), "pager mail", Thresholds(1, 3, 10, timedelta(minutes=10)),
                     id="other channels"),
        pytest.param(_spec({"after_failures": 2}), "mail", Thresholds(2, None, None, timedelta(minutes=10)),
                     id="another way to count"),
        pytest.param(_spec({"failures": 1, "of": 2, "remind": False}, team="billing"), "ops pager",
                     Thresholds(1, 1, 2, timedelta(minutes=10), remind=None), id="of instead of in a row"),
        pytest.param(_spec({"late_after": False}), "mail", Thresholds(1, 3, 10, None, is_late_watched=False),
                     id="never late"),
        pytest.param(_spec({"channels": ["gone"]}), "mail", Thresholds(1, 3, 10, timedelta(minutes=10)),
                     id="a channel that is gone"),
        pytest.param(_spec({"channels": ["gone", "ops"]}), "ops", Thresholds(1, 3, 10, timedelta(minutes=10)),
                     id="one of two is gone"),
    ],
)  # fmt: skip
def test_whom_and_when(spec: JobSpec, names: str, thresholds: Thresholds) -> None:
    assert " ".join(one.name for one in channels_of(spec, RULES)) == names
    assert thresholds_of(spec, RULES) == thresholds


def test_without_a_file_nobody_is_told() -> None:
    assert channels_of(_spec(), NO_NOTIFICATIONS) == ()
    assert thresholds_of(_spec(), NO_NOTIFICATIONS) == Thresholds()


@pytest.mark.parametrize("notify", [USUAL, OFF, Notify(channels=("a",), failures=1, of=2), Notify(remind=False)])
def test_what_says_nothing_changes_nothing(notify: Notify) -> None:
    assert over(notify, USUAL) == notify
    assert over(USUAL, notify) == (notify if notify.is_on else USUAL)


@pytest.mark.parametrize(
    ("notify", "stored"),
    [
        (OFF, False),
        (
            Notify(late_after=timedelta(seconds=90), remind=timedelta(days=1)),
            {"late_after": "PT90S", "remind": "P1D"},
        ),
        (Notify(late_after=timedelta(minutes=90), remind=False), {"late_after": "PT90M", "remind": False}),
        (Notify(channels=("a", "b"), failures=3, of=10), {"channels": ["a", "b"], "failures": 3, "of": 10}),
    ],
)
def test_it_is_stored_as_it_is_written(notify: Notify, stored: Any) -> None:
    assert notify_to_json(notify) == stored
    assert notify_from_json(stored) == notify
    assert _spec(stored).notify == notify


@pytest.mark.parametrize(
    ("written", "field", "rule", "words"),
    [
        (True, "notify", "invalid-notify", "has to be false, or an object"),
        ({}, "notify", "invalid-notify", "has to be false, or an object"),
        ([], "notify", "invalid-notify", "has to be false"),
        ({"channels": []}, "notify.channels", "invalid-notify", "write `notify: false`"),
        ({"chanels": ["ops"]}, "notify.chanels", "unknown-key", "did you mean 'channels'?"),
        ({"after_failures": "3"}, "notify.after_failures", "invalid-notify", "whole number"),
        ({"channels": ["opps"]}, "notify.channels.0", "unknown-channel", "did you mean 'ops'?"),
        ({"channels": ["ops", "zzz"]}, "notify.channels.1", "unknown-channel", "it has mail, ops"),
    ],
)
def test_a_mistake_in_a_job_has_its_place(written: Any, field: str, rule: str, words: str) -> None:
    fields = {"job_id": "a", "cron": "0 9 * * *", "target_url": "http://x", "notify": written}
    spec, complaints = declare(fields, zone="UTC", channels=frozenset({"ops", "mail"}))
    assert (spec, [(one.field, one.rule) for one in complaints]) == (None, [(field, rule)])
    assert words in complaints[0].message


def test_channels_that_can_not_be_known_are_not_complained_about() -> None:
    assert _spec({"channels": ["whatever"]}, channels=None).notify.channels == ("whatever",)
