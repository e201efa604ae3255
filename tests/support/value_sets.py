"""The values that the chart is tried with: a file each in `values/`, and the files of the chart that some name."""

import shutil
from functools import cache
from pathlib import Path

from tests.support.charts import CHART, Release, render
from tests.support.checkout import ROOT

FOLDER = ROOT / "tests/deploy/values"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
WITH_FILES = {"everything", "job-files"}
"""They name files in the chart, which `chart_with_files` has."""

JOB = "job_id: {0}\ntarget_url: http://files/{0}\ncron: '@daily'\n"
FILES = {
    "jobs.d/a.yaml": JOB.format("a"),
    "jobs.d/team/b.yml": JOB.format("b").replace("\n", "\r\n"),
    "jobs.d/team/在庫.yaml": JOB.format("在庫").removesuffix("\n") + "  # {{ no template }}  \n\n\n",
    "jobs.d/policy.yaml": "max_retries: 50\n",
    "jobs.d/README.md": "# no manifest\n",
    "jobs.d/.hidden.yaml": "no manifest",
    "more/c.yaml": "\ufeff" + JOB.format("c"),
}


def text(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text("utf-8")


def chart_with_files(folder: Path) -> Path:
    """A copy of the chart as a team keeps it that puts its jobs beside the templates."""
    copy = folder / "myscheduler"
    shutil.copytree(CHART, copy)
    for path, content in FILES.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(content.encode())
    return copy


@cache
def release(name: str, chart: Path = CHART) -> Release:
    return render(text(name), chart=chart)
