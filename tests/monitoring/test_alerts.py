"""The alert rules ask for metrics that exist; promtool sees each of them fire, and end."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.checkout import ROOT
from tests.support.metrics import MISSING, PROMTOOL
from tests.support.promql import mistakes, names_in

RULES = ROOT / "deploy/prometheus/myscheduler.rules.yaml"
ALERTS: dict[str, Any] = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]
}
Series = list[tuple[str, str]]
_BURN = 'myscheduler_job_slo_burn_rate{job_id="a",window="%s"}'
_TOLD = 'myscheduler_notifications_total{channel="chat",instance="a",result="%s"}'
CASES: dict[str, Series] = {
    "MySchedulerAbsent": [('myscheduler_build_info{version="1"}', "_x20 1x40")],
    "MySchedulerDatabaseDown": [('myscheduler_database_up{instance="a"}', "0x20 1x40")],
    "MySchedulerQueueWaiting": [("myscheduler_execution_oldest_waiting_seconds", "61x20 59x40")],
    "MySchedulerTargetCircuitOpen": [('myscheduler_target_circuit_open{target="billing"}', "1x20 0x40")],
    "MySchedulerTargetCertificateExpiring": [
        ('myscheduler_target_certificate_expiry_timestamp_seconds{host="a"}', f"{13 * 86_400}x20 {90 * 86_400}x40")
    ],
    "MySchedulerTargetCertificateExpiresAtOnce": [
        ('myscheduler_target_certificate_expiry_timestamp_seconds{host="a"}', f"{2 * 86_400}x20 {90 * 86_400}x40")
    ],
    "MySchedulerJobFailing": [('myscheduler_job_consecutive_failures{job_id="日本"}', "3x20 0x40")],
    "MySchedulerJobLate": [
        ('myscheduler_job_deadline_timestamp_seconds{job_id="a"}', "600x20 86400x40"),
        ('myscheduler_job_paused{job_id="a"}', "0x60"),
    ],
    "MySchedulerChainsFailing": [('myscheduler_chains_total{instance="a",outcome="failed"}', "0x14 1x46")],
    "MySchedulerBudgetBurnsFast": [(_BURN % "1/120", "7x60"), (_BURN % "1/720", "8x20 5x40")],
    "MySchedulerBudgetBurnsSlowly": [(_BURN % "1/10", "2x60"), (_BURN % "1/120", "2x20 0x40")],
    "MySchedulerSourceStalled": [("myscheduler_source_ready", "0x20 1x40")],
    "MySchedulerDeletionBlocked": [("myscheduler_deletions_blocked", "2x20 0x40")],
    "MySchedulerJobsHeld": [("myscheduler_jobs_held", "1x20 0x40")],
    "MySchedulerClockJumped": [('myscheduler_clock_jumps_total{direction="back",instance="a"}', "0x14 1x46")],
    "MySchedulerSendersLost": [('myscheduler_sender_losses_total{instance="a"}', "0x10 1 2 3 4x46")],
    "MySchedulerNotificationsFailing": [(_TOLD % "failed", "0x14 1x46")],
}
"""By alert: series, of which the first is bad for the first 20 minutes, or jumps then, and which are well from then
on."""
QUIET: dict[str, tuple[str, Series]] = {
    "a circuit that has opened just now": (
        "MySchedulerTargetCircuitOpen",
        [('myscheduler_target_circuit_open{target="billing"}', "0x16 1x44")],
    ),
    "a certificate of a month": (
        "MySchedulerTargetCertificateExpiring",
        [('myscheduler_target_certificate_expiry_timestamp_seconds{host="a"}', f"{30 * 86_400}x60")],
    ),
    "a certificate of four days": (
        "MySchedulerTargetCertificateExpiresAtOnce",
        [('myscheduler_target_certificate_expiry_timestamp_seconds{host="a"}', f"{4 * 86_400}x60")],
    ),
    "a job that is not late yet": (
        "MySchedulerJobLate",
        [
            ('myscheduler_job_deadline_timestamp_seconds{job_id="a"}', "86400x60"),
            ('myscheduler_job_paused{job_id="a"}', "0x60"),
        ],
    ),
    "a job that is paused": (
        "MySchedulerJobLate",
        [
            ('myscheduler_job_deadline_timestamp_seconds{job_id="a"}', "0x60"),
            ('myscheduler_job_paused{job_id="a"}', "1x60"),
        ],
    ),
    "slots that are caught up after a start": (
        "MySchedulerJobLate",
        [
            ('myscheduler_job_deadline_timestamp_seconds{job_id="a"}', "_x18 0 86400x40"),
            ('myscheduler_job_paused{job_id="a"}', "0x60"),
        ],
    ),
    "a job that is late in one service and paused in another": (
        "MySchedulerJobLate",
        [
            ('myscheduler_job_deadline_timestamp_seconds{instance="a",job_id="a"}', "0x60"),
            ('myscheduler_job_paused{instance="a",job_id="a"}', "1x60"),
            ('myscheduler_job_paused{instance="b",job_id="a"}', "0x60"),
        ],
    ),
    "chains that complete": (
        "MySchedulerChainsFailing",
        [('myscheduler_chains_total{instance="a",outcome="completed"}', "0x14 1x46")],
    ),
    "a short burst": ("MySchedulerBudgetBurnsFast", [(_BURN % "1/120", "5x60"), (_BURN % "1/720", "60x60")]),
    "nothing due lately": ("MySchedulerBudgetBurnsFast", [(_BURN % "1/120", "60x60")]),
    "another job": (
        "MySchedulerBudgetBurnsSlowly",
        [(_BURN % "1/10", "2x60"), ((_BURN % "1/120").replace('"a"', '"b"'), "2x60")],
    ),
    "a message that arrived at the second try": (
        "MySchedulerNotificationsFailing",
        [(_TOLD % "failed", "0x60"), (_TOLD % "retried", "0x14 1x46"), (_TOLD % "delivered", "0x16 1x44")],
    ),
}
"""What an alert must not fire for, at `DURING`."""
DURING, AFTER = "19m", "50m"


def test_each_alert_has_a_case() -> None:
    assert CASES.keys() == ALERTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_metrics_that_exist_and_says_what_is_wrong(name: str) -> None:
    rule = ALERTS[name]
    assert names_in(rule["expr"])
    assert mistakes(rule["expr"]) == []
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}


def test_metrics_that_do_not_exist_are_noticed() -> None:
    assert mistakes('sum(myscheduler_job_consecutive_failure{job_id="a"}) > myscheduler_jobs{team="a"}') == [
        "myscheduler_job_consecutive_failure",
        "myscheduler_job_consecutive_failure{job_id}",
        "myscheduler_jobs{team}",
    ]


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
def test_promtool_takes_the_rules() -> None:
    assert PROMTOOL
    checked = subprocess.run(
        [PROMTOOL, "check", "rules", "--lint-fatal", RULES], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_and_ends(name: str, tmp_path: Path) -> None:
    """Promtool compares the labels, and knows whether an alert fires; what it says of others is not compared."""
    series, values = CASES[name][0]
    told = {key: value for key, value in _labels(series).items() if name != "MySchedulerAbsent" and key != "version"}
    rule = ALERTS[name]
    if name == "MySchedulerNotificationsFailing":
        del told["result"]
    expected = {"exp_labels": rule["labels"] | told, "exp_annotations": _annotations(rule, told, values)}
    _expect(name, CASES[name], {DURING: [expected], AFTER: []}, tmp_path)


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
@pytest.mark.parametrize("case", QUIET)
def test_an_alert_does_not_fire_for(case: str, tmp_path: Path) -> None:
    name, series = QUIET[case]
    _expect(name, series, {DURING: []}, tmp_path)


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
def test_a_channel_that_takes_nothing_is_told_before_its_messages_are_given_up(tmp_path: Path) -> None:
    name = "MySchedulerNotificationsFailing"
    labels = {"channel": "chat", "instance": "a"}
    rule = ALERTS[name]
    expected = {"exp_labels": rule["labels"] | labels, "exp_annotations": _annotations(rule, labels, "")}
    series = [(_TOLD % "retried", "0x14 1+1x46"), (_TOLD % "delivered", "5x60")]
    _expect(name, series, {DURING: [expected]}, tmp_path)


def _expect(name: str, series: Series, expected: dict[str, list[Any]], folder: Path) -> None:
    """Have promtool see whether the alert fires at these times."""
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": one, "values": values} for one, values in series],
                "alert_rule_test": [
                    {"eval_time": moment, "alertname": name, "exp_alerts": alerts}
                    for moment, alerts in expected.items()
                ],
            }
        ],
    }
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(test, allow_unicode=True), "utf-8")
    assert PROMTOOL
    tested = subprocess.run([PROMTOOL, "test", "rules", path], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def _labels(series: str) -> dict[str, str]:
    _, _, written = series.partition("{")
    pairs = (pair.split("=") for pair in written.rstrip("}").split(",") if pair)
    return {key: value.strip('"') for key, value in pairs}


def _annotations(rule: dict[str, Any], labels: dict[str, str], values: str) -> dict[str, str]:
    """The annotations with what Prometheus fills in."""
    value = values.partition("x")[0]
    filled = {"{{ $value }}": value, "{{ $value | humanizeDuration }}": "1m 1s"}
    filled["{{ $value | humanizeTimestamp }}"] = "1970-01-01 00:10:00 +0000 UTC"
    filled |= {f"{{{{ $labels.{key} }}}}": one for key, one in labels.items()}
    annotations = {}
    for key, written in rule["annotations"].items():
        annotations[key] = written
        for placeholder, one in filled.items():
            annotations[key] = annotations[key].replace(placeholder, one)
    return annotations
