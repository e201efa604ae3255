"""Templates and variables in the real service: one source, the environment of this instance, a real target."""

import json
from pathlib import Path

from tests.support.service import Service
from tests.support.target import Target

JOB = """\
job_id: report
interval: PT1S
timezone: America/New_York
target_url: "{{ vars.base_url }}/{{ scheduled_at | date('%Y/%m/%d') }}"
method: POST
headers: {X-Zone: "{{ scheduled_at | date('%z') }}"}
body: {run: "{{ execution_id }}", size: "{{ vars.size }}"}
"""


def test_the_environment_says_where_jobs_call(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d/report.yaml").write_text(JOB, encoding="utf-8")
    (tmp_path / "jobs.d/vars.yaml").write_text("base_url: http://127.0.0.1:1\nsize: 20\n", encoding="utf-8")
    with Target() as target, Service(tmp_path, MYSCHEDULER_VAR_BASE_URL=target.url("/prod")):
        got = target.wait_for(1)[0]
    assert got.target.startswith("/prod/20")
    assert got.header("X-Zone") in {"-0400", "-0500"}
    assert json.loads(got.body) == {"run": got.header("X-MyScheduler-Execution-Id"), "size": 20}
