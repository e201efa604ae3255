"""The command line. Exit codes: 0 success, 1 invalid input or failure, 2 wrong usage."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import click

from myscheduler import __version__
from myscheduler.cli.commands.completion import completion
from myscheduler.cli.commands.db import db
from myscheduler.cli.commands.executions import executions
from myscheduler.cli.commands.export import export
from myscheduler.cli.commands.forecast import forecast
from myscheduler.cli.commands.import_crontab import import_crontab
from myscheduler.cli.commands.incidents import incidents
from myscheduler.cli.commands.jobs import jobs
from myscheduler.cli.commands.notify import notify
from myscheduler.cli.commands.plan import plan
from myscheduler.cli.commands.preview import preview
from myscheduler.cli.commands.schema import schema
from myscheduler.cli.commands.serve import serve
from myscheduler.cli.commands.simulate import simulate
from myscheduler.cli.commands.sync import sync
from myscheduler.cli.commands.token import token
from myscheduler.cli.commands.top import top
from myscheduler.cli.commands.validate import validate
from myscheduler.cli.commands.why import why
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
    """Prints expected errors in one line, without a stack trace and without control characters."""

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


main.add_command(completion)
main.add_command(db)
main.add_command(executions)
main.add_command(export)
main.add_command(forecast)
main.add_command(import_crontab)
main.add_command(incidents)
main.add_command(jobs)
main.add_command(notify)
main.add_command(plan)
main.add_command(preview)
main.add_command(schema)
main.add_command(serve)
main.add_command(simulate)
main.add_command(sync)
main.add_command(token)
main.add_command(top)
main.add_command(validate)
main.add_command(why)
