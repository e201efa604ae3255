"""The server that a command asks: the options that name it, and the client.

What names the server and the token, from strongest to weakest: --server, --profile, the environment
(`MYSCHEDULER_BASE_URL`, `MYSCHEDULER_API_TOKEN`), the profile that `MYSCHEDULER_PROFILE` names, the default.
"""

import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from myscheduler import settings
from myscheduler.cli.profiles import Profile, profile_names, read_profile
from myscheduler.core.findings.problem import printable
from myscheduler.errors import SettingError
from myscheduler.settings import Settings

if TYPE_CHECKING:
    from myscheduler.adapters.http.api_client import Client

_KEY = "myscheduler.profile"
"""Where the context of a command keeps the profile, and whether the command line names it."""
_F = TypeVar("_F", bound=Callable[..., Any])


def server_option(command: _F) -> _F:
    """The options --server and --profile of a command, which gets `server`."""
    server = click.option(
        "--server",
        metavar="URL",
        envvar=settings.BASE_URL,
        show_envvar=True,
        default=Settings().base_url,
        show_default=True,
        callback=_server,
        help="The URL of the running service.",
    )
    return server(_profile_option(command, envvar=settings.PROFILE))


def optional_server_option(text: str) -> Callable[[_F], _F]:
    """As `server_option`, but without an environment and a default: `server` is `None` if no option is given."""
    server = click.option("--server", metavar="URL", callback=_server, help=text)
    return lambda command: server(_profile_option(command, envvar=None))


def _profile_option(command: _F, *, envvar: str | None) -> _F:
    option = click.option(
        "--profile",
        metavar="NAME",
        envvar=envvar,
        show_envvar=envvar is not None,
        is_eager=True,
        expose_value=False,
        callback=_read_profile,
        shell_complete=_complete_profile,
        help="The profile of the configuration that names the server and its token.",
    )
    return option(command)


def _read_profile(context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is not None:
        try:
            profile = read_profile(name)
        except SettingError as error:
            raise click.UsageError(str(error)) from error
        context.meta[_KEY] = profile, _is_written(context, "profile")
        if not context.resilient_parsing:
            _warn(profile)
    return name


def _warn(profile: Profile) -> None:
    for path in profile.exposed:
        message = f"{path} has a token and can be read by other users: run `chmod 600 {shlex.quote(str(path))}`"
        click.echo(f"{click.style('warning:', fg='yellow')} {printable(message)}", err=True)


def _complete_profile(_context: click.Context, _option: click.Parameter, written: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in profile_names() if name.startswith(written)]


def _is_written(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _server(context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The server of the profile, unless a stronger option or variable names one."""
    profile: Profile
    if _KEY not in context.meta or context.get_parameter_source("profile") in {None, ParameterSource.DEFAULT}:
        return value
    profile, is_written = context.meta[_KEY]
    source = context.get_parameter_source("server")
    is_stronger = source is ParameterSource.COMMANDLINE or (source is ParameterSource.ENVIRONMENT and not is_written)
    return value if is_stronger else profile.server


def connect(base_url: str, *, timeout_sec: float | None = None) -> "Client":
    """A client of the server, which is closed when the command ends.

    The token is read from the environment or the profile, since other users can see command lines. The token of a
    profile is sent to the server of that profile only.
    """
    from myscheduler.adapters.http import api_client  # noqa: PLC0415 - commands on files need no HTTP

    client = api_client.Client(base_url, _token(base_url), timeout_sec=timeout_sec or api_client.TIMEOUT_SEC)
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(client.close)
    return client


def _token(base_url: str) -> str | None:
    context = click.get_current_context(silent=True)
    profile, is_written = context.meta.get(_KEY, (None, False)) if context else (None, False)
    of_profile = profile.token if profile and profile.server == base_url else None
    return (of_profile if is_written else None) or api_token() or of_profile


def api_token() -> str | None:
    """The API token from the environment. Raises `UsageError` if it is not valid."""
    try:
        return settings.read_api_token(os.environ)
    except SettingError as error:
        raise click.UsageError(str(error)) from error
