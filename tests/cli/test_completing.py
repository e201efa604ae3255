"""What is completed in a shell, as the shells ask for it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, ShellComplete

from myscheduler.cli import main
from tests.support.commands import call
from tests.support.service import Service
from tests.support.target import Answer, Raw, Reply, Silence, Target


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def completed(*arguments: str) -> list[str]:
    """What is offered for the last argument."""
    *args, incomplete = arguments
    shell: ShellComplete = BashComplete(main, {}, "myscheduler", "_MYSCHEDULER_COMPLETE")
    return [item.value for item in shell.get_completions(list(args), incomplete)]


@pytest.fixture
def server(target: Target, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("MYSCHEDULER_BASE_URL", target.url(""))
    return target


def jobs(*job_ids: object) -> Answer:
    return Answer(body=json.dumps({"jobs": [{"job_id": job_id} for job_id in job_ids]}).encode())


def test_ids_of_jobs(server: Target) -> None:
    server.default = jobs("daily", "日次", "dayly-report", "other")
    for command in ("show", "pause", "resume", "trigger", "delete"):
        assert completed("jobs", command, "da") == ["daily", "dayly-report"]
    assert completed("jobs", "show", "日") == ["日次"]
    assert completed("jobs", "show", "") == ["daily", "日次", "dayly-report", "other"]
    assert completed("executions", "list", "--job", "o") == ["other"]
    assert completed("executions", "list", "--reason", "over") == ["overlap"]
    asked = server.requests[0]
    assert asked.target == "/api/v1/jobs?limit=200&fields=job_id&q=da"


def test_ids_that_a_shell_would_run_are_not_offered(server: Target) -> None:
    harmless = ["a", "a.b", "a-b_c", "a/b", "a@b", "ａ"]
    odd = ["$(reboot)", "`reboot`", "a b", "a;b", "a|b", "a&b", "a\nb", "a'b", 'a"b', "-a", "a*", "~", "!1", "\\a", 7]
    server.default = jobs(*odd, *harmless)
    assert completed("jobs", "show", "") == harmless


def test_a_server_that_knows_no_parameters(server: Target) -> None:
    server.answers("/api/v1/jobs", Answer(422, b'{"detail": "unknown parameter"}'), jobs("daily", "other"))
    assert completed("jobs", "show", "d") == ["daily"]


@pytest.mark.parametrize(
    "reply",
    [
        Silence(),
        Raw(b""),
        Answer(body=b"<html>"),
        Answer(body=b"[]"),
        Answer(body=b'{"jobs": {}}'),
        Answer(body=b'{"jobs": [1]}'),
        Answer(401, b'{"detail": "no"}'),
    ],
    ids=["silence", "hang-up", "HTML", "list", "object", "numbers", "token"],
)
def test_errors_are_silent(server: Target, reply: Reply, capfd: pytest.CaptureFixture[str]) -> None:
    server.default = reply
    assert completed("jobs", "show", "d") == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "http://a:b@c"])
def test_no_server_is_silent_too(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MYSCHEDULER_BASE_URL", url)
    assert completed("jobs", "show", "d") == []


def test_the_server_is_that_of_the_command_line(target: Target, tmp_path: Path) -> None:
    target.default = jobs("daily")
    assert completed("jobs", "show", "--server", target.url(""), "d") == ["daily"]
    config = tmp_path / "myscheduler" / "config.toml"
    config.parent.mkdir()
    config.write_text(f'[profiles.prod]\nserver = "{target.url("")}"\ntoken = "t0ken"\n', encoding="utf-8")
    config.chmod(0o644)
    assert completed("jobs", "show", "--profile", "prod", "d") == ["daily"]
    assert target.requests[-1].header("Authorization") == "Bearer t0ken"
    assert completed("jobs", "show", "--profile", "p") == ["prod"]
    assert completed("jobs", "show", "--profile", "nothing", "d") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(shell: str) -> None:
    result = call("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"_MYSCHEDULER_COMPLETE={shell}_complete" in result.stdout
    interpreter = shutil.which(shell)
    if interpreter is not None:
        subprocess.run([interpreter, "-n"], input=result.stdout, text=True, check=True)


def test_no_other_shell() -> None:
    assert call("completion", "tcsh").exit_code == 2


_TAB = r"""
eval "$(myscheduler completion bash)"
COMP_WORDS=(myscheduler jobs show da); COMP_CWORD=3
_myscheduler_completion myscheduler
printf "%s\n" "${COMPREPLY[@]}"
"""


def test_bash_completes_with_a_real_service(tmp_path: Path) -> None:
    """As a shell with the script does, when the tabulator is pressed behind the words."""
    (tmp_path / "jobs.d").mkdir()
    command = tmp_path / "myscheduler"
    command.write_text(f"#!{sys.executable}\nfrom myscheduler.__main__ import main\nmain()\n", encoding="utf-8")
    command.chmod(0o755)
    with Service(tmp_path) as service:
        for job_id in ("daily", "日次", "day $(touch ran)"):
            service.create(job_id=job_id, interval={"hours": 1}, target_url="http://127.0.0.1:9/")
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "MYSCHEDULER_BASE_URL": service.url}
        done = subprocess.run(
            ["bash", "--norc", "-c", _TAB], env=os.environ | path, capture_output=True, text=True, check=True
        )
    assert done.stdout == "daily\n"
    assert not (tmp_path / "ran").exists()
