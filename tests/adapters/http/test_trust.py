"""Whose certificates are believed, and what is said of variables that can't be followed; over real TLS."""

import ssl
import subprocess
import sys
from pathlib import Path

import certifi
import pytest
from click.testing import CliRunner, Result

from myscheduler.adapters.http.sender import open_sender
from myscheduler.adapters.http.trust import tls_context
from myscheduler.cli import main
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.calls.request import Request
from myscheduler.errors import SettingError
from tests.support.service import environment
from tests.support.target import AUTHORITY, AUTHORITY_HASH, Answer, Target

FOLDER = "for-folders"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paths of all tests, below the present folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    for folder in ("hashed", "plain", "empty-folder"):
        Path(folder).mkdir()
    Path("ca.pem").write_text(f"# 認証局\n{AUTHORITY}", encoding="utf-8")
    Path("hashed", f"{AUTHORITY_HASH}.0").write_text(AUTHORITY, encoding="utf-8")
    Path("plain", "ca.pem").write_text(AUTHORITY, encoding="utf-8")
    Path("empty.pem").write_bytes(b"")
    Path("words.pem").write_text("our certificates\n", encoding="utf-8")
    Path("key.pem").write_text(AUTHORITY.replace("CERTIFICATE", "PRIVATE KEY"), encoding="utf-8")
    Path("torn.pem").write_text(AUTHORITY[:200], encoding="utf-8")
    Path("second-torn.pem").write_text(AUTHORITY + AUTHORITY.replace("MIIB", "MIIC"), encoding="utf-8")
    Path("ca.der").write_bytes(ssl.PEM_cert_to_DER_cert(AUTHORITY))


def _set(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


BAD = [
    pytest.param("SSL_CERT_FILE", "nowhere.pem", "which can't be read (No such file or directory)", id="no file"),
    pytest.param("SSL_CERT_FILE", "plain", "a folder: write a file of certificates in PEM", id="folder as a file"),
    pytest.param("SSL_CERT_FILE", "empty.pem", "which holds no certificate in PEM", id="empty"),
    pytest.param("SSL_CERT_FILE", "/dev/null", "which holds no certificate in PEM", id="device"),
    pytest.param("SSL_CERT_FILE", "words.pem", "which holds no certificate in PEM", id="no PEM"),
    pytest.param("SSL_CERT_FILE", "key.pem", "which holds no certificate in PEM", id="key"),
    pytest.param(
        "SSL_CERT_FILE", "ca.der", "which is binary (DER), not PEM: convert it with `openssl x509 -inform der", id="DER"
    ),
    pytest.param("SSL_CERT_FILE", "torn.pem", "which holds a certificate that can't be read", id="torn"),
    pytest.param("SSL_CERT_FILE", "second-torn.pem", "which holds a certificate that can't be read", id="torn behind"),
    pytest.param("SSL_CERT_FILE", "a\x1b[2J\nb", "which can't be read (No such file or directory)", id="odd name"),
    pytest.param("SSL_CERT_DIR", "nowhere", "which can't be read (No such file or directory)", id="no folder"),
    pytest.param("SSL_CERT_DIR", "ca.pem", "which can't be read (Not a directory)", id="file as a folder"),
    pytest.param("SSL_CERT_DIR", "empty-folder", "a folder without a certificate under the hash", id="empty folder"),
    pytest.param("SSL_CERT_DIR", "plain", "run `openssl rehash plain`", id="folder without hashes"),
    pytest.param("SSL_CERT_DIR", "hashed:nowhere", "which can't be read (No such file or directory)", id="second one"),
]


@pytest.mark.parametrize(("name", "path", "said"), BAD)
def test_a_variable_that_can_not_be_followed(monkeypatch: pytest.MonkeyPatch, name: str, path: str, said: str) -> None:
    monkeypatch.setenv(name, path)
    with pytest.raises(SettingError) as caught:
        tls_context()
    message = str(caught.value)
    assert message.startswith(f"{name} is ")
    assert said in message
    assert message.isprintable()


def test_a_file_that_others_keep_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root reads every file
    monkeypatch.setenv("SSL_CERT_FILE", "ca.pem")
    with pytest.raises(SettingError, match=r"^SSL_CERT_FILE is 'ca.pem', which can't be read \(Permission denied\)"):
        tls_context()


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"SSL_CERT_FILE": "ca.pem"}, id="file"),
        pytest.param({"SSL_CERT_DIR": "hashed"}, id="folder"),
        pytest.param({"SSL_CERT_DIR": "hashed:hashed"}, id="folders"),
        pytest.param({"SSL_CERT_FILE": "ca.pem", "SSL_CERT_DIR": "hashed"}, id="both"),
        pytest.param({"SSL_CERT_FILE": certifi.where(), "SSL_CERT_DIR": "hashed"}, id="a file of others and a folder"),
        pytest.param({"SSL_CERT_FILE": "ca.pem", "SSL_CERT_DIR": ""}, id="one that is empty"),
    ],
)
@pytest.mark.anyio
async def test_targets_of_that_authority_are_called(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    with Target(tls=True) as target:
        request = Request("GET", target.url("/"), {}, None, 5)
        async with open_sender(connections=1, connections_per_host=1) as before:
            assert "unable to get local issuer certificate" in str((await before.send(request)).error)
        _set(monkeypatch, variables)
        async with open_sender(connections=1, connections_per_host=1) as after:
            assert await after.send(request) == Outcome(200, None, None, 2, "ok")


def test_of_a_file_only_what_it_holds_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "ca.pem")
    assert tls_context().cert_store_stats()["x509"] == 1


def test_without_variables_those_of_the_machine_and_of_certifi_are_believed() -> None:
    def subjects(context: ssl.SSLContext) -> set[str]:
        return {repr(one["subject"]) for one in context.get_ca_certs()}

    believed = subjects(tls_context())
    assert believed >= subjects(ssl.create_default_context())
    assert believed >= subjects(ssl.create_default_context(cafile=certifi.where()))
    assert tls_context().verify_mode is ssl.CERT_REQUIRED


def _ask(url: str) -> Result:
    return CliRunner().invoke(main, ["export", "--server", url])


def test_commands_believe_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with Target(tls=True) as target:
        target.answers("/api/v1/specs", Answer(body=b'{"timezone": "UTC", "jobs": []}'))
        before = _ask(target.url(""))
        monkeypatch.setenv("SSL_CERT_FILE", "ca.pem")
        after = _ask(target.url(""))
    assert (before.exit_code, before.stderr.count("\n")) == (1, 1)
    assert before.stderr.endswith(
        "certificate verify failed: unable to get local issuer certificate): for a private certificate authority, "
        "set SSL_CERT_FILE to the file of its certificate\n"
    )
    assert (after.exit_code, after.stderr) == (0, "warning: no job was made through the API\n")


def test_commands_say_it_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "nowhere.pem")
    result = _ask("https://127.0.0.1:9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: SSL_CERT_FILE is 'nowhere.pem', which can't be read (No such file or directory): write the path of a "
        "file of certificates in PEM\n"
    )
    assert "refused" in _ask("http://127.0.0.1:9").stderr  # without TLS it is not asked


def test_the_service_says_it_in_a_line_and_does_not_start() -> None:
    command = (sys.executable, "-m", "myscheduler", "serve")
    settings = environment(SSL_CERT_FILE="words.pem")
    ended = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "Error: SSL_CERT_FILE is 'words.pem', which holds no certificate in PEM: write the path of a file with BEGIN "
        "CERTIFICATE in it\n"
    )
