"""The Dockerfile: what it says, and what comes of its steps, which are carried out here without Docker."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from myscheduler import settings
from myscheduler.settings import Settings
from tests.support.checkout import ROOT
from tests.support.dockerfile import Ignored, Image, Step, carry_out, pairs, read, sources, stages
from tests.support.patience import PATIENCE
from tests.support.service import AS_PROCESS_ONE, Service, has_namespaces, inner_pid, manifest
from tests.support.target import Answer, Raw, Silence, Target

STEPS = read((ROOT / "Dockerfile").read_text("utf-8"))
LAST = stages(STEPS)[-1]
IGNORED = Ignored((ROOT / ".dockerignore").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
HEALTH = ROOT / "docker/health.py"

BUILDER, STRANGER = 65534, 65533
"""Two users without a name, a home and rights; only root can be them."""


def only(word: str) -> Step:
    (step,) = [step for step in LAST if step.word == word]
    return step


# --- what it says -------------------------------------------------------------------------------------------------


def test_hadolint_finds_nothing() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_stage_begins_with_the_same_slim_python() -> None:
    bases = {stage[0].rest.partition(" ")[0] for stage in stages(STEPS)}
    assert bases == {"${PYTHON_IMAGE}"}
    minor = re.fullmatch(r"PYTHON_IMAGE=python:3\.(\d+)-slim", STEPS[0].rest)
    assert minor is not None
    assert int(minor[1]) >= 12


def test_the_dependencies_are_a_layer_before_the_sources() -> None:
    first = stages(STEPS)[0]
    (locked,) = [number for number, step in enumerate(first) if "-r requirements.txt" in step.rest]
    before = [name for step in first[:locked] if step.word == "COPY" for name in sources(step)]
    assert before == ["requirements.txt"]
    assert {"--require-hashes", "--only-binary=:all:"} <= set(first[locked].rest.split())


def test_the_last_stage_installs_nothing() -> None:
    commands = " ".join(step.rest for step in LAST if step.word == "RUN")
    assert not re.search(r"\b(pip|uv|apt|apt-get|curl|wget|gcc)\b", commands)


def test_it_starts_in_exec_form_as_a_numeric_user() -> None:
    assert [*only("ENTRYPOINT").command, *only("CMD").command] == ["myscheduler", "serve"]
    assert only("HEALTHCHECK").rest.startswith("CMD [")
    assert re.fullmatch(r"[1-9]\d{3,}:0", only("USER").rest)
    assert only("STOPSIGNAL").rest == "SIGTERM"
    assert "VOLUME" not in {step.word for step in LAST}


def test_its_variables_are_settings() -> None:
    variables = pairs(only("ENV"))
    for name in ("PATH", "PYTHONDONTWRITEBYTECODE"):
        variables.pop(name)
    assert variables == {
        settings.HOST: "0.0.0.0",
        settings.PORT: str(Settings().port),
        settings.JOBS_DIR: "/app/jobs.d",
        settings.DATABASE_URL: "sqlite:////app/data/jobs.db",
    }
    assert only("EXPOSE").rest == variables[settings.PORT]


def test_its_labels_are_those_of_the_project() -> None:
    given = {name: value for step in LAST if step.word == "ARG" for name, value in pairs(step).items()}
    labels = {name.rpartition(".")[2]: value for name, value in pairs(only("LABEL")).items()}
    assert given["VERSION"] == PROJECT["version"]
    assert labels["title"] == "MyScheduler"
    assert PROJECT["description"].startswith(labels["description"])
    assert labels["licenses"] == PROJECT["license"]
    assert [labels[name] for name in ("version", "revision", "created")] == ["${VERSION}", "${REVISION}", "${CREATED}"]


# --- what the builder gets ----------------------------------------------------------------------------------------


def test_the_builder_gets_what_is_copied_and_nothing_else() -> None:
    wanted = {name for step in STEPS if step.word == "COPY" and "from" not in step.flags for name in sources(step)}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    let_through = {name for name in listed if not IGNORED(name)}
    assert {name if name in wanted else name.partition("/")[0] for name in let_through} == wanted


@pytest.mark.parametrize(
    "path",
    [
        ".git/config", ".venv/bin/python", "data/jobs.db", "tests/support/service.py", "jobs.d/examples.yaml",
        "secrets.env", ".env", "helm/myscheduler/values.yaml", "docs/README.md",
        "docker/x", "myscheduler/__pycache__/app.pyc",
        "myscheduler/core/__pycache__/job.pyc", "myscheduler/.env", "myscheduler/cli/.mypy_cache/x",
    ],
)  # fmt: skip
def test_the_builder_does_not_get(path: str) -> None:
    assert IGNORED(path)


# --- what comes of it ---------------------------------------------------------------------------------------------


IS_ROOT = os.getuid() == 0


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Made by one user who is nobody, then nobody's to write, but for what the steps leave open to group 0."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))  # other users may not look into the folders of pytest
    folder.chmod(0o755)
    try:
        image = carry_out(STEPS, ROOT, IGNORED, folder, user=BUILDER if IS_ROOT else None)
        for path in (image.root, *image.root.rglob("*")):
            if IS_ROOT:
                os.chown(path, 0, 0, follow_symlinks=False)
            if not path.is_symlink() and not path.stat().st_mode & 0o020:
                path.chmod(path.stat().st_mode & ~0o222)
        (image.root / "app/jobs.d").chmod(0o755)  # here the test is the one who mounts it
        yield image
    finally:
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)  # what is in it could not be removed otherwise
        shutil.rmtree(folder)


CONFINE = """
data=$0
mount --bind "$data" "$data"
for place in / /tmp /var/tmp /run /dev/shm; do
  if mountpoint -q "$place"; then mount -o remount,bind,ro "$place"; fi
done
exec setpriv --reuid %d --regid 0 --clear-groups --pdeathsig KILL -- "$@"
"""
"""A container's point of view: all is read-only but the folder of the database, and nobody has heard of the user."""


CAN_CONFINE = IS_ROOT and has_namespaces()


def confined(image: Image) -> tuple[str, ...]:
    """Goes before a command of the image; empty where this user can't do it."""
    if not CAN_CONFINE:
        return ()
    return (*AS_PROCESS_ONE, "--mount", "sh", "-euc", CONFINE % STRANGER, str(image.root / "app/data"))


def variables(image: Image, **more: str) -> dict[str, str]:
    return image.env | {"HOME": "/", "TMPDIR": "/nowhere"} | more


def command(image: Image, *arguments: str) -> list[str]:
    """As `docker run IMAGE ARGUMENTS`."""
    return [*image.said["ENTRYPOINT"].command, *(arguments or image.said["CMD"].command)]


def run(image: Image, *words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """As `docker exec CONTAINER WORDS`."""
    return subprocess.run(
        [*confined(image), *words], cwd=Path(image.root, image.folder.lstrip("/")), env=variables(image, **more),
        input=stdin, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip


class Container(Service):
    def __init__(self, image: Image, **more: str) -> None:
        super().__init__(Path(image.root, image.folder.lstrip("/")))
        self._image = image
        self._more = more

    def _start(self) -> subprocess.Popen[str]:
        self._outer = subprocess.Popen(
            [*confined(self._image), *command(self._image)],
            cwd=self.folder, env=variables(self._image, **self._more), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self._outer

    @property
    def pid(self) -> int:
        return inner_pid(self._outer.pid) if CAN_CONFINE else self._outer.pid


def test_it_has_no_tools_to_build_with(image: Image) -> None:
    places = [*image.root.glob("opt/myscheduler/bin/*"), *image.root.glob("opt/myscheduler/lib/*/site-packages/*")]
    names = {re.split(r"[-.0-9]", path.name)[0] for path in places}
    assert names & {"pip", "uv", "flit", "flit_core", "setuptools", "wheel", "gcc", "cc"} == set()
    assert {"myscheduler", "aiohttp", "psycopg_binary", "uvloop"} <= names


def test_all_of_it_is_compiled(image: Image) -> None:
    """Python's own library too, but for pip, which the base image has."""
    places = [image.root / "opt/myscheduler/lib", image.root / "usr/local/lib"]
    modules = [path for place in places for path in place.rglob("*.py") if "pip" not in path.parts]
    tag = sys.implementation.cache_tag
    assert [path for path in modules if not (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").exists()] == []


def test_only_the_folder_of_the_database_is_open_to_group_0(image: Image) -> None:
    places = [path for path in image.root.rglob("*") if not path.is_symlink()]
    assert [path for path in places if path.stat().st_mode & 0o022] == [image.root / "app/data"]
    assert {path.name for path in (image.root / "app").iterdir()} == {"data", "jobs.d"}
    assert list((image.root / "app/jobs.d").iterdir()) == []


def test_nothing_of_the_checkout_is_used(image: Image) -> None:
    script = "import myscheduler.app, sys; print(*(getattr(one, '__file__', None) for one in [*sys.modules.values()]))"
    told = run(image, "python", "-c", script)
    assert told.returncode == 0, told.stderr
    files = {file for file in told.stdout.split() if file != "None"}
    assert str(next(image.root.glob("opt/myscheduler/lib/*/site-packages/myscheduler/app.py"))) in files
    assert {file for file in files if not file.startswith(str(image.root))} == set()


def test_it_reads_manifests_from_standard_input(image: Image) -> None:
    checked = run(image, *command(image, "validate", "-"), stdin=manifest("a", "http://example.com/"))
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "1 job, no problems\n", "")
    refused = run(image, *command(image, "validate", "-"), stdin="job_id: a\n")
    assert refused.returncode == 1
    assert command(image, "--version") == ["myscheduler", "--version"]


def test_it_serves_is_well_and_stops(image: Image) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    words = json.loads(image.here(image.said["HEALTHCHECK"].rest.removeprefix("CMD ")))
    well = partial(run, image, *words, MYSCHEDULER_PORT=port)
    proxies = {"http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    told = {"MYSCHEDULER_PORT": port, "MYSCHEDULER_API_TOKEN": "right"}
    with Target() as target, Container(image, **told) as service:
        assert service.get("/api/v1/jobs").status_code == 401
        written = service.write("job.yaml", manifest("often", target.url("/often"), "interval: {seconds: 1}"))
        target.wait_for(1)
        right = {"Authorization": "Bearer right"}
        service.until(lambda: service.get("/api/v1/jobs/often", headers=right).json().get("last_execution"))
        assert (image.root / "app/data/jobs.db").exists()
        healthy = well(**proxies)
        assert (healthy.returncode, healthy.stdout, healthy.stderr) == (0, "HTTP/1.1 200 OK\n", "")
        assert service.terminate() == 0
        written.unlink()
        warnings = [line["message"] for line in service.log if line["level"] != "INFO"]
        refused = "refused GET /api/v1/jobs from 127.0.0.1 with 401: no API token"
        assert warnings == [refused], service.text
    gone = well()
    assert (gone.returncode, gone.stderr) == (1, "")
    assert gone.stdout == f"0.0.0.0:{port} does not answer: [Errno 111] Connection refused\n"


def test_without_credentials_it_says_what_to_do(image: Image) -> None:
    ended = run(image, *command(image), MYSCHEDULER_PORT="0")
    assert ended.returncode == 2
    assert "Error: MYSCHEDULER_HOST (--host): on 0.0.0.0, anyone who reaches the service could create" in ended.stderr
    assert "MYSCHEDULER_API_TOKEN" in ended.stderr


@pytest.mark.skipif(not CAN_CONFINE, reason="only root can be other users")
class TestConfined:
    @pytest.mark.parametrize("place", ["/app", "/app/jobs.d", "/opt/myscheduler", tempfile.gettempdir()])
    def test_nothing_else_can_be_written(self, image: Image, place: str) -> None:
        assert run(image, "touch", f"{image.here(place)}/x").returncode == 1
        assert run(image, "touch", str(image.root / "app/data/x")).returncode == 0
        (image.root / "app/data/x").unlink()

    def test_a_folder_of_somebody_else_is_named_with_the_user(self, image: Image) -> None:
        mounted = Path(tempfile.mkdtemp(prefix="mounted-", dir=image.root.parent))
        mounted.chmod(0o755)
        ended = run(image, *command(image), DATABASE_URL=f"sqlite:///{mounted}/jobs.db", MYSCHEDULER_PORT="0")
        assert ended.returncode == 1
        assert ended.stderr == (
            f"Error: DATABASE_URL names {mounted}/jobs.db, which can't be written as user {STRANGER}: "
            f"Read-only file system ({mounted} of user 0)\n"
        )


# --- the health check ---------------------------------------------------------------------------------------------


def ask(port: str, host: str = "127.0.0.1") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", HEALTH], env={"MYSCHEDULER_HOST": host, "MYSCHEDULER_PORT": port},
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        pytest.param(Answer(200), 0, "HTTP/1.1 200 ", id="well"),
        pytest.param(Answer(503), 1, "HTTP/1.1 503", id="unwell"),
        pytest.param(Raw(b""), 1, "", id="hangs up"),
        pytest.param(Silence(), 1, "does not answer: timed out", id="hangs"),
        pytest.param(Raw(b"SSH-2.0-OpenSSH\r\n"), 1, "SSH-2.0", id="something else"),
    ],
)
def test_the_health_check(answer: Answer | Raw | Silence, code: int, says: str) -> None:
    with Target() as target:
        target.answers("/health/live", answer)
        asked = ask(target.url().rpartition(":")[2].strip("/"))
        assert [one.target for one in target.requests] == ["/health/live"]
    assert (asked.returncode, asked.stderr, asked.stdout.count("\n")) == (code, "", 1)
    assert says in asked.stdout


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_the_health_check_asks_at_the_address_of_the_service(host: str) -> None:
    with Target() as target:
        assert ask(target.url().rpartition(":")[2].strip("/"), host).returncode == 0


@pytest.mark.parametrize(
    ("port", "asked"),
    [
        pytest.param("1", "1", id="closed"),
        pytest.param("eight", "eight", id="no-number"),
        pytest.param("", "8003", id="empty"),
        pytest.param("tcp://10.0.0.1:9999", "8003", id="a-link-of-kubernetes"),
    ],
)
def test_the_health_check_where_no_service_is(port: str, asked: str) -> None:
    told = ask(port, "127.0.0.9")
    assert (told.returncode, told.stderr) == (1, "")
    assert told.stdout.startswith(f"127.0.0.9:{asked} does not answer: ")
