"""Waits for the end of an execution, and tells it by the exit code."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from myscheduler.cli.output.rows import duration, status_text
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.errors import ServerError

if TYPE_CHECKING:
    from myscheduler.adapters.http.api_client import Client

_EVERY_SEC = 0.5
"""The interval between two requests while waiting."""
_LOOKED_AT = 50
"""How many of a job's newest executions are searched, if the server can't be asked for a single one."""
_PASSING = frozenset({None, 429, 503})
"""The status of answers after which it is tried again; `None` is for no answer."""
STILL_RUNNING = 3
_F = TypeVar("_F", bound=Callable[..., Any])


def wait_options(command: _F) -> _F:
    """The options --wait and --timeout of a command that starts an execution."""
    patience = click.option(
        "--timeout",
        "patience",
        metavar="SECONDS",
        type=click.FloatRange(0, 86_400),
        default=600,
        show_default=True,
        help="How long --wait waits.",
    )
    return click.option("--wait", is_flag=True, help="Wait for the end, and exit by the result.")(patience(command))


def end_of(client: "Client", job_id: str, execution_id: str, patience: float) -> dict[str, Any] | None:
    """The execution once it has ended; `None` if it has not within `patience` seconds.

    A server that is away may be restarting, so its errors are raised only when the time is over.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            found = _execution(client, job_id, execution_id)
        except ServerError as error:
            if error.status not in _PASSING or time.monotonic() >= deadline:
                raise
            found = None
        if found is not None and found["status"] != "running":
            return found
        if time.monotonic() >= deadline:
            return None
        time.sleep(min(_EVERY_SEC, max(deadline - time.monotonic(), 0)))


def _execution(client: "Client", job_id: str, execution_id: str) -> dict[str, Any] | None:
    """The execution; `None` while it waits for another one to end: it has no row until it starts."""
    try:
        found: dict[str, Any] = client.get("executions", execution_id)
    except ServerError as error:
        if error.status != 404:
            raise
        answer = client.get("jobs", job_id, "executions", params={"limit": str(_LOOKED_AT)})
        return next((one for one in answer["executions"] if one["execution_id"] == execution_id), None)
    return found


def report_end(found: dict[str, Any] | None, execution_id: str, output: str) -> None:
    """Print how the execution ended. Raises `SystemExit`: 0 completed, 1 any other end, 3 still running."""
    if found is None:
        click.echo(f"execution {styled(execution_id)} is still running or queued", err=True)
        raise SystemExit(STILL_RUNNING)
    if output == "json":
        click.echo(json_text(found))
    else:
        click.echo(_sentence(found))
    raise SystemExit(int(found["status"] != "completed"))


def _sentence(found: dict[str, Any]) -> str:
    took = f" after {duration(found['execution_time_ms'])}" if found.get("execution_time_ms") is not None else ""
    http = f", HTTP {found['http_status_code']}" if found.get("http_status_code") else ""
    why = found.get("error_message") or found.get("reason")
    return f"{status_text(found['status'])}{took}{http}{f': {styled(why)}' if why else ''}"
