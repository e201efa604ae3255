"""`myscheduler sync`."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from myscheduler.cli.manifests import coloured, counted
from myscheduler.cli.options import format_option
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.cli.server import connect, optional_server_option, server_option
from myscheduler.core.findings.problem import Problem, Severity

_COLOURS = {"Ready": "green", "Reconciling": "yellow", "Stalled": "red"}
_DONE = ("created", "updated", "deleted")
_LEFT = ("held", "blocked")
_BROKEN_OFF = frozenset({"SourceUnavailable", "StoreUnavailable", "InternalError"})
"""Reasons of a pass that says nothing of deletions: what it shows of them is an earlier one's."""
_NAMED = 20
"""How many jobs of a list are shown, each on a line of its own."""
_EVERY_SEC = 0.5
"""The interval between two requests while waiting."""


@click.group(invoke_without_command=True)
@click.option("--approve", metavar="DIGEST", help="Approve the blocked deletion with this digest, and no other.")
@click.option("--by", metavar="NAME", help="Your name, for the log and the audit trail.")
@server_option
@format_option
@click.pass_context
def sync(context: click.Context, approve: str | None, by: str | None, server: str, output: str) -> None:
    """Make a running service apply its source now, and print the result. `sync status` only shows the state.

    A blocked deletion (see `sync status`) is done once it is approved by its digest. When MYSCHEDULER_API_TOKEN is set,
    it is sent along.

    \b
    Examples:
      myscheduler sync
      myscheduler sync status --format json
      myscheduler sync --approve 4a5588c51a03c263 --by ada

    Exits with 0 when the schedule matches the source, 1 when it does not, or the service can't be reached.
    """
    if context.invoked_subcommand is not None:
        return
    if approve == "":
        raise click.BadParameter("is empty: `myscheduler sync status` shows the digest", param_hint="'--approve'")
    body = ({"approve": approve} if approve else {}) | ({"by": by} if by else {})
    state = connect(server).post("sync", body=body)
    _print(state, output)


@sync.command()
@optional_server_option("The URL of the running service.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), help="The output format.")
@click.option(
    "--wait",
    "patience",
    metavar="SECONDS",
    type=click.FloatRange(0, 86_400),
    default=0,
    show_default=True,
    help="How long to wait for the source to be applied, such as after a start or a push.",
)
@click.pass_context
def status(context: click.Context, server: str | None, output: str | None, patience: float) -> None:
    """Show whether a running service has applied its source, and what prevents it.

    \b
    Examples:
      myscheduler sync status
      myscheduler sync status --wait 60

    Exits with 0 when the schedule matches the source, 1 when it does not, or the service can't be reached.
    """
    before = context.parent.params if context.parent else {}  # options may also precede `status`
    client = connect(server or before["server"])
    deadline = time.monotonic() + patience
    state = client.get("sync")
    while state["condition"] != "Ready" and time.monotonic() < deadline:
        time.sleep(_EVERY_SEC)
        state = client.get("sync")
    _print(state, output or before["output"])


def _print(state: dict[str, Any], output: str) -> None:
    if output == "json":
        click.echo(json_text(state))
    else:
        click.echo("\n".join(_lines(state)))
    raise SystemExit(0 if state["condition"] == "Ready" else 1)


def _lines(state: dict[str, Any]) -> Iterator[str]:
    condition = styled(state["condition"], fg=_COLOURS[state["condition"]], bold=True)
    since = f" since {_shown(state['conditions'][0]['since'])}" if state["conditions"][0]["since"] else ""
    yield f"{condition} ({styled(state['reason'])}){since}: {styled(state['message'])}"
    yield f"  source     {styled(state['source'])}, {counted(state['files']['total'], 'file')}"
    yield f"  applied    {_revision(state['last_applied_revision'], state['last_applied_at'])}"
    yield f"  attempted  {_revision(state['last_attempted_revision'], state['last_attempted_at'])}"
    counts = state.get("counts", {})  # older servers list all jobs, and send no counts
    done = [f"{counts.get(name, len(state[name])):,} {name}" for name in _DONE if state[name]]
    done.append(f"{state['unchanged']:,} unchanged")
    yield f"  this pass  {', '.join(done)}"
    yield from _blocked(state["blocked_deletion"], reason=state["reason"])
    yield from _problems(state["problems"], state.get("problem_count", 0))
    if state["held"]:
        yield "Held at their last good spec:"
        yield from _named(state["held"], counts.get("held", 0))
    yield from _drift(state["drift"] or [], counts.get("drift", 0))
    yield from _history(state["history"] or [])


def _blocked(blocked: dict[str, Any] | None, *, reason: str) -> Iterator[str]:
    """The deletion that waits; `reason` is that of the last pass, which may not have come as far as deletions."""
    if not blocked:
        return
    yield styled(f"Blocked deletion {blocked['digest']}: {blocked['reason']}", fg="red")
    yield from _named(blocked["job_ids"], blocked.get("job_count", 0))
    if reason in _BROKEN_OFF:
        yield "  found by an earlier pass: it can be approved once a pass succeeds again, perhaps with another digest"
    else:
        yield styled(f"  to approve it: myscheduler sync --approve {blocked['digest']}")


def _named(job_ids: list[str], count: int) -> Iterator[str]:
    """A line for each job, of a long list for the first ones."""
    for job_id in job_ids[:_NAMED]:
        yield f"  {styled(job_id)}"
    left = max(count, len(job_ids)) - len(job_ids[:_NAMED])
    if left:
        yield f"  and {left:,} more"


def _problems(problems: list[dict[str, Any]], count: int) -> Iterator[str]:
    """The problems; `count` is 0 from older servers, which send all problems."""
    if problems:
        first = f", the first {len(problems)}" if count > len(problems) else ""
        yield f"{counted(max(count, len(problems)), 'problem')}{first}:"
    for problem in problems:
        yield f"  {coloured(_problem(problem))}"


def _problem(found: dict[str, Any]) -> Problem:
    place = found["path"], found["line"], found["column"]
    return Problem(*place, found["field"], found["rule"], found["message"], Severity(found["severity"]))


def _drift(drift: list[dict[str, Any]], count: int) -> Iterator[str]:
    if drift:
        first = f", the first {len(drift)}" if count > len(drift) else ""
        yield f"{counted(max(count, len(drift)), 'job')} paused outside the manifest{first}:"
    for one in drift:
        pause, source = one["pause"], one["source"]
        reason = f" ({pause['reason']})" if pause["reason"] else ""
        until = f", until {_shown(pause['until'])}" if pause["until"] else ""
        overruled = "; without effect: the manifest sets `paused` itself" if one["overruled"] else ""
        place = f"{source['file']}:{source['line']}" if source else ""
        who = styled(f"{one['job_id']}  {place}  by {pause['by']}{reason}")
        yield f"  {who} since {_shown(pause['at'])}{until}{overruled}"


def _history(history: list[dict[str, Any]]) -> Iterator[str]:
    if history:
        yield "Last revisions:"
    for one in history:
        counts = [counted(one["jobs"], "job"), *(f"{one[name]:,} {name}" for name in (*_DONE, *_LEFT) if one[name])]
        counts += [counted(one["problems"], "problem")] if one["problems"] else []
        yield f"  {_shown(one['last_at'])}  {styled(one['revision'])}  {styled(one['reason'])}  {', '.join(counts)}"


def _revision(revision: str | None, at: str | None) -> str:
    return f"{styled(revision)}  {_shown(at)}" if revision and at else "none yet"


def _shown(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} {text[-6:]}"
