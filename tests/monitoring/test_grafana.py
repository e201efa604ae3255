"""The Grafana dashboard asks only for metrics that exist, shows all of them, and lies on its grid without overlaps."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from myscheduler.core.metrics import families
from tests.support.checkout import ROOT
from tests.support.metrics import MISSING, PROMTOOL
from tests.support.promql import mistakes, names_in, sample_names

DASHBOARD = json.loads((ROOT / "deploy/grafana/myscheduler.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]
LEFT_OUT = {families.SOURCE_APPLIED, families.JOB, families.JOB_NEXT_RUN, families.JOB_LAST_FAILURE}
"""What says nothing on a dashboard: it is for joins, alerts of your own, and lists."""
LEFT_OUT |= {families.JOB_LAST_DURATION, families.JOB_EXECUTIONS}


def expressions(panel: dict[str, Any]) -> Iterator[str]:
    yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: f"{panel['id']} {panel['title']}")
def test_a_panel_asks_for_metrics_that_exist(panel: dict[str, Any]) -> None:
    assert panel["description"]
    assert panel["datasource"]["uid"] == "${datasource}"
    for expression in expressions(panel):
        assert names_in(expression)
        assert mistakes(expression) == []
        assert expression.count('instance=~"$instance"') == len(names_in(expression))
        assert not re.search(r"\[\d", expression), "$__rate_interval fits every zoom"


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
def test_promtool_understands_all_expressions(tmp_path: Path) -> None:
    written = [one.replace("$__rate_interval", "5m") for panel in SHOWN for one in expressions(panel)]
    rules = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(written)]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    assert PROMTOOL
    checked = subprocess.run([PROMTOOL, "check", "rules", path], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_metric_is_shown_but_those_for_other_uses() -> None:
    asked = {sample_names()[name] for panel in SHOWN for one in expressions(panel) for name in names_in(one)}
    variables = {name for one in DASHBOARD["templating"]["list"] for name in names_in(json.dumps(one.get("query")))}
    asked |= {sample_names()[name] for name in variables}
    assert {*families.OF_SERVICE, *families.OF_JOBS} - asked == LEFT_OUT


def test_panels_have_places_of_their_own() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
