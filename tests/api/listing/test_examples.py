"""The commands about lists and many jobs in the REST API page do what they say."""

import re
import subprocess
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.patience import PATIENCE
from tests.support.service import Service

PAGE = ROOT / "docs/rest-api.md"
SECTION = re.compile(r"^## (?:Pages of jobs|Many jobs at once)\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_commands_work(tmp_path: Path) -> None:
    folder = tmp_path / "jobs.d"
    folder.mkdir()
    blocks = [block for section in SECTION.findall(PAGE.read_text("utf-8")) for block in BLOCK.findall(section)]
    create = [
        f"""curl http://127.0.0.1:8003/api/v1/jobs --json '{{"job_id": "billing-{number}", "name": "nightly",
        "labels": {{"team": "billing"}}, "target_url": "http://127.0.0.1:9/", "interval": {{"hours": 1}}}}'"""
        for number in (1, 2)
    ]
    with Service(tmp_path) as service:
        script = 'curl() { command curl -fsS "$@"; echo; }\n' + "\n".join([*create, *blocks])
        done = subprocess.run(
            ["bash", "-euc", script.replace("http://127.0.0.1:8003", service.url)],
            capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    assert len(lines) == len(create) + 6
    says = ['"scheduled"', '"scheduled"', '"total":2', '"schedule_text":"every hour', '"deleted"',
            '"dry_run":true', '"skipped":1', '"execution_id"']  # fmt: skip
    for line, text in zip(lines, says, strict=True):
        assert text in line
