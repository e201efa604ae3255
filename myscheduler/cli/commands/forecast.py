"""`myscheduler forecast`."""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from unicodedata import east_asian_width

import click

from myscheduler.cli.manifests import counted, exit_code, paths_argument, read_manifests, usable_jobs
from myscheduler.cli.options import format_option, parse_now_option, timezone_option
from myscheduler.cli.output.heatmap import MOST_HOSTS, draw
from myscheduler.cli.output.terminal import json_text, styled
from myscheduler.core.chains.expected import expected
from myscheduler.core.chains.graph import Graph, chained
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.load.chained import Chained
from myscheduler.core.load.forecast import Cell, Forecast, HostForecast, forecast_specs
from myscheduler.core.load.forecast_json import as_json
from myscheduler.core.load.target_forecast import USUAL_CALL, Limit, TargetForecast
from myscheduler.machine.causes import reason_of
from myscheduler.messages.durations import span_words

_SHADES = "·░▒▓█"
_COLOURS = (None, "green", "yellow", "bright_red", "red")
_NAMED = 3
"""The most jobs of a minute named in text; fewer where their ids are long."""
_ROOM = 78
"""The columns left of a line of 80 after its indent; a continuation line is indented by two more."""


@click.command()
@paths_argument
@timezone_option
@click.option(
    "--now", metavar="ISO", callback=parse_now_option, help="The start of the forecast (RFC 3339). Default: now."
)
@click.option("--days", type=click.IntRange(1, 31), default=7, show_default=True, help="How many days to forecast.")
@click.option(
    "--latency",
    metavar="SECONDS",
    type=click.FloatRange(0, 86_400),
    default=USUAL_CALL.total_seconds(),
    show_default=True,
    help="How long each call takes, which counts where a target limits those in flight, and in chains.",
)
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Also draw the heat maps to this file.")
@format_option
def forecast(
    paths: tuple[Path, ...], timezone: str, now: datetime, days: int, latency: float, svg: Path | None, output: str
) -> None:
    """Count the calls that each target host will get in each minute, and name the worst minutes.

    PATHS are files, folders, and - for standard input; the default is jobs.d. The heat map of a host has a row for each
    day and a column for each hour in the time zone of the service, shaded by the worst minute of the hour. Below are
    the minutes in which shared targets with limits get more calls than they take.

    \b
    Examples:
      myscheduler forecast jobs.d
      myscheduler forecast --days 31 --svg load.svg jobs.d

    Exits with 0 on success, 1 when a manifest has errors, 2 when a path doesn't exist.
    """
    desired = read_manifests(paths, zone=timezone)
    try:
        specs = [job.whole_spec for job in usable_jobs(desired)]
        limits = {name: Limit(one.concurrency, one.rate) for name, one in desired.limits.items()}
        duration = timedelta(seconds=latency)
        after_others = expected(_graph(specs), {}, duration, {spec.job_id for spec in specs if spec.paused})
        found = forecast_specs(specs, now, days, timezone, limits=limits, duration=duration, chained=after_others)
    except OverflowError as error:
        raise click.BadParameter("the calendar ends in the year 9999", param_hint="'--now'") from error
    if output == "json":
        click.echo(json_text(as_json(found)))
    else:
        click.echo("\n".join(_lines(found)))
    if svg is not None:
        lines = [line for target in found.targets for line in _target_lines(target)]
        _write(svg, draw(found, [list(_worst_lines(host)) for host in found.hosts], lines))
    raise SystemExit(exit_code(desired))


def _graph(specs: Iterable[JobSpec]) -> Graph:
    declared = ((spec.job_id, chained(spec)[0]) for spec in specs)
    return Graph({job_id: after for job_id, after in declared if after is not None})


def _write(path: Path, text: str) -> None:
    """Write the whole picture or nothing: a temporary file is renamed once it is complete."""
    target = path.resolve()
    is_file = target.is_file() or not target.exists()  # /dev/stdout and pipes are written directly
    written = target.with_name(f".{target.name}.{os.getpid()}") if is_file else target
    try:
        written.write_text(text, encoding="utf-8")
        written.replace(target)
    except OSError as error:
        if is_file:
            written.unlink(missing_ok=True)
        message = f"can't write {path}: {reason_of(error)}"
        raise click.ClickException(message) from error


def _lines(found: Forecast) -> Iterator[str]:
    first, last = found.span.moment(0), found.span.moment(found.span.minutes)
    yield f"{first:%a %Y-%m-%d %H:%M} to {last:%a %Y-%m-%d %H:%M}  [{found.span.zone}]"
    if found.unanchored:
        yield f"{counted(found.unanchored, 'interval')} without an anchor counted from the start"
    if found.paused:
        yield f"{counted(found.paused, 'paused job')} not counted"
    yield from _chained_lines(found.chained)
    if not found.hosts:
        yield "no job calls anything"
    for host in found.hosts[:MOST_HOSTS]:
        yield ""
        yield from _host_lines(host)
    if others := found.hosts[MOST_HOSTS:]:
        yield ""
        yield f"{counted(len(others), 'further host')}, each with at most {counted(others[0].peak, 'start')} a minute"
    if found.targets:
        yield ""
    for target in found.targets:
        yield from _target_lines(target)


def _chained_lines(after: Chained) -> Iterator[str]:
    if after.delays:
        each = span_words(after.duration)
        yield f"{counted(len(after.delays), 'job')} after others counted, if all succeed and each takes {each}"
    if after.left_out:
        yield f"chains of {counted(after.left_out, 'job')} not counted: there are too many"


def _target_lines(target: TargetForecast) -> Iterator[str]:
    rate, most = target.limit.rate, target.limit.concurrency
    allowed = f" of {rate.calls:,} per {span_words(rate.per)}" if rate else ""
    in_flight = f" of {most:,}" if most is not None else ""
    yield (
        f"target {styled(target.target)}: {target.peak:,} starts in the worst minute{allowed}, "
        f"{target.in_flight:.3g} in flight{in_flight}"
    )
    for one in target.crowded:
        again = f", and so on {counted(len(one.again), 'further minute')}" if one.again else ""
        yield f"  {one.at:%a %Y-%m-%d %H:%M}  {counted(one.starts, 'call')} need {span_words(one.needs)}{again}"
        if one.missed:
            yield f"    {counted(len(one.missed), 'slot')} missed, as they wait too long: {_names(one.missed)}"


def _host_lines(host: HostForecast) -> Iterator[str]:
    load = f"{counted(host.starts, 'start')} of {counted(host.jobs, 'job')}, {host.peak:,} in the worst minute"
    yield f"{styled(host.host, bold=True)}: {load}"
    if not host.starts:
        return
    yield "            " + "".join(f"{hour:02}    " for hour in range(0, 24, 3)).rstrip()
    for day in host.days:
        yield f"  {day.date:%a %m-%d} " + "".join(_shade(cell, host.peak) for cell in day.hours).rstrip()
    steps = (f"{shade} to {most:,}" for shade, most in zip(_SHADES[1:], _scale(host.peak), strict=True))
    yield f"  most starts in a minute: {_SHADES[0]} none  {'  '.join(steps)}"
    yield from (f"  {line}" for line in _worst_lines(host))


def _shade(cell: Cell | None, peak: int) -> str:
    if cell is None:
        return "  "
    level = _level(cell.peak, peak)
    colour = _COLOURS[level]
    return click.style(_SHADES[level] * 2, fg=colour) if colour else f"{_SHADES[0]} "


def _level(count: int, peak: int) -> int:
    """The index in `_SHADES` for this number of starts."""
    return next(place for place, most in enumerate(_scale(peak), start=1) if count <= most) if count else 0


def _scale(peak: int) -> tuple[int, ...]:
    """The most starts of each shade: quarters of the peak, or 1 to 4 where the peak is small."""
    return tuple(-(-max(peak, 4) * quarter // 4) for quarter in (1, 2, 3, 4))


def _worst_lines(host: HostForecast) -> Iterator[str]:
    for worst in (one for one in host.worst if one.starts > 1):
        again = f", and so on {counted(len(worst.again), 'further day')}" if worst.again else ""
        head, names = f"{worst.at:%a %Y-%m-%d %H:%M}  {counted(worst.starts, 'start')}{again}:", _names(worst.job_ids)
        yield from [f"{head} {names}"] if _columns(f"{head} {names}") <= _ROOM else [head, f"  {names}"]
    if advice := host.advice:
        jobs = counted(len(advice.job_ids), "job")
        yield f"`jitter_sec: {advice.jitter_sec}` on the {jobs} of the crowded minutes"
        yield f"  would leave at most {counted(advice.leaves, 'start')} a minute"


def _names(job_ids: Sequence[str]) -> str:
    """As many of the first ids as fit into a line, and how many more there are."""
    for named in range(min(_NAMED, len(job_ids)), 1, -1):
        if _columns(text := _first(job_ids, named)) <= _ROOM - 2:
            return text
    room = _ROOM - 2 - _columns(_first(["", *job_ids[1:]], 1))
    return _first([_cut(job_ids[0], room), *job_ids[1:]], 1)


def _first(job_ids: Sequence[str], named: int) -> str:
    more = len(job_ids) - named
    return styled(", ".join(job_ids[:named])) + (f" and {more:,} more" if more else "")


def _cut(text: str, room: int) -> str:
    if _columns(text) <= room:
        return text
    widths = accumulate(map(_columns, text))
    return text[: sum(width < room for width in widths)] + "…"


def _columns(text: str) -> int:
    """The width of a text in a terminal; wide characters, such as Japanese ones, take two columns."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
