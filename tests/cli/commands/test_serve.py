"""The options of `myscheduler serve`; how it runs is in tests/e2e."""

import re
import subprocess
import sys
from textwrap import dedent

import pytest
from click.testing import CliRunner

from myscheduler import __version__, settings
from myscheduler.cli import main
from myscheduler.cli.commands.serve import serve
from myscheduler.errors import SettingError
from tests.support.commands import every_command
from tests.support.patience import PATIENCE


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
        ("--rate-limit", "MYSCHEDULER_RATE_LIMIT", "60000"),
        ("--max-api-jobs", "MYSCHEDULER_MAX_API_JOBS", "50000"),
        ("--api-private-targets", "MYSCHEDULER_API_PRIVATE_TARGETS", "deny"),
        ("--history-days", "MYSCHEDULER_HISTORY_DAYS", "30"),
        ("--history-rows", "MYSCHEDULER_HISTORY_ROWS", "10000"),
        ("--connection-max-age", "MYSCHEDULER_CONNECTION_MAX_AGE", "30"),
        ("--log-format", "MYSCHEDULER_LOG_FORMAT", "auto"),
        ("--heartbeat-interval", "MYSCHEDULER_HEARTBEAT_INTERVAL", "60"),
        ("--name", "MYSCHEDULER_NAME", "MyScheduler"),
        ("--api-token-role", "MYSCHEDULER_API_TOKEN_ROLE", "editor"),
    ],
)
def test_help_names_each_setting_and_its_default(option: str, variable: str, default: str) -> None:
    _, options = _help("serve").split("Options:\n")
    described = next(text for text in re.split(r"\n(?=  -)", options) if text.strip().startswith(f"{option} "))
    words = " ".join(described.split())
    assert f"[env var: {variable}; default: {default}" in words


@pytest.mark.parametrize(
    ("option", "variable"),
    [
        ("--allowed-hosts NAMES", "MYSCHEDULER_ALLOWED_HOSTS"),
        ("--allowed-clients NETWORKS", "MYSCHEDULER_ALLOWED_CLIENTS"),
        ("--trusted-proxies NETWORKS", "MYSCHEDULER_TRUSTED_PROXIES"),
        ("--color #RRGGBB", "MYSCHEDULER_COLOR"),
        ("--root-path PATH", "MYSCHEDULER_ROOT_PATH"),
        ("--public-url URL", "MYSCHEDULER_PUBLIC_URL"),
        ("--insecure ", "MYSCHEDULER_INSECURE"),
        ("--metrics-port INTEGER", "MYSCHEDULER_METRICS_PORT"),
        ("--metrics-labels NAMES", "MYSCHEDULER_METRICS_LABELS"),
        ("--access-log ", "MYSCHEDULER_ACCESS_LOG"),
    ],
)
def test_help_names_what_has_no_default(option: str, variable: str) -> None:
    assert option in _help("serve")
    assert f"[env var: {variable}" in " ".join(_help("serve").split())


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
            myscheduler serve               run them; then open http://127.0.0.1:8003/ui/

        Options:
          --version   Show the version and exit.
          -h, --help  Show this message and exit.
        """
    assert _help().startswith(dedent(expected))
    assert re.findall(r"^  ([a-z-]+)  ", _help().split("Commands:\n")[1], re.MULTILINE) == sorted(every_command())


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
        (
            "MYSCHEDULER_ALLOWED_HOSTS",
            "a.example,http://b.example/",
            "--allowed-hosts' (env var: 'MYSCHEDULER_ALLOWED_HOSTS'): 'http://b.example/' is more than a host: write ",
        ),
        (
            "MYSCHEDULER_ALLOWED_CLIENTS",
            "10.0.0.1/8",
            "--allowed-clients' (env var: 'MYSCHEDULER_ALLOWED_CLIENTS'): '10.0.0.1/8' has bits set after its prefix: ",
        ),
        (
            "MYSCHEDULER_TRUSTED_PROXIES",
            "proxy",
            "--trusted-proxies' (env var: 'MYSCHEDULER_TRUSTED_PROXIES'): 'proxy' is not an address or a network",
        ),
        (
            "MYSCHEDULER_RATE_LIMIT",
            "-1",
            "--rate-limit' (env var: 'MYSCHEDULER_RATE_LIMIT'): -1 is not in the range 0<=x<=10000000",
        ),
        (
            "MYSCHEDULER_MAX_API_JOBS",
            "many",
            "--max-api-jobs' (env var: 'MYSCHEDULER_MAX_API_JOBS'): 'many' is not a valid integer",
        ),
        (
            "MYSCHEDULER_API_TOKEN_ROLE",
            "owner",
            "--api-token-role' (env var: 'MYSCHEDULER_API_TOKEN_ROLE'): 'owner' is not one of ",
        ),
        (
            "MYSCHEDULER_INSECURE",
            "perhaps",
            "--insecure' (env var: 'MYSCHEDULER_INSECURE'): 'perhaps' is not a valid boolean",
        ),
    ],
)
def test_wrong_value_is_usage(variable: str, value: str, line: str) -> None:
    result = CliRunner().invoke(main, ["serve"], env={variable: value})
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"\nError: Invalid value for '{line}" in result.stderr


@pytest.mark.parametrize(
    ("token", "says"),
    [
        pytest.param(" \n", "MYSCHEDULER_API_TOKEN is blank", id="blank"),
        pytest.param("hunter\n2", "at position 7 of 8", id="line break inside"),
        pytest.param("hunter\t2", "at position 7 of 8", id="tab inside"),
        pytest.param("hunter\x7f2", "no header can carry it", id="control character"),
        pytest.param("\ufeffhunter2", "at position 1 of 8", id="mark of a file of Windows"),
        pytest.param("hunter\u200b2", "at position 7 of 8", id="invisible"),
        pytest.param("hunter\udcff2", "at position 7 of 8", id="no UTF-8"),
    ],
)
@pytest.mark.parametrize(
    "command", [["serve"], ["sync"], ["why", "a", "2030-01-01T00:00"]], ids=lambda command: command[0]
)
def test_a_token_that_nobody_could_send_is_usage(command: list[str], token: str, says: str) -> None:
    result = CliRunner().invoke(main, command, env={"MYSCHEDULER_API_TOKEN": token})
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert "hunter" not in result.stderr


@pytest.mark.parametrize(
    ("written", "token"),
    [(None, None), ("", None), ("a b", "a b"), (" a\r\n", "a"), ("\u3000秘密\n", "秘密"), ("~!'\"", "~!'\"")],
)
def test_a_token_is_read_without_the_space_around_it(written: str | None, token: str | None) -> None:
    environment = {} if written is None else {"MYSCHEDULER_API_TOKEN": written}
    assert settings.read_api_token(environment) == token


@pytest.mark.parametrize("link", ["tcp://10.0.0.1:8003", "tcp://[fd00::1]:8003", "udp://10.0.0.1:53"])
def test_what_kubernetes_sets_beside_a_service_is_no_port(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSCHEDULER_PORT", link)
    monkeypatch.setenv("MYSCHEDULER_METRICS_PORT", link)  # of a Service named myscheduler-metrics
    context = main.make_context("myscheduler", ["serve"])  # a command that is asked alone knows no -h ever after
    params = serve.make_context("serve", [], parent=context).params
    assert (params["port"], params["metrics_port"]) == (8003, None)


def test_version_of_the_module() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "myscheduler", "--version"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"myscheduler, version {__version__}\n", "")


@pytest.mark.parametrize(
    ("written", "secret"), [("", None), (" ", None), ("x" * 32, "x" * 32), (f" {'x' * 40}\n", "x" * 40)]
)
def test_the_secret_of_sessions(written: str, secret: str | None) -> None:
    assert settings.read_session_secret({settings.SESSION_SECRET: written}) == secret


def test_a_secret_of_sessions_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(SettingError, match="has 6 characters, and takes at least 32") as error:
        settings.read_session_secret({settings.SESSION_SECRET: "s3cret"})
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--color", "red", "is not a colour: write it as #rrggbb"),
        ("--color", "#fff", "is not a colour"),
        ("--color", "#c62828;", "is not a colour"),
        ("--name", " ", "1 to 60 printable characters"),
        ("--name", "a\nb", "1 to 60 printable characters"),
        ("--name", "a" * 61, "1 to 60 printable characters"),
        ("--root-path", "jobs", "is not a path: begin it with /"),
        ("--root-path", "//evil.example", "is not a path"),
        ("--root-path", "/a/../b", "is not a path"),
        ("--root-path", "/a%2F", "is not a path"),
        ("--root-path", "/a b", "is not a path"),
        ("--public-url", "jobs.example.com", "is not the URL of the dashboard: write https://"),
        ("--public-url", "https://ann@jobs.example.com", "is not the URL of the dashboard"),
        ("--public-url", "https://jobs.example.com/ui/", "is not the URL of the dashboard"),
        ("--public-url", "https://jobs.example.com/?a", "is not the URL of the dashboard"),
        ("--root-path", "/ui/x", "begins with a path of the service itself (/ui)"),
        ("--root-path", "/api", "begins with a path of the service itself"),
        ("--root-path", f"/{'a' * 200}", "is not a path"),
    ],
)
def test_what_the_dashboard_can_not_use_is_refused(option: str, value: str, complaint: str) -> None:
    result = CliRunner().invoke(main, ["serve", option, value])
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())


def test_how_the_dashboard_is_told_apart() -> None:
    assert settings.checked_name(" 本番 ") == "本番"
    assert [settings.checked_color(one) for one in ("", "#C62828")] == ["", "#c62828"]
    assert [settings.checked_root_path(one) for one in ("", "/", "/a", "/a/b-c/")] == ["", "", "/a", "/a/b-c"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("", None, id="not set"),
        pytest.param(" https://hc.example.com/ping/k3y\n", "https://hc.example.com/ping/k3y", id="the end of a file"),
        pytest.param("http://127.0.0.1:8000/k3y", "http://127.0.0.1:8000/k3y", id="on this machine"),
    ],
)
def test_the_url_of_the_heartbeat(written: str, expected: str | None) -> None:
    assert settings.read_heartbeat_url({settings.HEARTBEAT_URL: written}) == expected


@pytest.mark.parametrize(
    "written", ["hc.example.com/k3y", "ftp://hc.example.com/k3y", "https:///k3y", "https://a:b/k3y"]
)
def test_a_heartbeat_that_cannot_be_sent_is_refused_without_its_key(written: str) -> None:
    with pytest.raises(SettingError, match="MYSCHEDULER_HEARTBEAT_URL is not a URL") as refused:
        settings.read_heartbeat_url({settings.HEARTBEAT_URL: written})
    assert "k3y" not in str(refused.value)
