"""The walk of the GitOps page, step by step: its commands with a real repository and a real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.service import Service

PAGE = ROOT / "docs/gitops.md"
MARKED = re.compile(r"(<!-- walk: (\w+) -->\n```console\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)
RUN = f'myscheduler() {{ "{sys.executable}" -m myscheduler "$@"; }}\n'


def block(mark: str, language: str) -> str:
    found = re.search(
        rf"<!-- walk: {mark} -->\n```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found, mark
    return found[1]


def shell(commands: str, folder: Path, **env: str) -> str:
    """What the commands print; they have to succeed."""
    names = {f"GIT_{who}_{what}": "ada@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["bash", "-euc", RUN + commands],
        cwd=folder, env={**os.environ, **names, **env}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout


def untimed(text: str) -> str:
    """Without what differs from run to run; of the revisions only the present one is told."""
    text = text.partition("Last revisions:")[0]
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+09:00(?= is|\n|:)", "TIME", text)
    return re.sub(r"git:[0-9a-f]+", "git:COMMIT", text)


def test_the_walk(tmp_path: Path) -> None:
    """`GOLDEN=write` writes what the commands print into the page: read the difference before it goes in."""
    text = PAGE.read_text("utf-8")
    commands = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    first, second, third = commands[0], commands[1], commands[3]
    shell(first, tmp_path)
    folder = tmp_path / "schedules"
    reports = folder / "jobs.d" / "reports.yaml"
    reports.write_text(block("reports", "yaml"), encoding="utf-8")
    assert "no problems" in shell(second, folder)

    with Service(folder, TZ="Asia/Tokyo") as service:
        ask = {"MYSCHEDULER_BASE_URL": service.url}
        service.until(lambda: len(service.sync()["created"]) + service.sync()["unchanged"] == 2)
        shell("myscheduler sync", folder, **ask)
        printed = {"status": untimed(shell(command("status"), folder, **ask))}
        branch = tmp_path / "later"
        shell(third, folder)
        moved = branch / "jobs.d" / "reports.yaml"
        moved.write_text(reports.read_text("utf-8").replace("30 10", "0 15"), encoding="utf-8")
        printed["plan"] = shell(command("plan"), branch, **ask)
        assert service.job("日次レポート")["trigger_info"]["cron"]["hour"] == "10", "a plan changes nothing"
        shell("git commit --quiet --all -m 'Report in the afternoon'", branch)
        shell("git merge --quiet --ff-only later", folder)
        service.until(lambda: service.job("日次レポート")["trigger_info"]["cron"]["hour"] == "15")

    told = MARKED.sub(lambda found: f"{found[1]}$ {command(found[2])}\n{printed[found[2]]}{found[4]}", text)
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(told, encoding="utf-8")
    assert told == PAGE.read_text("utf-8")


def command(mark: str) -> str:
    line = block(mark, "console").splitlines()[0]
    assert line.startswith("$ myscheduler ")
    return line.removeprefix("$ ")


@pytest.mark.parametrize("mark", ["status", "plan"])
def test_what_is_shown_is_not_empty(mark: str) -> None:
    assert len(block(mark, "console").splitlines()) > 3
