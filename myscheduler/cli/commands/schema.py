"""`myscheduler schema`."""

import click

from myscheduler.cli.output.terminal import json_text
from myscheduler.core.access.access_schema import access_schema
from myscheduler.core.manifest.schema import calendars_schema, manifest_schema
from myscheduler.core.manifest.targets_schema import targets_schema
from myscheduler.core.notifications.notifications_schema import notifications_schema
from myscheduler.core.templates.vars_schema import vars_schema

_SCHEMAS = {
    "manifest": manifest_schema,
    "calendars": calendars_schema,
    "access": access_schema,
    "notifications": notifications_schema,
    "targets": targets_schema,
    "vars": vars_schema,
}


@click.command()
@click.argument("what", type=click.Choice(list(_SCHEMAS)), default="manifest")
def schema(what: str) -> None:
    """Print the JSON Schema of manifests, or of another file of the source, for editors.

    With it, an editor completes fields, shows what they mean, and marks mistakes while you type. Commit the file, and
    refer to it in the first line of a manifest:

    \b
      # yaml-language-server: $schema=../.vscode/myscheduler.schema.json

    \b
    Examples:
      myscheduler schema > .vscode/myscheduler.schema.json
      myscheduler schema calendars > .vscode/myscheduler-calendars.schema.json
      myscheduler schema access > .vscode/myscheduler-access.schema.json
      myscheduler schema notifications > .vscode/myscheduler-notifications.schema.json
      myscheduler schema targets > .vscode/myscheduler-targets.schema.json
      myscheduler schema vars > .vscode/myscheduler-vars.schema.json

    The schema checks the shape of one document; `myscheduler validate` checks the rest.
    """
    click.echo(json_text(_SCHEMAS[what]()))
