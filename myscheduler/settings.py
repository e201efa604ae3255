"""The names of the environment variables, their defaults, and what makes a value usable."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from myscheduler.errors import SettingError

DATABASE_URL = "DATABASE_URL"
TZ = "TZ"
LOG_LEVEL = "LOG_LEVEL"
JOBS_DIR = "MYSCHEDULER_JOBS_DIR"
SECRETS_DIR = "MYSCHEDULER_SECRETS_DIR"
HOST = "MYSCHEDULER_HOST"
PORT = "MYSCHEDULER_PORT"
HISTORY_DAYS = "MYSCHEDULER_HISTORY_DAYS"
HISTORY_ROWS = "MYSCHEDULER_HISTORY_ROWS"
CONNECTION_MAX_AGE = "MYSCHEDULER_CONNECTION_MAX_AGE"
ALLOWED_HOSTS = "MYSCHEDULER_ALLOWED_HOSTS"
API_TOKEN = "MYSCHEDULER_API_TOKEN"  # noqa: S105 - the name of the variable
BASE_URL = "MYSCHEDULER_BASE_URL"

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Settings:
    """What commands are told."""

    database_url: str = "sqlite:///./data/jobs.db"
    zone: str = "Asia/Tokyo"
    """IANA name: for jobs that name no zone, and for the times that the API shows."""
    log_level: str = "INFO"
    jobs_dir: Path = Path("jobs.d")
    secrets_dir: Path = Path("/etc/myscheduler/secrets")
    """One file a secret."""
    host: str = "127.0.0.1"
    port: int = 8003
    allowed_hosts: str = ""
    """Names, between commas, under which the service may be called besides loopback and the address it listens on."""
    api_token: str | None = None
    base_url: str = "http://127.0.0.1:8003"
    """The server that client commands talk to."""
    history_days: int = 30
    history_rows: int = 10_000
    """Of each job, at the most."""
    connection_max_age: int = 30
    """Seconds for which a connection to a target is used, however busy it is."""
    in_flight: int = 2_000
    """How many scheduled executions are on their way at the most."""
    in_flight_per_host: int = 400
    drain_sec: float = 20.0
    """How long a shutdown waits for executions in flight."""

    @property
    def level(self) -> int:
        return logging.getLevelNamesMapping()[self.log_level]


def read_api_token(environment: Mapping[str, str]) -> str | None:
    """The token without the white space that a file or a Secret brings along; `None` where none is set.

    Raises `SettingError` for what no caller could send as a header, and for blanks alone: somebody meant to set one.
    """
    written = environment.get(API_TOKEN) or None
    if written is None:
        return None
    token = written.strip()
    if not token:
        message = f"{API_TOKEN} is blank: write the token into it, or unset it to leave the API open"
        raise SettingError(message)
    if not token.isprintable():
        place = next(index for index, char in enumerate(token, start=1) if not char.isprintable())
        message = (
            f"{API_TOKEN} has a line break or another character that can't be printed, as number {place} of "
            f"{len(token)}: no header can carry it; make a token such as `openssl rand -hex 32` prints"
        )
        raise SettingError(message)
    return token
