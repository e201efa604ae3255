"""What is said about each rule: its examples are judged, and the page of the rules is made of it."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from myscheduler.cli import main
from myscheduler.cli.reports.sarif import as_markdown
from myscheduler.core.findings.advice import Advice
from myscheduler.core.findings.rule_advice import ADVICE
from myscheduler.core.findings.rules import RULES
from myscheduler.messages.catalogue import OTHER
from tests.support.checkout import ROOT

PAGE = ROOT / "docs/rules.md"
_FILES = {
    "policy-chain-label": ("policy.yaml", "chains_within_label: team"),
    "policy-host": ("policy.yaml", "allow_hosts: [api.example.com]"),
    "policy-interval": ("policy.yaml", "min_interval_sec: 60"),
    "policy-label": ("policy.yaml", "require_labels: {team: [billing]}"),
    "policy-literal-credential": ("policy.yaml", "secrets_by_reference: true"),
    "policy-method": ("policy.yaml", "allow_methods: [GET, POST]"),
    "policy-network": ("policy.yaml", "deny_networks: [10.0.0.0/8]"),
    "policy-retries": ("policy.yaml", "max_retries: 5"),
    "unknown-channel": (
        "notifications.yaml",
        "channels: {ops: {kind: slack, url: '${secret:key}'}}\ndefault: {channels: [ops]}",
    ),
    "unknown-calendar": ("calendars.yaml", "head-office: {country: JP}"),
    "chain-root": (
        "others.yaml",
        "---\n".join(
            f'job_id: {one}\ncron: "0 3 * * *"\ntarget_url: https://api.example.com/{one}\n'
            for one in ("nightly-extract", "monthly-close")
        ),
    ),
    "chain-unknown": ("extract.yaml", 'job_id: extract\ncron: "0 3 * * *"\ntarget_url: https://api.example.com/e\n'),
}
"""What has to stand beside an example."""
_REST = {"job_id": "report", "cron": '"0 9 * * *"', "target_url": "https://api.example.com/run"}
_WHOLE = {"missing-field", "not-a-manifest", "not-a-mapping"}
"""Rules whose examples are all of the file."""
_SHOWN = [pytest.param(rule, advice, id=rule) for rule, advice in ADVICE.items() if advice.wrong]


def _manifest(lines: str) -> str:
    """The lines, with what else a job needs."""
    given = set(re.findall(r"^(\w+):", lines, re.MULTILINE))
    given |= {"cron"} if given & {"interval", "run_at", "after"} else set()
    rest = [f"{name}: {value}" for name, value in _REST.items() if name not in given]
    return "\n".join([*rest, lines, ""])


def _rules(text: str) -> set[str]:
    Path("jobs.d/job.yaml").write_text(text, encoding="utf-8")
    Path("names.txt").write_text("reports-token\nkey\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["validate", "--format", "json", "--secret-names", "names.txt", "jobs.d"])
    assert result.stderr == ""
    problems = json.loads(result.stdout)["problems"]
    assert [one["message"] for one in problems if one["message_coded"]["code"] == OTHER] == []
    return {problem["rule"] for problem in problems}


@pytest.mark.parametrize(("rule", "advice"), _SHOWN)
def test_the_examples_are_wrong_and_right(rule: str, advice: Advice, tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    if rule in _FILES:
        name, text = _FILES[rule]
        (tmp_path / "jobs.d" / name).write_text(text, encoding="utf-8")
    wrong, right = (
        example if rule in _WHOLE else "---\n".join(map(_manifest, example.split("\n---\n")))
        for example in (advice.wrong, advice.right)
    )
    assert rule in _rules(wrong)
    assert _rules(right) == set()


def test_there_is_advice_for_each_rule_in_sentences() -> None:
    assert list(ADVICE) == list(RULES)
    texts = [text for advice in ADVICE.values() for text in (advice.why, advice.fix)]
    assert [text for text in texts if not re.fullmatch(r"\S.*\.", text) or "  " in text] == []
    assert len(_SHOWN) > 40


def test_the_page_of_the_rules_is_made_of_it() -> None:
    """`GOLDEN=write` writes it."""
    head = PAGE.read_text("utf-8").partition("\n## ")[0]
    made = "\n".join([head, *(f"## {rule}\n\n{as_markdown(rule)}\n" for rule in RULES)])
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text("utf-8") == made
