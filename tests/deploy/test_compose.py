"""docker-compose.yml: valid by the schema of Compose, and fit for the image and the settings."""

import json
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


def test_its_variables_are_settings_with_their_defaults() -> None:
    chosen = Settings()
    defaults = {
        settings.TZ: chosen.zone,
        settings.LOG_LEVEL: chosen.log_level,
        settings.API_TOKEN: "",
        settings.ALLOWED_HOSTS: chosen.allowed_hosts,
    }
    assert SERVICE["environment"] == {name: f"${{{name}:-{default}}}" for name, default in defaults.items()}


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
