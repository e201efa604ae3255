"""`myscheduler serve`."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from myscheduler import log, settings
from myscheduler.cli.options import check_zone_option, database_url_option
from myscheduler.cli.server import api_token
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.access.clients import Networks
from myscheduler.core.access.roles import Role
from myscheduler.core.metrics.label_names import label_names
from myscheduler.errors import OpenApiError, SettingError
from myscheduler.machine import memory
from myscheduler.machine.processors import usable
from myscheduler.settings import Settings

_DEFAULTS = Settings()


class _Port(click.IntRange):
    """Ignores what Kubernetes sets in pods for a Service named myscheduler or myscheduler-metrics: tcp://10.0.0.1:8003."""

    def __init__(self, default: int | None) -> None:
        super().__init__(0, 65_535)
        self._default = default

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._default if _SERVICE_LINK.fullmatch(str(value)) else super().convert(value, param, ctx)


def _check_hosts(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        AllowedHosts.of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


def _check_networks(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        Networks.of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


def _check_labels(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        label_names(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


def _checked(check: Callable[[str], str]) -> Callable[[click.Context, click.Parameter, str], str]:
    """The callback of an option whose value `check` judges."""

    def callback(_context: click.Context, _option: click.Parameter, value: str) -> str:
        try:
            return check(value)
        except SettingError as error:
            raise click.BadParameter(str(error)) from error

    return callback


_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://\S+:\d+", re.ASCII)


@click.command(context_settings={"show_default": True})
@click.option(
    "--jobs-dir",
    envvar=settings.JOBS_DIR,
    show_envvar=True,
    type=click.Path(path_type=Path, readable=False),
    default=_DEFAULTS.jobs_dir,
    help="The folder of the manifests. It may be created later; jobs of the API run without it.",
)
@click.option(
    "--secrets-dir",
    envvar=settings.SECRETS_DIR,
    show_envvar=True,
    type=click.Path(path_type=Path, readable=False),
    default=_DEFAULTS.secrets_dir,
    help="The folder of the secrets that jobs refer to, one file for each. It may be missing.",
)
@database_url_option
@click.option(
    "--host", envvar=settings.HOST, show_envvar=True, default=_DEFAULTS.host, help="The address to listen on."
)
@click.option(
    "--port",
    envvar=settings.PORT,
    show_envvar=True,
    type=_Port(_DEFAULTS.port),
    default=_DEFAULTS.port,
    help="The port to listen on; 0 chooses a free one.",
)
@click.option(
    "--allowed-hosts",
    metavar="NAMES",
    envvar=settings.ALLOWED_HOSTS,
    show_envvar=True,
    default=_DEFAULTS.allowed_hosts,
    callback=_check_hosts,
    help="Host names that requests may use, separated by commas, besides localhost and the address of --host: "
    "jobs.example.com, *.example.com, jobs:8003. A single * allows every name.",
)
@click.option(
    "--api-token-role",
    envvar=settings.API_TOKEN_ROLE,
    show_envvar=True,
    type=click.Choice([role.value for role in Role]),
    default=_DEFAULTS.api_token_role,
    help="What the token of MYSCHEDULER_API_TOKEN may do.",
)
@click.option(
    "--insecure",
    envvar=settings.INSECURE,
    show_envvar=True,
    is_flag=True,
    help="Ask for no credentials, on whatever address: anyone who reaches the API may do everything.",
)
@click.option(
    "--allowed-clients",
    metavar="NETWORKS",
    envvar=settings.ALLOWED_CLIENTS,
    show_envvar=True,
    default=_DEFAULTS.allowed_clients,
    callback=_check_networks,
    help="Networks that may call the API, separated by commas: 10.0.0.0/8, 2001:db8::/32. All if empty; /health is "
    "open to all.",
)
@click.option(
    "--trusted-proxies",
    metavar="NETWORKS",
    envvar=settings.TRUSTED_PROXIES,
    show_envvar=True,
    default=_DEFAULTS.trusted_proxies,
    callback=_check_networks,
    help="Networks of proxies whose X-Forwarded-For, -Proto and -User headers count.",
)
@click.option(
    "--name",
    metavar="TEXT",
    envvar=settings.NAME,
    show_envvar=True,
    default=_DEFAULTS.name,
    callback=_checked(settings.checked_name),
    help="What the dashboard calls this instance, such as Production.",
)
@click.option(
    "--color",
    metavar="#RRGGBB",
    envvar=settings.COLOR,
    show_envvar=True,
    default=_DEFAULTS.color,
    callback=_checked(settings.checked_color),
    help="The colour of the dashboard's header and icon, such as #c62828.",
)
@click.option(
    "--root-path",
    metavar="PATH",
    envvar=settings.ROOT_PATH,
    show_envvar=True,
    default=_DEFAULTS.root_path,
    callback=_checked(settings.checked_root_path),
    help="The path below which a proxy serves this instance, such as /scheduler, whether the proxy removes it or not.",
)
@click.option(
    "--public-url",
    metavar="URL",
    envvar=settings.PUBLIC_URL,
    show_envvar=True,
    default=_DEFAULTS.public_url,
    callback=_checked(settings.checked_public_url),
    help="Where people find the dashboard, such as https://jobs.example.com, for links in notifications.",
)
@click.option(
    "--rate-limit",
    metavar="REQUESTS",
    envvar=settings.RATE_LIMIT,
    show_envvar=True,
    type=click.IntRange(0, 10_000_000),
    default=_DEFAULTS.rate_limit,
    help="How many requests a minute a client (a token, or an address) may send; 0 is no limit. /health has none.",
)
@click.option(
    "--max-api-jobs",
    metavar="JOBS",
    envvar=settings.MAX_API_JOBS,
    show_envvar=True,
    type=click.IntRange(0, 1_000_000),
    default=_DEFAULTS.max_api_jobs,
    help="How many jobs may be created through the API, completed ones included; 0 allows none.",
)
@click.option(
    "--api-private-targets",
    envvar=settings.API_PRIVATE_TARGETS,
    show_envvar=True,
    type=click.Choice(settings.DECISIONS, case_sensitive=False),
    default=_DEFAULTS.api_private_targets,
    help="Whether jobs that were created through the API may call loopback, private and other addresses that are not "
    "public. policy.yaml can allow some.",
)
@click.option(
    "--metrics-port",
    envvar=settings.METRICS_PORT,
    show_envvar=True,
    type=_Port(None),
    help="A port of their own for /metrics and /metrics/jobs, which --port then does not serve; 0 chooses a free one.",
)
@click.option(
    "--metrics-labels",
    metavar="NAMES",
    envvar=settings.METRICS_LABELS,
    show_envvar=True,
    default=_DEFAULTS.metrics_labels,
    callback=_check_labels,
    help="Labels of jobs, separated by commas, that the metric of each job has: team,service.",
)
@click.option(
    "--history-days",
    envvar=settings.HISTORY_DAYS,
    show_envvar=True,
    type=click.IntRange(1, 36_500),
    default=_DEFAULTS.history_days,
    help="How many days the history is kept.",
)
@click.option(
    "--history-rows",
    envvar=settings.HISTORY_ROWS,
    show_envvar=True,
    type=click.IntRange(1, 1_000_000_000),
    default=_DEFAULTS.history_rows,
    help="How many rows of the history are kept for each job; older ones are removed.",
)
@click.option(
    "--connection-max-age",
    metavar="SECONDS",
    envvar=settings.CONNECTION_MAX_AGE,
    show_envvar=True,
    type=click.IntRange(0, 86_400),
    default=_DEFAULTS.connection_max_age,
    help="How long a connection to a target is reused, so that changes of its address in the DNS take effect.",
)
@click.option(
    "--senders",
    metavar="PROCESSES",
    envvar=settings.SENDERS,
    show_envvar=True,
    type=click.IntRange(0, 64),
    default=None,
    show_default=f"one for each processor beyond the first, at most {settings.MOST_SENDERS}",
    help="How many processes of their own make the calls; 0 makes them in the main process.",
)
@click.option(
    "--heartbeat-interval",
    metavar="SECONDS",
    envvar=settings.HEARTBEAT_INTERVAL,
    show_envvar=True,
    type=click.IntRange(5, 86_400),
    default=_DEFAULTS.heartbeat_interval,
    help="How often the monitor of MYSCHEDULER_HEARTBEAT_URL is told that the service is well.",
)
@click.option(
    "--timezone",
    envvar=settings.TZ,
    show_envvar=True,
    default=_DEFAULTS.zone,
    callback=check_zone_option,
    help="The time zone of jobs without one, and of the times in the API.",
)
@click.option(
    "--log-level",
    envvar=settings.LOG_LEVEL,
    show_envvar=True,
    type=click.Choice(settings.LOG_LEVELS, case_sensitive=False),
    default=_DEFAULTS.log_level,
    help="The lowest level that is logged, to stderr: JSON lines, or text on a terminal.",
)
@click.option(
    "--log-format",
    envvar=settings.LOG_FORMAT,
    show_envvar=True,
    type=click.Choice(log.FORMATS, case_sensitive=False),
    default=_DEFAULTS.log_format,
    help="The form of the log: auto is text on a terminal, else JSON lines; otlp is OpenTelemetry's JSON.",
)
@click.option(
    "--access-log",
    envvar=settings.ACCESS_LOG,
    show_envvar=True,
    is_flag=True,
    help="Log each request of the API, except those for /health.",
)
def serve(
    jobs_dir: Path,
    secrets_dir: Path,
    database_url: str,
    host: str,
    port: int,
    allowed_hosts: str,
    api_token_role: str,
    insecure: bool,
    allowed_clients: str,
    trusted_proxies: str,
    name: str,
    color: str,
    root_path: str,
    public_url: str,
    rate_limit: int,
    max_api_jobs: int,
    api_private_targets: str,
    metrics_port: int | None,
    metrics_labels: str,
    history_days: int,
    history_rows: int,
    connection_max_age: int,
    senders: int | None,
    heartbeat_interval: int,
    timezone: str,
    log_level: str,
    log_format: str,
    access_log: bool,
) -> None:
    """Watch the manifests, call the targets on time, and serve the dashboard and the REST API.

    Each option can also be set by the environment variable shown with it. The API asks for credentials once there are
    any: MYSCHEDULER_API_TOKEN, a token that `myscheduler token create` made, or access.yaml. Without any, it is served
    on loopback addresses only, unless --insecure is given. /health needs no credentials.

    \b
    Examples:
      myscheduler serve
      myscheduler serve --jobs-dir /etc/myscheduler/jobs.d --port 9000
      MYSCHEDULER_API_TOKEN=... myscheduler serve --host 0.0.0.0 --allowed-hosts jobs.example.com

    SIGTERM stops new calls, waits up to 20 s for those in progress, and exits 0; a second one ends them at once.
    """
    memory.settle()  # before the imports, which make more objects than all that follows
    from myscheduler import app  # noqa: PLC0415 - a second of imports that no other command needs

    chosen = Settings(
        database_url=database_url,
        zone=timezone,
        log_level=log_level.upper(),
        log_format=log_format,
        is_access_logged=access_log,
        jobs_dir=jobs_dir,
        secrets_dir=secrets_dir,
        host=host,
        port=port,
        allowed_hosts=allowed_hosts,
        history_days=history_days,
        history_rows=history_rows,
        connection_max_age=connection_max_age,
        heartbeat_url=settings.read_heartbeat_url(os.environ),
        heartbeat_interval=heartbeat_interval,
        api_token=api_token(),
        api_token_role=api_token_role,
        session_secret=settings.read_session_secret(os.environ),
        is_insecure=insecure,
        allowed_clients=allowed_clients,
        trusted_proxies=trusted_proxies,
        name=name,
        color=color,
        root_path=root_path,
        public_url=public_url,
        rate_limit=rate_limit,
        max_api_jobs=max_api_jobs,
        api_private_targets=api_private_targets,
        metrics_port=metrics_port,
        metrics_labels=metrics_labels,
        senders=min(usable() - 1, settings.MOST_SENDERS) if senders is None else senders,
    )
    log.configure(chosen.level, chosen.zone, chosen.log_format)
    try:
        raise SystemExit(app.serve(chosen))
    except OpenApiError as error:
        raise click.UsageError(str(error)) from error
