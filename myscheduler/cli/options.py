"""Options that several commands share."""

import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from myscheduler import settings
from myscheduler.core.schedule.timestamps import parse_moment
from myscheduler.core.schedule.zones import check_zone
from myscheduler.errors import ScheduleError, SettingError
from myscheduler.settings import Settings

if TYPE_CHECKING:
    from myscheduler.adapters.http.api_client import Client


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def check_zone_option(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Refuses names that are no IANA zone."""
    try:
        check_zone(value)
    except ScheduleError as error:
        raise click.BadParameter(str(error)) from error
    return value


def parse_now_option(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime:
    """A moment of RFC 3339 with its offset; the present when left out."""
    if value is None:
        return datetime.now(UTC)
    try:
        return parse_moment(value, "UTC")
    except ScheduleError as error:
        raise click.BadParameter(str(error)) from error


def parse_moment_option(context: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """A moment of RFC 3339, or a day for its midnight; without an offset, in the zone that `--timezone` says."""
    if value is None:
        return None
    try:
        return parse_moment(f"{value}T00:00" if _DAY.fullmatch(value) else value, context.params["timezone"])
    except ScheduleError as error:
        raise click.BadParameter(str(error), context, option) from error


timezone_option = click.option(
    "--timezone",
    envvar=settings.TZ,
    show_envvar=True,
    default=Settings().zone,
    show_default=True,
    is_eager=True,
    callback=check_zone_option,
    help="The zone of the service, for local times and for jobs that name no zone.",
)

database_url_option = click.option(
    "--database-url",
    envvar=settings.DATABASE_URL,
    show_envvar=True,
    default=Settings().database_url,
    show_default=True,
    help="Where jobs and history are kept.",
)

format_option = click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to print."
)


server_option = click.option(
    "--server",
    metavar="URL",
    envvar=settings.BASE_URL,
    show_envvar=True,
    default=Settings().base_url,
    show_default=True,
    help="The running service to ask.",
)


def connect(base_url: str) -> "Client":
    """A client of the server there; the token comes from the environment, as it must not stand in a command line."""
    from myscheduler.adapters.http.api_client import Client  # noqa: PLC0415 - commands on files need no HTTP

    return Client(base_url, api_token())


def api_token() -> str | None:
    """The token of the environment; one that can't be used is wrong usage."""
    try:
        return settings.read_api_token(os.environ)
    except SettingError as error:
        raise click.UsageError(str(error)) from error
