"""The curl commands of the REST page about executions, run as they stand there."""

import re
import subprocess
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.patience import PATIENCE
from tests.support.service import Service

BLOCK = re.compile(r"<!-- curl: executions -->\n```bash\n(.*?)```\n<!-- /curl: executions -->", re.DOTALL)


def test_the_commands_work(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    (script,) = BLOCK.findall((ROOT / "docs/rest-api.md").read_text("utf-8"))
    with Service(tmp_path) as service:
        done = subprocess.run(
            ["bash", "-euc", script.replace("http://127.0.0.1:8003", service.url)],
            capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for said in ('"next_cursor":null', '"attempts_detail":[', '"rerun_of":"', '"execution_id"'):
        assert said in done.stdout
