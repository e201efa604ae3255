"""docker-compose.yml: valid by the schema of Compose, and fit for the image and the settings."""

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from myscheduler import settings
from myscheduler.core.secrets.references import variable_of
from myscheduler.settings import Settings
from tests.support.checkout import ROOT
from tests.support.dockerfile import pairs, read, stages
from tests.support.service import Service

SCHEMA = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text("utf-8"))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICE = COMPOSE["services"]["myscheduler"]
IMAGE = {step.word: step for step in stages(read((ROOT / "Dockerfile").read_text("utf-8")))[-1]}
VARIABLES = pairs(IMAGE["ENV"])


def problems(compose: Any) -> list[str]:
    validator = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
    return [error.json_path for error in validator.iter_errors(compose)]


def test_it_is_valid() -> None:
    assert problems(COMPOSE) == []


@pytest.mark.parametrize("extra", [{"port": []}, {"read_only": [1]}, {"cap_drop": "ALL"}])
def test_a_mistake_would_be_noticed(extra: dict[str, object]) -> None:
    assert problems({"services": {"myscheduler": SERVICE | extra}})


def test_it_runs_the_image_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert SERVICE["image"] == f"myscheduler:{version}"
    assert SERVICE["build"] == "."


def test_the_port_is_that_of_the_image_and_for_this_machine_only() -> None:
    address, outside, inside = SERVICE["ports"][0].split(":")
    assert (address, outside, inside) == ("127.0.0.1", str(Settings().port), IMAGE["EXPOSE"].rest)
    assert len(SERVICE["ports"]) == 1


def test_manifests_and_database_are_mounted_where_the_image_has_them() -> None:
    manifests, data = (volume.split(":") for volume in SERVICE["volumes"])
    assert manifests == ["./jobs.d", VARIABLES[settings.JOBS_DIR], "ro"]
    assert (ROOT / manifests[0]).is_dir()
    assert data[0] in COMPOSE["volumes"]
    assert Path(VARIABLES[settings.DATABASE_URL].removeprefix("sqlite:///")).parent == Path(data[1])


def interpolated(text: str, told: dict[str, str]) -> str:
    """As Compose replaces `${NAME:-default}` and `${NAME:+replacement}`, both for an empty variable, too."""

    def value(found: re.Match[str]) -> str:
        name, sign, word = found.groups()
        given = told.get(name, "")
        return given or word if sign == "-" else word if given else ""

    return re.sub(r"\$\{([A-Z_]+):([-+])([^}]*)\}", value, text)


def variables(**told: str) -> dict[str, str]:
    """The variables of the container, where the shell has those of `told`."""
    return dict(interpolated(line, told).split("=", 1) for line in SERVICE["environment"])


def test_its_variables_are_settings_with_their_defaults() -> None:
    chosen = Settings()
    assert variables() == {
        settings.TZ: chosen.zone,
        settings.LOG_LEVEL: chosen.log_level,
        settings.LOG_FORMAT: chosen.log_format,
        settings.ACCESS_LOG: str(chosen.is_access_logged).lower(),
        settings.API_TOKEN: "",
        settings.API_TOKEN_ROLE: chosen.api_token_role,
        settings.ALLOWED_HOSTS: chosen.allowed_hosts,
        settings.API_PRIVATE_TARGETS: chosen.api_private_targets,
        settings.NAME: chosen.name,
        settings.COLOR: chosen.color,
        settings.ROOT_PATH: chosen.root_path,
        settings.PUBLIC_URL: chosen.public_url,
        settings.METRICS_PORT: "",
        settings.METRICS_LABELS: chosen.metrics_labels,
        settings.SENDERS: "",
        settings.HEARTBEAT_URL: "",
        settings.HEARTBEAT_INTERVAL: str(chosen.heartbeat_interval),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
        settings.INSECURE: "true",
    }
    assert (chosen.metrics_port, chosen.heartbeat_url) == (None, None)
    told = dict.fromkeys(variables(), "x") | {settings.API_TOKEN: ""}
    assert variables(**told) == told


@pytest.mark.parametrize("name", ["docs/deploy.md", "docs/ja/deploy.md"])
def test_the_page_about_deployment_names_its_variables(name: str) -> None:
    page = (ROOT / name).read_text("utf-8")
    assert [one for one in variables() if f"`{one}`" not in page] == []


def test_a_token_closes_the_api() -> None:
    told = variables(MYSCHEDULER_API_TOKEN="right")
    assert told[settings.API_TOKEN] == "right"
    assert settings.INSECURE not in told


@pytest.mark.parametrize(
    ("told", "token", "status"),
    [
        pytest.param({}, "", 200, id="none"),
        pytest.param({"MYSCHEDULER_API_TOKEN": "right"}, "right", 200, id="right"),
        pytest.param({"MYSCHEDULER_API_TOKEN": "right"}, "", 401, id="no token"),
        pytest.param(
            {"MYSCHEDULER_API_TOKEN": "right", "MYSCHEDULER_API_TOKEN_ROLE": "viewer"}, "right", 403, id="role"
        ),
    ],
)
def test_who_may_call(told: dict[str, str], token: str, status: int, tmp_path: Path) -> None:
    """On every address, as the image says."""
    with Service(tmp_path, MYSCHEDULER_HOST=VARIABLES[settings.HOST], **variables(**told)) as service:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        assert service.post("/api/v1/sync", headers=headers).status_code == status
        assert service.get("/health/live").status_code == 200


def test_it_answers_under_the_name_that_other_containers_call() -> None:
    """On every address, it takes the name of its machine for its own."""
    assert SERVICE["hostname"] in COMPOSE["services"]
    assert VARIABLES[settings.HOST] == "0.0.0.0"


def test_secrets_are_optional_and_never_committed() -> None:
    (file,) = SERVICE["env_file"]
    assert file["required"] is False
    assert file["path"] in (ROOT / ".gitignore").read_text("utf-8").split()
    assert variable_of("orders-token") in (ROOT / "docker-compose.yml").read_text("utf-8")


def test_it_may_do_little_and_has_time_to_end() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert int(SERVICE["stop_grace_period"].removesuffix("s")) > Settings().drain_sec + 5
    assert SERVICE["restart"] == "unless-stopped"
