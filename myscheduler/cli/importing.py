"""What all imports have in common: the text of the file, the findings, the manifests, and the exit code."""

import codecs
import re
from collections.abc import Callable
from pathlib import Path

import click

from myscheduler.cli.manifests import STDIN, coloured, read_stdin
from myscheduler.cli.options import check_zone_option
from myscheduler.cli.writing import write_manifests
from myscheduler.core.crontab.collecting import Imported
from myscheduler.core.crontab.markers import RESERVED
from myscheduler.core.findings.problem import Severity
from myscheduler.machine.causes import reason_of

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""The byte order marks of UTF-16 files, which Windows writes."""

file_type = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


def _check_zone(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    return None if value is None else check_zone_option(context, option, value)


def _read_settings(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Parse NAME=VALUE. Errors don't repeat the value: it may be a credential."""
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise click.BadParameter("write NAME=VALUE, where NAME has letters, digits and _ only")
        if RESERVED.search(value):
            raise click.BadParameter("the value has characters of Unicode's private use area")
        found[name] = value
    return found


def zone_option(help_text: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    return click.option("--timezone", callback=_check_zone, help=help_text)


def settings_option(help_text: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    return click.option(
        "--set", "settings", multiple=True, metavar="NAME=VALUE", callback=_read_settings, help=help_text
    )


def read_text(file: Path, largest: int) -> tuple[str, str]:
    """The text of the file, and its name in findings; `-` is standard input."""
    name = STDIN if str(file) == "-" else file.as_posix()
    try:
        content = read_stdin() if str(file) == "-" else _read(file, largest)
        if len(content) > largest:
            raise click.ClickException(f"{name} is larger than {largest // 1024**2} MiB: import it in parts")
        return content.decode("utf-16" if content[:2] in _UTF_16 else "utf-8-sig"), name
    except OSError as error:
        raise click.ClickException(f"{name} can't be read: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name} is not UTF-8: convert it, for example with iconv") from error


def _read(file: Path, largest: int) -> bytes:
    """Read at most one byte more than the limit: a device may never end."""
    with file.open("rb") as stream:
        return stream.read(largest + 1)


def finish(imported: Imported, output: Path | None) -> None:
    """Print the findings, write the manifests, and exit: with 1 when something was not imported."""
    for problem in imported.problems:
        click.echo(coloured(problem), err=True)
    if not imported.manifests and not imported.problems:
        click.echo("warning: no jobs found", err=True)
    write_manifests(imported.manifests, output)
    raise SystemExit(int(any(problem.severity is Severity.ERROR for problem in imported.problems)))
