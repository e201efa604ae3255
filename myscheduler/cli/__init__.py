"""The command line. Exit codes: 0 success, 1 invalid input or failure, 2 wrong usage."""

import errno
import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any

import click

from myscheduler import __version__
from myscheduler.core.findings.problem import printable
from myscheduler.errors import MySchedulerError, ServerError
from myscheduler.machine.causes import reason_of


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Escape control characters in messages: they may quote arguments and answers of a server."""
    try:
        yield
    except click.ClickException as error:
        error.message = printable(error.message)  # type: ignore[misc] # Final, but not shown yet
        raise


class _RefusedError(click.ClickException):
    """A message of the server, and the mistakes that it found in a line each."""

    def __init__(self, message: str, faults: Sequence[str]) -> None:
        super().__init__(message)
        self._faults = faults if len(faults) > 1 else ()  # the message has a single one

    def show(self, file: IO[Any] | None = None) -> None:
        super().show(file)
        for fault in self._faults:
            click.echo(f"  {printable(fault)}", file=file, err=file is None)


class _Commands(click.Group):
    """Prints expected errors in one line, without a stack trace and without control characters.

    Only the command that is called is imported: all of them take a second, and completion runs at each press of Tab.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- as click calls it
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as above
        return _command(_MODULES[cmd_name]) if cmd_name in _MODULES else None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with _printable_errors():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with _printable_errors():
            return self._invoke(ctx)

    def _invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ServerError as error:
            raise _RefusedError(str(error), error.faults) from error
        except MySchedulerError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno not in _NO_ROOM or error.filename is not None:
                raise
            _drop_output()
            raise click.ClickException(f"the output can't be written: {reason_of(error)}") from error


_MODULES = {
    "chains": "chains",
    "completion": "completion",
    "db": "db",
    "executions": "executions",
    "export": "export",
    "forecast": "forecast",
    "graph": "graph",
    "import-crontab": "import_crontab",
    "incidents": "incidents",
    "jobs": "jobs",
    "notify": "notify",
    "plan": "plan",
    "preview": "preview",
    "run": "run",
    "schema": "schema",
    "serve": "serve",
    "simulate": "simulate",
    "sync": "sync",
    "token": "token",
    "top": "top",
    "validate": "validate",
    "why": "why",
}
"""The module below `commands` of each command; the command has its name there."""


def _command(module: str) -> click.Command:
    gc.disable()  # what is imported stays to the end: looking through it for garbage takes a fifth of the time
    try:
        command: click.Command = getattr(import_module(f"myscheduler.cli.commands.{module}"), module)
    finally:
        gc.enable()
    return command


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def _drop_output() -> None:
    """Discard buffered output: it would be flushed again at exit, and fail again with a stack trace."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="myscheduler")
def main() -> None:
    """Call REST APIs on schedule, from YAML manifests that live in Git.

    \b
    First steps:
      myscheduler validate jobs.d     check the manifests
      myscheduler serve               run them; then open http://127.0.0.1:8003/ui/
    """
