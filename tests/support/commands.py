"""Commands as they are called, and an API in place of the service's where its routes are not what is tested."""

import click
from click.testing import CliRunner, Result

from myscheduler.cli import main

SERVER = "http://scheduler.example.com"
API = f"{SERVER}/api/v1"


def call(*arguments: str, **env: str) -> Result:
    """Run a command; a bug in it fails the test."""
    result = CliRunner().invoke(main, list(arguments), env=env, prog_name="myscheduler")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def asked(*arguments: str, **env: str) -> Result:
    """As `call`, with the address of the API in place of the service."""
    return call(*arguments, MYSCHEDULER_BASE_URL=SERVER, **env)


def help_of(*command: str) -> str:
    return CliRunner().invoke(main, [*command, "-h"], prog_name="myscheduler", terminal_width=100).stdout


def every_command() -> list[str]:
    return main.list_commands(click.Context(main))
