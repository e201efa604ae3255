"""The first steps of the Japanese docs, one after the other: their manifests and commands with a real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.service import Service

PAGE = (ROOT / "docs/ja/first-steps.md").read_text("utf-8")
RUN = f'myscheduler() {{ "{sys.executable}" -m myscheduler "$@"; }}\n'
FILE = "first.yaml"


def step(number: int, language: str = "bash") -> str:
    """The first block of this language in a step."""
    text = PAGE.partition(f"\n## {number}. ")[2].partition("\n## ")[0]
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, number
    return found[1]


@pytest.mark.slow
def test_the_steps(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path, TZ="Asia/Tokyo") as service:

        def printed(number: int, *, exits_with: int = 0) -> str:
            done = subprocess.run(
                ["bash", "-euc", RUN + step(number)],
                cwd=tmp_path, env={**os.environ, "TZ": "Asia/Tokyo", "MYSCHEDULER_BASE_URL": service.url},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == exits_with, done.stdout + done.stderr
            return done.stdout

        manifest = step(2, "yaml").replace("http://127.0.0.1:8003", service.url)
        service.write(FILE, manifest)
        service.until(lambda: service.get("/api/v1/jobs/first-job").status_code == 200)
        assert "1 job, no problems" in printed(3)
        assert "completed after" in printed(4)
        service.write(FILE, manifest.replace("target_url", "target_ur"))
        service.until(lambda: service.job("first-job")["held"])
        told = printed(5, exits_with=1)
        assert "Stalled (ProblemsInManifests)" in told
        assert f"{FILE}:4:1" in told
        service.write(FILE, manifest)
        service.until(lambda: not service.job("first-job")["held"])
        assert printed(6).splitlines() == ["first-job: paused", "first-job: resumed"]
        assert "first-job at Wed 2099-04-01 09:00:00 +09:00" in printed(7)
