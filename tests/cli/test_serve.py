"""The options of `myscheduler serve`; how it runs is in tests/e2e."""

import re
import subprocess
import sys
from textwrap import dedent

import pytest
from click.testing import CliRunner

from myscheduler import __version__
from myscheduler.cli import main
from myscheduler.cli.serve import serve


@pytest.mark.parametrize(
    ("option", "variable", "default"),
    [
        ("--database-url", "DATABASE_URL", "sqlite:///./data/jobs.db"),
        ("--timezone", "TZ", "Asia/Tokyo"),
        ("--log-level", "LOG_LEVEL", "INFO"),
        ("--jobs-dir", "MYSCHEDULER_JOBS_DIR", "jobs.d"),
        ("--secrets-dir", "MYSCHEDULER_SECRETS_DIR", "/etc/myscheduler/secrets"),
        ("--host", "MYSCHEDULER_HOST", "127.0.0.1"),
        ("--port", "MYSCHEDULER_PORT", "8003"),
        ("--history-days", "MYSCHEDULER_HISTORY_DAYS", "30"),
        ("--history-rows", "MYSCHEDULER_HISTORY_ROWS", "10000"),
    ],
)
def test_help_names_each_setting_and_its_default(option: str, variable: str, default: str) -> None:
    _, options = _help("serve").split("Options:\n")
    described = next(text for text in re.split(r"\n(?=  -)", options) if text.strip().startswith(f"{option} "))
    words = " ".join(described.split())
    assert f"[env var: {variable}; default: {default}" in words


def test_help_names_the_token_and_how_it_ends() -> None:
    text = _help("serve")
    assert "MYSCHEDULER_API_TOKEN" in text
    assert "SIGTERM" in text
    assert "\n  Examples:\n    myscheduler serve\n    myscheduler serve --jobs-dir " in text


def test_help_of_the_program() -> None:
    expected = """\
        Usage: myscheduler [OPTIONS] COMMAND [ARGS]...

          Call REST APIs on schedule, from YAML manifests that live in Git.

          First steps:
            myscheduler validate jobs.d     check the manifests
            myscheduler serve               run them; then open http://127.0.0.1:8003/docs

        Options:
          --version   Show the version and exit.
          -h, --help  Show this message and exit.
        """
    assert _help().startswith(dedent(expected))
    assert re.findall(r"^  ([a-z-]+)  ", _help().split("Commands:\n")[1], re.MULTILINE) == sorted(main.commands)


def _help(*command: str) -> str:
    result = CliRunner().invoke(main, [*command, "-h"], prog_name="myscheduler", terminal_width=100)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("TZ", "Asia/Tokio", "--timezone' (env var: 'TZ'): 'Asia/Tokio' is not a time zone; did you mean Asia/Tokyo?"),
        ("LOG_LEVEL", "LOUD", "--log-level' (env var: 'LOG_LEVEL'): 'LOUD' is not one of "),
        ("MYSCHEDULER_PORT", "http", "--port' (env var: 'MYSCHEDULER_PORT'): 'http' is not a valid integer"),
        ("MYSCHEDULER_PORT", "65536", "--port' (env var: 'MYSCHEDULER_PORT'): 65536 is not in the range 0<=x<=65535"),
        ("MYSCHEDULER_PORT", "-1", "--port' (env var: 'MYSCHEDULER_PORT'): -1 is not in the range 0<=x<=65535"),
        (
            "MYSCHEDULER_PORT",
            "http://10.0.0.1:8003",
            "--port' (env var: 'MYSCHEDULER_PORT'): 'http://10.0.0.1:8003' is not a valid integer",
        ),
        (
            "MYSCHEDULER_HISTORY_DAYS",
            "0",
            "--history-days' (env var: 'MYSCHEDULER_HISTORY_DAYS'): 0 is not in the range 1<=x<=36500",
        ),
        (
            "MYSCHEDULER_HISTORY_ROWS",
            "0",
            "--history-rows' (env var: 'MYSCHEDULER_HISTORY_ROWS'): 0 is not in the range 1<=x<=1000000000",
        ),
    ],
)
def test_wrong_value_is_usage(variable: str, value: str, line: str) -> None:
    result = CliRunner().invoke(main, ["serve"], env={variable: value})
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"\nError: Invalid value for '{line}" in result.stderr


@pytest.mark.parametrize("link", ["tcp://10.0.0.1:8003", "tcp://[fd00::1]:8003", "udp://10.0.0.1:53"])
def test_what_kubernetes_sets_beside_a_service_is_no_port(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSCHEDULER_PORT", link)
    context = main.make_context("myscheduler", ["serve"])  # a command that is asked alone knows no -h ever after
    assert serve.make_context("serve", [], parent=context).params["port"] == 8003


def test_version_of_the_module() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "myscheduler", "--version"], capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"myscheduler, version {__version__}\n", "")
