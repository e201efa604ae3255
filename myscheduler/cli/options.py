"""Options that several commands share."""

from datetime import UTC, datetime

import click

from myscheduler import settings
from myscheduler.core.moments import parse_moment
from myscheduler.core.zones import check_zone
from myscheduler.errors import ScheduleError
from myscheduler.settings import Settings


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
    """A moment of RFC 3339; without an offset it is local time of `--timezone`, which stands before it as is_eager."""
    if value is None:
        return None
    try:
        return parse_moment(value, context.params["timezone"])
    except ScheduleError as error:
        raise click.BadParameter(f"{value!r} {error}", context, option) from error


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
