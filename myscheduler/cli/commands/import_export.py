"""`myscheduler import`."""

from pathlib import Path

import click

from myscheduler.cli.importing import file_type, finish, read_text, settings_option, zone_option
from myscheduler.cli.writing import output_option
from myscheduler.core.bounds import LARGEST_FILE
from myscheduler.core.imports.eventbridge import import_eventbridge
from myscheduler.core.imports.gcp_scheduler import import_gcp_scheduler
from myscheduler.core.imports.kubernetes import import_kubernetes_cronjob
from myscheduler.settings import Settings


@click.group("import")
def import_export() -> None:
    """Convert the exports of other schedulers to manifests; for crontabs, see import-crontab.

    Jobs that can't be converted, and what the manifests of the others do not keep, are reported on standard error.
    Passwords and tokens become references to secrets.

    Exits with 0 when all jobs were converted, 1 when some were not; the others are written all the same.
    """


@import_export.command("gcp-scheduler")
@click.argument("file", type=file_type)
@output_option
def gcp_scheduler(file: Path, *, output: Path | None) -> None:
    """Convert jobs of Google's Cloud Scheduler to manifests.

    FILE is what `gcloud scheduler jobs list --format json` prints; - is standard input.

    \b
    Example:
      gcloud scheduler jobs list --location europe-west1 --format json > jobs.json
      myscheduler import gcp-scheduler jobs.json --output jobs.d/gcp
    """
    text, name = read_text(file, LARGEST_FILE)
    finish(import_gcp_scheduler(text, path=name, zone=Settings().zone), output)


@import_export.command("kubernetes-cronjob")
@click.argument("file", type=file_type)
@zone_option("The time zone of the cluster, for CronJobs without a timeZone; UTC without this option.")
@settings_option("A variable that the containers get from elsewhere, such as a ConfigMap. May be repeated.")
@output_option
def kubernetes_cronjob(file: Path, *, timezone: str | None, settings: dict[str, str], output: Path | None) -> None:
    """Convert the CronJobs of Kubernetes that only call curl or wget to manifests.

    FILE has CronJobs in YAML or JSON, among other objects; - is standard input.

    \b
    Example:
      kubectl get cronjobs -A -o yaml | myscheduler import kubernetes-cronjob - > jobs.d/cluster.yaml
    """
    text, name = read_text(file, LARGEST_FILE)
    zone = Settings().zone
    imported = import_kubernetes_cronjob(text, path=name, zone=zone, timezone=timezone or "UTC", settings=settings)
    finish(imported, output)


@import_export.command()
@click.argument("file", type=file_type)
@output_option
def eventbridge(file: Path, *, output: Path | None) -> None:
    """Convert schedules and scheduled rules of Amazon EventBridge to manifests.

    FILE has what the AWS CLI prints, as a list or as YAML documents: get-schedule; describe-rule followed by
    list-targets-by-rule; describe-api-destination and describe-connection of their targets. - is standard input.

    \b
    Example:
      aws scheduler get-schedule --name nightly > nightly.json
      myscheduler import eventbridge nightly.json > jobs.d/nightly.yaml
    """
    text, name = read_text(file, LARGEST_FILE)
    finish(import_eventbridge(text, path=name, zone=Settings().zone), output)
