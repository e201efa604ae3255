"""`myscheduler import-crontab`."""

import codecs
import re
from pathlib import Path

import click

from myscheduler.cli.manifests import STDIN, coloured, read_stdin
from myscheduler.cli.options import check_zone_option
from myscheduler.cli.writing import output_option, write_manifests
from myscheduler.core.bounds import LARGEST_CRONTAB
from myscheduler.core.crontab.importing import import_crontab as manifests_of
from myscheduler.core.findings.problem import Severity
from myscheduler.machine.causes import reason_of
from myscheduler.settings import Settings

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""The byte order marks of UTF-16 files, which Windows writes."""


def _check_zone(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    return None if value is None else check_zone_option(context, option, value)


def _read_settings(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Parse NAME=VALUE. Errors don't repeat the value: it may be a credential."""
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise click.BadParameter("write NAME=VALUE, where NAME has letters, digits and _ only")
        found[name] = value
    return found


@click.command("import-crontab")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), default="-")
@click.option("--system", is_flag=True, help="Each command is preceded by a user, as in /etc/crontab and /etc/cron.d.")
@click.option(
    "--timezone",
    callback=_check_zone,
    help="The time zone of the machine of the crontab; written into each job without a CRON_TZ.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_read_settings,
    help="A variable that the lines use, such as one that a file sets. Overrides the crontab. May be repeated.",
)
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
    name = STDIN if str(file) == "-" else file.as_posix()
    try:
        content = read_stdin() if str(file) == "-" else _read(file)
        if len(content) > LARGEST_CRONTAB:
            message = f"{name} is larger than {LARGEST_CRONTAB // 1024**2} MiB: import it in parts"
            raise click.ClickException(message)
        text = content.decode("utf-16" if content[:2] in _UTF_16 else "utf-8-sig")
    except OSError as error:
        raise click.ClickException(f"{name} can't be read: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name} is not UTF-8: convert it, for example with iconv") from error
    imported = manifests_of(
        text, path=name, zone=Settings().zone, has_users=system, timezone=timezone, settings=settings
    )
    for problem in imported.problems:
        click.echo(coloured(problem), err=True)
    if not imported.manifests and not imported.problems:
        click.echo("warning: no jobs found", err=True)
    write_manifests(imported.manifests, output)
    raise SystemExit(int(any(problem.severity is Severity.ERROR for problem in imported.problems)))


def _read(file: Path) -> bytes:
    """Read at most one byte more than the limit: a device may never end."""
    with file.open("rb") as stream:
        return stream.read(LARGEST_CRONTAB + 1)
