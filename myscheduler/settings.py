"""The names of the environment variables, their defaults, and what makes a value usable."""

import logging
from dataclasses import dataclass
from pathlib import Path

DATABASE_URL = "DATABASE_URL"
TZ = "TZ"
LOG_LEVEL = "LOG_LEVEL"
JOBS_DIR = "MYSCHEDULER_JOBS_DIR"
SECRETS_DIR = "MYSCHEDULER_SECRETS_DIR"
HOST = "MYSCHEDULER_HOST"
PORT = "MYSCHEDULER_PORT"
HISTORY_DAYS = "MYSCHEDULER_HISTORY_DAYS"
HISTORY_ROWS = "MYSCHEDULER_HISTORY_ROWS"
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
    api_token: str | None = None
    base_url: str = "http://127.0.0.1:8003"
    """The server that client commands talk to."""
    history_days: int = 30
    history_rows: int = 10_000
    """Of each job, at the most."""
    in_flight: int = 2_000
    """How many scheduled executions are on their way at the most."""
    in_flight_per_host: int = 400
    drain_sec: float = 20.0
    """How long a shutdown waits for executions in flight."""

    @property
    def level(self) -> int:
        return logging.getLevelNamesMapping()[self.log_level]
