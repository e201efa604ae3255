"""The settings: names of their environment variables, their defaults, and the check of the API token."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
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
API_TOKEN_ROLE = "MYSCHEDULER_API_TOKEN_ROLE"  # noqa: S105 - the name of the variable
INSECURE = "MYSCHEDULER_INSECURE"
ALLOWED_CLIENTS = "MYSCHEDULER_ALLOWED_CLIENTS"
TRUSTED_PROXIES = "MYSCHEDULER_TRUSTED_PROXIES"
SESSION_SECRET = "MYSCHEDULER_SESSION_SECRET"  # noqa: S105 - the name of the variable
BASE_URL = "MYSCHEDULER_BASE_URL"
PROFILE = "MYSCHEDULER_PROFILE"

SHORTEST_SECRET = 32
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one command, with their defaults."""

    database_url: str = "sqlite:///./data/jobs.db"
    zone: str = "Asia/Tokyo"
    """IANA name of the service's time zone: for jobs that name no zone, and for the times in the API."""
    log_level: str = "INFO"
    jobs_dir: Path = Path("jobs.d")
    secrets_dir: Path = Path("/etc/myscheduler/secrets")
    """Holds one file for each secret."""
    host: str = "127.0.0.1"
    port: int = 8003
    allowed_hosts: str = ""
    """Host names, separated by commas, that requests may name besides loopback and the address listened on."""
    api_token: str | None = field(default=None, repr=False)
    api_token_role: str = "editor"  # noqa: S105 - a role, no password
    session_secret: str | None = field(default=None, repr=False)
    """Signs the sessions of browsers; without one, they end with the process."""
    is_insecure: bool = False
    """Whether the API is open to everybody who reaches it."""
    allowed_clients: str = ""
    """Networks, separated by commas, from which the service may be called; all if empty."""
    trusted_proxies: str = ""
    """Networks of proxies whose `X-Forwarded-…` headers count."""
    base_url: str = "http://127.0.0.1:8003"
    """URL of the service that client commands call."""
    history_days: int = 30
    history_rows: int = 10_000
    """The most rows kept for each job."""
    connection_max_age: int = 30
    """Seconds after which a connection to a target is not reused, however busy it is."""
    in_flight: int = 2_000
    """The most scheduled executions in progress at a time."""
    in_flight_per_host: int = 400
    drain_sec: float = 20.0
    """Seconds that a shutdown waits for executions in progress."""

    @property
    def level(self) -> int:
        return logging.getLevelNamesMapping()[self.log_level]


def read_api_token(environment: Mapping[str, str]) -> str | None:
    """The API token, without surrounding white space such as the last line break of a file; `None` when it is not set.

    Raises `SettingError` for a token that can't be sent in a header, and for one that is only white space.
    """
    written = environment.get(API_TOKEN) or None
    return (
        None
        if written is None
        else checked_token(written, API_TOKEN, "unset it, which leaves the API open on loopback addresses only")
    )


def checked_token(written: str, name: str, otherwise: str) -> str:
    """A token without surrounding white space. `name` is where it is written, `otherwise` what to do without a token.

    Raises `SettingError` as `read_api_token` does.
    """
    token = written.strip()
    if not token:
        message = f"{name} is blank: write the token into it, or {otherwise}"
        raise SettingError(message)
    if not token.isprintable():
        place = next(index for index, char in enumerate(token, start=1) if not char.isprintable())
        message = (
            f"{name} has a line break or another unprintable character at position {place} of {len(token)}: "
            f"no header can carry it; make a token with `openssl rand -hex 32`"
        )
        raise SettingError(message)
    return token


def read_session_secret(environment: Mapping[str, str]) -> str | None:
    """The secret that signs sessions; `None` where none is set. Raises `SettingError` for one that could be guessed."""
    secret = environment.get(SESSION_SECRET, "").strip()
    if secret and len(secret) < SHORTEST_SECRET:
        message = f"{SESSION_SECRET} has {len(secret)} characters, and takes at least {SHORTEST_SECRET}"
        raise SettingError(f"{message}: make one with `openssl rand -hex 32`")
    return secret or None
