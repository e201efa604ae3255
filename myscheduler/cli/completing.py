"""Completes arguments in a shell with what the server has. Whatever fails, nothing is offered and nothing is said."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from myscheduler.cli.server import connect
from myscheduler.errors import MySchedulerError, ServerError
from myscheduler.settings import Settings

if TYPE_CHECKING:
    from myscheduler.adapters.http.api_client import Client

TIMEOUT_SEC = 1.5
MOST = 200
"""The most ids that are asked for."""
_HARMLESS = re.compile(r"[\w.@%+=,/][\w.@%+=,/-]*")
"""Ids that a shell takes as they are. Others are not offered: a shell would run `$(…)` in an id that somebody chose."""


def complete_job(context: click.Context, _argument: click.Parameter, written: str) -> list[CompletionItem]:
    """The ids of jobs that begin with what was written."""
    try:
        with (
            context.scope(cleanup=False),  # else the profile would not be found
            connect(_server(context), timeout_sec=TIMEOUT_SEC) as client,
        ):
            return [CompletionItem(job_id) for job_id in _job_ids(client, written)]
    except (MySchedulerError, click.ClickException):
        return []


def _server(context: click.Context) -> str:
    return context.params.get("server") or Settings().base_url


def _job_ids(client: "Client", written: str) -> Iterator[str]:
    for job in _jobs(client, written):
        job_id = job.get("job_id") if isinstance(job, dict) else None
        if isinstance(job_id, str) and job_id.startswith(written) and _HARMLESS.fullmatch(job_id):
            yield job_id


def _jobs(client: "Client", written: str) -> list[Any]:
    params = {"limit": str(MOST), "fields": "job_id"} | ({"q": written} if written else {})
    try:
        answer = client.get("jobs", params=params)
    except ServerError as error:
        if error.status != 422:
            raise
        answer = client.get("jobs")  # a server that knows no parameters
    found = answer.get("jobs") if isinstance(answer, dict) else None
    return found if isinstance(found, list) else []
