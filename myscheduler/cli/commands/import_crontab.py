"""`myscheduler import-crontab`."""

from pathlib import Path

import click

from myscheduler.cli.importing import file_type, finish, read_text, settings_option, zone_option
from myscheduler.cli.writing import output_option
from myscheduler.core.bounds import LARGEST_CRONTAB
from myscheduler.core.crontab.importing import import_crontab as manifests_of
from myscheduler.settings import Settings


@click.command("import-crontab")
@click.argument("file", type=file_type, default="-")
@click.option("--system", is_flag=True, help="Each command is preceded by a user, as in /etc/crontab and /etc/cron.d.")
@zone_option("The time zone of the machine of the crontab; written into each job without a CRON_TZ.")
@settings_option("A variable that the lines use, such as one that a file sets. Overrides the crontab. May be repeated.")
@output_option
def import_crontab(
    file: Path, *, system: bool, timezone: str | None, settings: dict[str, str], output: Path | None
) -> None:
    """Convert the curl and wget calls of a crontab to manifests.

    FILE is a crontab; the default is standard input. Lines that can't be converted, and what the manifests of the
    others do not keep, are reported on standard error. Passwords and tokens become references to secrets.

    \b
    Examples:
      crontab -l | myscheduler import-crontab > jobs.d/crontab.yaml
      myscheduler import-crontab --system /etc/cron.d/reports --output jobs.d/reports
      myscheduler import-crontab --timezone Europe/Berlin --set API=https://api.example.com crontab.txt

    Exits with 0 when all lines were converted, 1 when some were not; the others are written all the same.
    """
    text, name = read_text(file, LARGEST_CRONTAB)
    zone = Settings().zone
    finish(manifests_of(text, path=name, zone=zone, has_users=system, timezone=timezone, settings=settings), output)
