"""`myscheduler graph`: which jobs run after which, for Mermaid, Graphviz and scripts."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.checkout import ROOT

ODD = """\
job_id: '集計 "日次" <b>'
cron: "0 9 * * *"
target_url: https://example.com/count
---
job_id: b
name: Tell the team
after: [{job: '集計 "日次" <b>', on: failure}, {job: c, on: always}]
join: any
target_url: https://example.com/b
---
job_id: c
after: [{job: '集計 "日次" <b>'}]
target_url: https://example.com/c
---
job_id: alone
cron: "0 9 * * *"
target_url: https://example.com/alone
"""


def graph(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["graph", *arguments], input=stdin, prog_name="myscheduler")


@pytest.mark.parametrize("page", ["docs/chains.md", "docs/ja/chains.md"])
def test_the_page_on_chains_shows_what_it_prints(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text("utf-8")
    manifests = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    shown = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    (tmp_path / "nightly.yaml").write_text(manifests, encoding="utf-8")
    assert [graph(str(tmp_path)).output] == shown


def test_ids_are_written_so_that_mermaid_reads_them() -> None:
    assert graph("-", stdin=ODD).output == (
        "flowchart LR\n"
        '  j0["b (any)"]\n'
        '  j1["c"]\n'
        '  j2["集計 #quot;日次#quot; #lt;b#gt;"]\n'
        "  j2 -->|failure| j0\n"
        "  j1 -->|always| j0\n"
        "  j2 --> j1\n"
    )


def test_ids_are_written_so_that_graphviz_reads_them() -> None:
    lines = graph("--format", "dot", "-", stdin=ODD).output.splitlines()
    assert lines[0] == "digraph chains {"
    assert r'  "集計 \"日次\" <b>" -> "b" [label="failure"];' in lines
    assert r'  "集計 \"日次\" <b>" -> "c";' in lines
    assert '  "b" [label="b (any)"];' in lines


def test_a_script_gets_jobs_and_edges() -> None:
    found = json.loads(graph("--format", "json", "-", stdin=ODD).output)
    assert [one["job_id"] for one in found["jobs"]] == ["b", "c", '集計 "日次" <b>']
    assert found["jobs"][0] == {"job_id": "b", "name": "Tell the team", "join": "any"}
    assert {"from": "c", "to": "b", "on": "always"} in found["edges"]
    assert len(found["edges"]) == 3


def test_one_job_is_shown_with_all_that_are_connected_with_it() -> None:
    found = json.loads(graph("--format", "json", "--job", "c", "-", stdin=ODD).output)
    assert [one["job_id"] for one in found["jobs"]] == ["b", "c", '集計 "日次" <b>']
    assert json.loads(graph("--format", "json", "--job", "alone", "-", stdin=ODD).output)["edges"] == []
    unknown = graph("--job", "x", "-", stdin=ODD)
    assert (unknown.exit_code, "there is no job 'x'" in unknown.output) == (2, True)


def test_jobs_with_errors_are_told_and_the_others_drawn() -> None:
    result = graph("-", stdin=ODD.replace("{job: c, on: always}", "{job: b}"))
    assert result.exit_code == 1
    assert "run after itself" in result.output
    assert 'j0["c"]' in result.output
