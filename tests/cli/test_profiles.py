"""Named profiles: what may be written, what is said of mistakes, and what is stronger than what."""

from pathlib import Path

import pytest
import respx

from myscheduler.cli.profiles import Profile, config_path, profile_names, read_profile
from myscheduler.errors import SettingError
from tests.support.commands import call

GOOD = """\
[profiles.prod]
server = "https://prod.example.com"
token_file = "prod.token"

[profiles.dev]
server = "http://dev.example.com"
token = " t0ken\\n"

[profiles.open]
server = "http://open.example.com"
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "myscheduler" / "config.toml"
    path.parent.mkdir()
    write(path, GOOD)
    write(path.parent / "prod.token", "s3cret\n")
    return path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def test_profiles_are_read(config: Path) -> None:
    assert config_path() == config
    assert profile_names() == ["dev", "open", "prod"]
    assert read_profile("prod") == Profile("prod", "https://prod.example.com", "s3cret", ())
    assert read_profile("dev") == Profile("dev", "http://dev.example.com", "t0ken", ())
    assert read_profile("open") == Profile("open", "http://open.example.com", None, ())


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_folder_of_its_own_it_is_below_home(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", home)
    monkeypatch.setenv("HOME", "/home/ada")
    assert config_path() == Path("/home/ada/.config/myscheduler/config.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a = [", "is not TOML", id="no TOML"),
        pytest.param("profiles = 1", "profiles has to be a table", id="no table of profiles"),
        pytest.param("", "has no profile 'x'", id="empty"),
        pytest.param("[profiles.a]\n[profiles.y]", "has no profile 'x': it has a, y", id="others"),
        pytest.param("[profiles.xx]", "has no profile 'x': did you mean 'xx'?", id="alike"),
        pytest.param("[profiles]\nx = 1", "has to be a table: write [profiles.x]", id="no table"),
        pytest.param("[profiles.x]\ntoken = 'a'", "names no server", id="no server"),
        pytest.param("[profiles.x]\nserver = 1", "server has to be text in quotes", id="number"),
        pytest.param("[profiles.x]\nserver = ' '", "server has to be text", id="blank"),
        pytest.param("[profiles.x]\nurl = 'a'", "unknown key 'url': the keys are server, token", id="key"),
        pytest.param(
            "[profiles.x]\nserver = 'a'\ntoken = 'a'\ntoken_file = 'b'", "token and token_file: leave one", id="both"
        ),
        pytest.param("[profiles.x]\nserver = 'a'\ntoken_file = 'b'", "does not exist", id="no file"),
        pytest.param("[profiles.x]\nserver = 'a'\ntoken_file = '.'", "can't be read (", id="folder"),
        pytest.param('[profiles.x]\nserver = "a"\ntoken = "a\\nb"', "a line break or another", id="two lines"),
    ],
)
def test_mistakes(config: Path, text: str, said: str) -> None:
    write(config, text)
    with pytest.raises(SettingError) as caught:
        read_profile("x")
    assert said.removesuffix(" (") in str(caught.value)
    assert str(config.parent) in str(caught.value)
    result = call("jobs", "list", "--profile", "x")
    assert (result.exit_code, "Traceback" in result.output) == (2, False)


@pytest.mark.parametrize("content", [b"\xff", b"a" * 1_000_001], ids=["no UTF-8", "large"])
def test_files_that_are_none(config: Path, content: bytes) -> None:
    config.write_bytes(content)
    with pytest.raises(SettingError, match=r"config\.toml is "):
        read_profile("dev")
    assert profile_names() == []


def test_no_file(config: Path) -> None:
    config.unlink()
    result = call("jobs", "list", "--profile", "prod")
    assert result.exit_code == 2
    assert f"{config} does not exist: docs/command-line.md shows how to write profiles" in result.stderr


@pytest.mark.parametrize(
    ("name", "exposed"), [("dev", "config.toml"), ("prod", "prod.token"), ("open", None)], ids=["token", "file", "none"]
)
def test_a_token_that_others_can_read_is_warned_of(config: Path, name: str, exposed: str | None) -> None:
    for file in config.parent.iterdir():
        file.chmod(0o640)
    with respx.mock:
        respx.get(url__regex=".*/jobs").respond(json={"jobs": []})
        result = call("jobs", "list", "--profile", name)
    assert result.exit_code == 0
    path = exposed and config.parent / exposed
    warning = f"warning: {path} has a token and can be read by other users: run `chmod 600 {path}`\n"
    assert result.stderr == (warning if exposed else "")


DEFAULT, PROD, DEV, OTHER = (f"http{host}" for host in (
    "://127.0.0.1:8003", "s://prod.example.com", "://dev.example.com", "://other.example.com"
))  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "env", "server", "token"),
    [
        pytest.param([], {}, DEFAULT, None, id="default"),
        pytest.param([], {"PROFILE": "dev"}, DEV, "t0ken", id="profile of the environment"),
        pytest.param([], {"PROFILE": "dev", "BASE_URL": OTHER}, OTHER, None, id="environment over it"),
        pytest.param([], {"PROFILE": "dev", "API_TOKEN": "env"}, DEV, "env", id="token of the environment over it"),
        pytest.param(["--profile", "prod"], {"PROFILE": "dev"}, PROD, "s3cret", id="option over the environment's"),
        pytest.param(["--profile", "prod"], {"BASE_URL": OTHER}, PROD, "s3cret", id="option over the environment"),
        pytest.param(["--profile", "prod"], {"API_TOKEN": "env"}, PROD, "s3cret", id="its token, too"),
        pytest.param(["--profile", "open"], {"API_TOKEN": "env"}, "http://open.example.com", "env", id="no token"),
        pytest.param(["--server", OTHER], {"PROFILE": "dev", "BASE_URL": DEV}, OTHER, None, id="server over all"),
        pytest.param(["--profile", "prod", "--server", OTHER], {}, OTHER, None, id="no token of another server"),
        pytest.param(["--server", OTHER, "--profile", "prod"], {}, OTHER, None, id="in any order"),
    ],
)
def test_what_is_stronger(arguments: list[str], env: dict[str, str], server: str, token: str | None) -> None:
    with respx.mock:
        route = respx.get(f"{server}/api/v1/jobs").respond(json={"jobs": []})
        result = call("jobs", "list", *arguments, **{f"MYSCHEDULER_{name}": value for name, value in env.items()})
        assert (result.exit_code, result.stderr) == (0, "")
        assert route.calls.last.request.headers.get("Authorization") == (f"Bearer {token}" if token else None)


@pytest.mark.parametrize(
    ("arguments", "env", "server"),
    [
        (["sync", "status", "--profile", "dev"], {}, DEV),
        (["sync", "--profile", "dev", "status"], {}, DEV),
        (["sync", "--server", OTHER, "status", "--profile", "dev"], {}, DEV),
        (["sync", "--profile", "dev", "status", "--server", OTHER], {}, OTHER),
        (["sync", "status"], {"PROFILE": "dev", "BASE_URL": OTHER}, OTHER),
        (["preview", "--profile", "dev"], {}, DEV),
        (["preview", "--profile", "dev", "--server", OTHER], {}, OTHER),
        (["export", "--profile", "dev"], {}, DEV),
        (["why", "a", "2027-01-01T09:00", "--profile", "dev"], {}, DEV),
        (["plan", "--profile", "dev", "."], {}, DEV),
    ],
)
def test_commands_that_know_servers_know_profiles(arguments: list[str], env: dict[str, str], server: str) -> None:
    with respx.mock:
        route = respx.get(url__startswith=f"{server}/api/v1/").respond(503, json={"detail": "no"})
        result = call(*arguments, **{f"MYSCHEDULER_{name}": value for name, value in env.items()})
    assert result.exit_code == 1
    assert f"{server} answered 503" in result.stderr
    assert route.call_count == 1


def test_a_profile_is_a_server_for_preview() -> None:
    result = call("preview", "--profile", "dev", "-")
    assert (result.exit_code, "use either PATHS or --server" in result.stderr) == (2, True)
