"""Writes manifests: to standard output, or one file for each job."""

from collections.abc import Mapping
from pathlib import Path

import click

from myscheduler.cli.manifests import counted
from myscheduler.core.manifest.writing import file_names
from myscheduler.machine import private_files as private
from myscheduler.machine.causes import reason_of

output_option = click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write one file for each job into this folder, readable only by you. Existing files are not overwritten.",
)


def write_manifests(manifests: Mapping[str, str], folder: Path | None) -> None:
    """Write manifests, which are given by the ids of their jobs. If any of the files exists, nothing is written."""
    if folder is None:
        click.echo("---\n".join(manifests.values()), nl=False)
        return
    paths = {job_id: folder / name for job_id, name in file_names(list(manifests)).items()}
    if taken := [path for path in paths.values() if path.exists() or path.is_symlink()]:
        more = f" and {len(taken) - 1} more exist" if len(taken) > 1 else " exists"
        message = f"{taken[0]}{more} already, so nothing was written: move the files, or choose another folder"
        raise click.ClickException(message)
    try:
        private.make_folder(folder)
        for job_id, path in paths.items():
            with open(path, "x", encoding="utf-8", opener=private.opener) as file:
                file.write(manifests[job_id])
    except OSError as error:
        raise click.ClickException(f"{folder} can't be written to: {reason_of(error)}") from error
    click.echo(f"{counted(len(manifests), 'job')} written to {folder}", err=True)
