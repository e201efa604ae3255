"""The settings: names of their environment variables, their defaults, and the check of the API token."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

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
RATE_LIMIT = "MYSCHEDULER_RATE_LIMIT"
MAX_API_JOBS = "MYSCHEDULER_MAX_API_JOBS"
API_PRIVATE_TARGETS = "MYSCHEDULER_API_PRIVATE_TARGETS"
METRICS_PORT = "MYSCHEDULER_METRICS_PORT"
METRICS_LABELS = "MYSCHEDULER_METRICS_LABELS"
SESSION_SECRET = "MYSCHEDULER_SESSION_SECRET"  # noqa: S105 - the name of the variable
BASE_URL = "MYSCHEDULER_BASE_URL"
PROFILE = "MYSCHEDULER_PROFILE"
LOG_FORMAT = "MYSCHEDULER_LOG_FORMAT"
ACCESS_LOG = "MYSCHEDULER_ACCESS_LOG"
HEARTBEAT_URL = "MYSCHEDULER_HEARTBEAT_URL"
HEARTBEAT_INTERVAL = "MYSCHEDULER_HEARTBEAT_INTERVAL"
NAME = "MYSCHEDULER_NAME"
COLOR = "MYSCHEDULER_COLOR"
ROOT_PATH = "MYSCHEDULER_ROOT_PATH"
PUBLIC_URL = "MYSCHEDULER_PUBLIC_URL"
SENDERS = "MYSCHEDULER_SENDERS"

MOST_SENDERS = 4
"""The most sender processes that are started unless more are asked for."""

SHORTEST_SECRET = 32
LONGEST_NAME = 60
_COLOR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9_.~-]*)+", re.ASCII)
_PUBLIC_URL = re.compile(
    r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?(/[A-Za-z0-9_.~-]+)*(?<!/ui)|https?://\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?",
    re.ASCII,
)
_OWN_PATHS = frozenset({"api", "docs", "favicon.ico", "health", "metrics", "openapi.json", "ui"})
"""First parts of our paths: with one of them as a prefix, nobody could tell whether a proxy has removed the prefix."""
DECISIONS = ("deny", "allow")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one command, with their defaults."""

    database_url: str = "sqlite:///./data/jobs.db"
    zone: str = "Asia/Tokyo"
    """IANA name of the service's time zone: for jobs that name no zone, and for the times in the API."""
    log_level: str = "INFO"
    log_format: str = "auto"
    """One of `log.FORMATS`."""
    is_access_logged: bool = False
    """Whether each request of the API is logged at INFO, and not only at DEBUG."""
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
    rate_limit: int = 60_000
    """The most requests of one client in a minute; 0 for no limit."""
    max_api_jobs: int = 50_000
    """The most jobs that were created through the API."""
    api_private_targets: str = "deny"
    """One of `DECISIONS`: whether jobs of the API may call addresses that are not public."""
    metrics_port: int | None = None
    """A port of their own for the metrics, which the other one then does not serve; 0 chooses a free one."""
    metrics_labels: str = ""
    """Labels of jobs, separated by commas, that `job_info` of the metrics has."""
    base_url: str = "http://127.0.0.1:8003"
    """URL of the service that client commands call."""
    name: str = "MyScheduler"
    """What the dashboard calls this instance."""
    color: str = ""
    """The colour of the dashboard's header as `#rrggbb`; the dashboard's own if empty."""
    root_path: str = ""
    """The path below which browsers reach the service through a proxy, such as `/scheduler`; empty for none."""
    public_url: str = ""
    """Where people find the dashboard, for the links in notifications; empty for no links."""
    heartbeat_url: str | None = field(default=None, repr=False)
    """The URL of a monitor that is told that the service is well."""
    heartbeat_interval: int = 60
    """Seconds between two of these calls."""
    history_days: int = 30
    history_rows: int = 10_000
    """The most rows kept for each job."""
    connection_max_age: int = 30
    """Seconds after which a connection to a target is not reused, however busy it is."""
    in_flight: int = 2_000
    """The most scheduled executions in progress at a time."""
    in_flight_per_host: int = 400
    senders: int = 0
    """Processes that make the calls; 0 makes them in the main process."""
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


def read_heartbeat_url(environment: Mapping[str, str]) -> str | None:
    """The URL of the monitor; `None` where none is set. Raises `SettingError`, which does not show it: it is secret."""
    url = environment.get(HEARTBEAT_URL, "").strip()
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        is_url = False
    if url and not is_url:
        raise SettingError(f"{HEARTBEAT_URL} is not a URL that can be called: write it as https://hc-ping.com/UUID")
    return url or None


def checked_name(written: str) -> str:
    """The name of the instance. Raises `SettingError` for one that no header has room for."""
    name = written.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise SettingError(f"a name has 1 to {LONGEST_NAME} printable characters, such as Production")
    return name


def checked_color(written: str) -> str:
    """The colour in small letters; an empty one stays empty. Raises `SettingError` for one that is not `#rrggbb`."""
    color = written.strip()
    if color and not _COLOR.fullmatch(color):
        raise SettingError(f"{color[:60]!r} is not a colour: write it as #rrggbb, such as #c62828")
    return color.lower()


def checked_root_path(written: str) -> str:
    """The path without a slash at its end; `/` is none. Raises `SettingError` for one that can't be a prefix."""
    path = written.strip().rstrip("/")
    if not path:
        return ""
    if not _ROOT_PATH.fullmatch(path) or len(path) > 200:
        raise SettingError(f"{path[:60]!r} is not a path: begin it with /, such as /scheduler, without %, ? and #")
    first = path.split("/")[1]
    if first in _OWN_PATHS:
        raise SettingError(f"{path[:60]!r} begins with a path of the service itself (/{first}): choose another")
    return path


def checked_public_url(written: str) -> str:
    """The URL without a slash at its end, or an empty one. Raises `SettingError` for one that no browser could open."""
    url = written.strip().rstrip("/")
    if url and not (_PUBLIC_URL.fullmatch(url) and len(url) <= 500):
        raise SettingError(
            f"{url[:60]!r} is not the URL of the dashboard: write https:// or http://, the host and the path below "
            "which it is served, without /ui, a user, ? and #"
        )
    return url
