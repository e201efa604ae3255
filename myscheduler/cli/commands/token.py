"""`myscheduler token`."""

import getpass
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from myscheduler.cli.options import database_url_option, format_option, parse_timestamp_option, timezone_option
from myscheduler.cli.output.terminal import json_text
from myscheduler.core.access.issuing import issue
from myscheduler.core.access.roles import Role
from myscheduler.core.access.tokens import ID_BYTES, SECRET_BYTES, ApiToken, TokenText
from myscheduler.core.bounds import LONGEST_ACTOR
from myscheduler.core.findings.problem import printable
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.zones import local_time


@click.group()
def token() -> None:
    """Make, list and revoke API tokens, in the database itself: so the first one can be made before the service runs.

    A running service knows of a change within two seconds. `GET/POST/DELETE /api/v1/tokens` do the same for admins.
    """


@token.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), required=True, help="What the token may be used for."
)
@click.option("--label", "labels", metavar="KEY=VALUE", multiple=True, help="Act only on jobs with this label.")
@click.option("--id", "ids", metavar="GLOB", multiple=True, help="Act only on jobs whose id matches: 'billing-*'.")
@click.option(
    "--expires",
    metavar="TIME",
    callback=parse_timestamp_option,
    help="When it stops working: a date, local time in --timezone, or RFC 3339.",
)
@click.option(
    "--declare", is_flag=True, help="Store nothing: print an entry for access.yaml, which has a hash of the token."
)
@timezone_option
@database_url_option
def create(
    name: str,
    role: str,
    labels: tuple[str, ...],
    ids: tuple[str, ...],
    expires: datetime | None,
    declare: bool,
    timezone: str,
    database_url: str,
) -> None:
    """Make a token named NAME and print it. It is shown only once: the database has a hash of it.

    \b
    Roles, each with the rights of those before it:
      viewer    reads everything, with credentials masked
      operator  pauses, resumes, triggers, cancels, reruns
      editor    creates, replaces and deletes jobs of the API; sees literal credentials
      admin     manages tokens, approves deletions

    \b
    Examples:
      myscheduler token create grafana --role viewer
      myscheduler token create billing-ci --role operator --label team=billing --expires 2027-04-01
      myscheduler token create deploy --role editor --id 'deploy-*' --declare >> jobs.d/access.yaml
    """
    expires_at = expires.isoformat() if expires else None
    asked = {"name": name, "role": role, "scope": _scope(labels, ids), "expires_at": expires_at}
    clock = Clock(datetime.now(UTC), timezone)
    found = issue(asked, secrets.token_bytes(ID_BYTES + SECRET_BYTES), clock, by=_user())
    if isinstance(found, list):
        raise click.UsageError("; ".join(f"{one.field}: {one.message}" for one in found))
    text, made = found
    if declare:
        click.echo("".join(_declared(text, made)), nl=False)
        click.echo(f"the token, which is shown only now: {text.text}", err=True)
        return
    from myscheduler.adapters.store.database.writing import write_current  # noqa: PLC0415 - half a second of imports
    from myscheduler.service.access.token_book import add_token  # noqa: PLC0415

    write_current(database_url, lambda connection: add_token(connection, made))
    click.echo(text.text)


@token.command("list")
@timezone_option
@database_url_option
@format_option
def list_tokens(timezone: str, database_url: str, output: str) -> None:
    """List the tokens of the database: revoked and expired ones, too, and none of their secrets."""
    from myscheduler.adapters.store.database.reading import read_current  # noqa: PLC0415
    from myscheduler.adapters.store.rows.tokens import all_tokens  # noqa: PLC0415

    rows = [_row(one, timezone) for one in read_current(database_url, all_tokens)]
    if output == "json":
        click.echo(json_text({"tokens": rows}))
        return
    for row in rows:
        click.echo(printable(_line(row)))
    if not rows:
        click.echo("there are no tokens: make one with `myscheduler token create NAME --role ROLE`")


@token.command()
@click.argument("which", metavar="NAME|ID")
@database_url_option
def revoke(which: str, database_url: str) -> None:
    """Revoke a token, given by its name, its id, or the token itself. Within two seconds it is refused; its name stays
    taken.
    """
    from myscheduler.adapters.store.database.writing import write_current  # noqa: PLC0415
    from myscheduler.service.access.token_book import revoke_token  # noqa: PLC0415

    now = datetime.now(UTC)
    revoked = write_current(database_url, lambda connection: revoke_token(connection, which, by=_user(), at=now))
    done = "revoked" if revoked.revoked_at == now else "was revoked before"
    click.echo(printable(f"{done}: {revoked.name} ({revoked.token_id})"))


def _scope(labels: tuple[str, ...], ids: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, list[str]] = {}
    for one in labels:
        name, equals, value = one.partition("=")
        if not equals:
            raise click.BadParameter(f"{one!r} is not KEY=VALUE", param_hint="'--label'")
        values.setdefault(name, []).append(value)
    return ({"labels": values} if values else {}) | ({"ids": list(ids)} if ids else {})


def _user() -> str:
    """Who runs the command, for the audit log. The environment may claim any name."""
    try:
        return printable(f"cli:{getpass.getuser()}")[:LONGEST_ACTOR]
    except (KeyError, OSError):  # a user without a name, as in a container
        return "cli"


def _declared(text: TokenText, made: ApiToken) -> Iterator[str]:
    """An entry of `tokens` in access.yaml. JSON is YAML, so texts need no other quoting."""
    yield f"- name: {json.dumps(made.name, ensure_ascii=False)}\n"
    yield f"  id: {text.token_id}\n  hash: {made.hash}\n  role: {made.binding.role}\n"
    if not made.binding.scope.is_everything:
        yield f"  scope: {json.dumps(made.binding.scope.as_json(), ensure_ascii=False)}\n"
    if made.expires_at:
        yield f"  expires: {made.expires_at.isoformat()}\n"


def _row(one: ApiToken, zone: str) -> dict[str, Any]:
    def shown(at: datetime | None) -> str | None:
        return local_time(at, zone).isoformat(timespec="seconds") if at else None

    return {
        "id": one.token_id,
        "name": one.name,
        "role": one.binding.role,
        "scope": one.binding.scope.as_json(),
        "created_at": shown(one.created_at),
        "created_by": one.created_by,
        "expires_at": shown(one.expires_at),
        "last_used_at": shown(one.last_used_at),
        "revoked_at": shown(one.revoked_at),
    }


def _line(row: dict[str, Any]) -> str:
    scope = json.dumps(row["scope"], ensure_ascii=False) if row["scope"] else "all jobs"
    times = [f"{word} {row[name]}" for name, word in _TIMES.items() if row[name]]
    return f"{row['id']}  {row['name']}  {row['role']}  {scope}  {', '.join(times) or 'never used'}"


_TIMES = {"revoked_at": "revoked", "expires_at": "expires", "last_used_at": "last used"}
