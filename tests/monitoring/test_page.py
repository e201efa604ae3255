"""docs/monitoring.md lists the metrics and alerts that there are, and Prometheus takes its configuration."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from myscheduler.core.metrics import families
from myscheduler.core.metrics.families import Family
from tests.support.checkout import ROOT
from tests.support.golden import expect
from tests.support.metrics import MISSING, PROMTOOL
from tests.support.page import with_table

PAGE = ROOT / "docs/monitoring.md"
TEXT = PAGE.read_text("utf-8")


def _table(title: str, some: Iterable[Family]) -> str:
    rows = (
        f"| `{one.sample}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.help} |"
        for one in some
    )
    return "\n".join([f"| {title} | kind | labels | meaning |", "|---|---|---|---|", *rows, ""])


def test_the_tables_of_metrics_are_those_of_the_code() -> None:
    tables = [_table("`/metrics`", families.OF_SERVICE), _table("`/metrics/jobs`", families.OF_JOBS)]
    expect(str(PAGE), with_table("metrics", TEXT, "\n".join(tables)))


def test_the_table_of_alerts_has_those_of_the_rules() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/myscheduler.rules.yaml").read_text("utf-8"))
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert re.findall(r"^\| `(MyScheduler\w+)` \|", TEXT, re.MULTILINE) == alerts


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    (written,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    config = tmp_path / "prometheus.yml"
    config.write_text(written, "utf-8")
    (tmp_path / "myscheduler.rules.yaml").write_bytes((ROOT / "deploy/prometheus/myscheduler.rules.yaml").read_bytes())
    assert PROMTOOL
    checked = subprocess.run(
        [PROMTOOL, "check", "config", "--syntax-only", config], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
