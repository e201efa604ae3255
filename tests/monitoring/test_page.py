"""docs/monitoring.md and its translation list the metrics and alerts that there are, and Prometheus takes their
configuration.
"""

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import yaml

from myscheduler.core.metrics import families
from myscheduler.core.metrics.families import Family
from tests.support.checkout import ROOT
from tests.support.golden import expect
from tests.support.metrics import MISSING, PROMTOOL
from tests.support.page import table_in, with_table

PAGE = ROOT / "docs/monitoring.md"
JAPANESE = ROOT / "docs/ja/monitoring.md"
PAGES = pytest.mark.parametrize("page", [PAGE, JAPANESE], ids=["en", "ja"])


def _tables(head: str, meanings: Mapping[str, str]) -> str:
    """The tables of the code. A metric without a meaning in the language of the page has that of the code."""

    def table(title: str, some: Iterable[Family]) -> str:
        rows = (
            f"| `{one.sample}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | "
            f"{meanings.get(one.sample, one.help)} |"
            for one in some
        )
        return "\n".join([f"| {title} | {head} |", "|---|---|---|---|", *rows, ""])

    return "\n".join([table("`/metrics`", families.OF_SERVICE), table("`/metrics/jobs`", families.OF_JOBS)])


def test_the_tables_of_metrics_are_those_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    expect(str(PAGE), with_table("metrics", text, _tables("kind | labels | meaning", {})))


def test_the_tables_of_metrics_in_japanese_have_the_same_rows() -> None:
    text = JAPANESE.read_text("utf-8")
    meanings = dict(re.findall(r"^\| `(\w+)` \| \w+ \| [^|]* \| (.+) \|$", table_in("metrics", text), re.MULTILINE))
    expect(str(JAPANESE), with_table("metrics", text, _tables("種類 | ラベル | 意味", meanings)))
    assert [name for name, meaning in meanings.items() if not re.search(r"[ぁ-ん]", meaning)] == []


@PAGES
def test_the_table_of_alerts_has_those_of_the_rules(page: Path) -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/myscheduler.rules.yaml").read_text("utf-8"))
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert re.findall(r"^\| `(MyScheduler\w+)` \|", page.read_text("utf-8"), re.MULTILINE) == alerts


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    (written,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    config = tmp_path / "prometheus.yml"
    config.write_text(written, "utf-8")
    (tmp_path / "myscheduler.rules.yaml").write_bytes((ROOT / "deploy/prometheus/myscheduler.rules.yaml").read_bytes())
    assert PROMTOOL
    checked = subprocess.run(
        [PROMTOOL, "check", "config", "--syntax-only", config], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
