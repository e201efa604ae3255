"""`myscheduler import-crontab`."""

from pathlib import Path

import click

from myscheduler.causes import reason_of
from myscheduler.cli.manifests import STDIN, coloured, read_stdin
from myscheduler.cli.writing import output_option, write_manifests
from myscheduler.core.bounds import LARGEST_CRONTAB
from myscheduler.core.crontab_import import import_crontab as manifests_of
from myscheduler.core.problem import Severity
from myscheduler.settings import Settings


@click.command("import-crontab")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), default="-")
@click.option("--system", is_flag=True, help="A user stands before each command, as in /etc/crontab and /etc/cron.d.")
@output_option
def import_crontab(file: Path, *, system: bool, output: Path | None) -> None:
    """Turn the lines of a crontab that call curl or wget into manifests.

    FILE is a crontab; standard input when left out. Standard error tells which lines could not be taken over, and what
    the manifests of the others do not say. Passwords and tokens become references to secrets.

    \b
    Examples:
      crontab -l | myscheduler import-crontab > jobs.d/crontab.yaml
      myscheduler import-crontab --system /etc/cron.d/reports --output jobs.d/reports

    Exits with 0 when every line was taken over, 1 when some were not; the others are written all the same.
    """
    name = STDIN if str(file) == "-" else file.as_posix()
    try:
        content = read_stdin() if str(file) == "-" else _read(file)
        if len(content) > LARGEST_CRONTAB:
            message = f"{name} is larger than {LARGEST_CRONTAB // 1024**2} MiB: import it in parts"
            raise click.ClickException(message)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise click.ClickException(f"{name} can't be read: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name} is not UTF-8: convert it, for example with iconv") from error
    imported = manifests_of(text, path=name, zone=Settings().zone, has_users=system)
    for problem in imported.problems:
        click.echo(coloured(problem), err=True)
    if not imported.manifests and not imported.problems:
        click.echo("warning: no jobs found", err=True)
    write_manifests(imported.manifests, output)
    raise SystemExit(int(any(problem.severity is Severity.ERROR for problem in imported.problems)))


def _read(file: Path) -> bytes:
    """No more than tells that it is too large: a device may have no end."""
    with file.open("rb") as stream:
        return stream.read(LARGEST_CRONTAB + 1)
