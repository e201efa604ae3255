"""`myscheduler graph`."""

from pathlib import Path
from typing import Any

import click

from myscheduler.cli.manifests import exit_code, paths_argument, read_manifests, usable_jobs
from myscheduler.cli.options import timezone_option
from myscheduler.cli.output.terminal import json_text
from myscheduler.core.chains.drawing import as_dot, as_json, as_mermaid, connected
from myscheduler.core.chains.graph import Graph


@click.command()
@paths_argument
@click.option("--job", "job_id", metavar="ID", help="Only this job, and all that are connected with it.")
@timezone_option
@click.option(
    "--format",
    "output",
    type=click.Choice(["mermaid", "dot", "json"]),
    default="mermaid",
    show_default=True,
    help="The language of the graph.",
)
def graph(paths: tuple[Path, ...], job_id: str | None, timezone: str, output: str) -> None:
    """Print which jobs run after which, as a graph.

    PATHS are files, folders, and - for standard input; the default is jobs.d. Mermaid is what GitHub and GitLab draw in
    a Markdown file, DOT what Graphviz draws.

    \b
    Examples:
      myscheduler graph jobs.d > chains.mmd
      myscheduler graph --format dot jobs.d | dot -Tsvg > chains.svg
      myscheduler graph --job load --format json jobs.d

    Exits with 0 on success, 1 when a manifest has errors, 2 when a path or the job doesn't exist.
    """
    desired = read_manifests(paths, zone=timezone)
    jobs = {job.job_id: job for job in usable_jobs(desired)}
    links = {one: job.links.after for one, job in jobs.items() if job.links and job.links.after}
    found = Graph(links)
    if job_id is not None and job_id not in jobs:
        raise click.BadParameter(f"there is no job {job_id!r} in the manifests", param_hint="'--job'")
    wanted = {one for child, after in links.items() for one in (child, *after.jobs)}
    if job_id is not None:
        wanted = connected(found, job_id)
    names = {one: job.whole_spec.name for one, job in jobs.items()}
    click.echo(_text(found, names, wanted, output), nl=False)
    raise SystemExit(exit_code(desired))


def _text(found: Graph, names: dict[str, str], wanted: set[str], output: str) -> str:
    if output == "dot":
        return as_dot(found, wanted)
    if output == "mermaid":
        return as_mermaid(found, wanted)
    shown: Any = as_json(found, names, wanted)
    return f"{json_text(shown)}\n"
