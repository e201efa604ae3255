"""What it costs to call many hosts: `python -m benchmarks.hosts`.

In turn, the same jobs call one host, and each a host of its own: an address of loopback, so that no name is looked up.
A connection is kept for less than two seconds, and each host is called once in an interval, so that every call to many
hosts opens a connection. Calls to one host share a few.
"""

import statistics

import click
import uvloop

from benchmarks.machine import machine, told
from benchmarks.options import with_quick, with_senders
from benchmarks.sink import running_sink
from benchmarks.steady import HEAD, WARM_UP_SEC, Load, row, steady


async def _run(
    jobs: int, every_sec: int, rounds: int, seconds: float, warm_up: float, settings: dict[str, str]
) -> None:
    ratios = []
    click.echo(HEAD)
    async with running_sink(has_many_hosts=True) as sink:
        for number in range(rounds):
            found = {}
            for hosts in (1, jobs) if number % 2 == 0 else (jobs, 1):
                load = Load(jobs, every_sec, hosts)
                found[hosts] = await steady(sink, load, seconds, warm_up=warm_up, settings=settings)
                click.echo(row(f"{hosts:,} host{'s' if hosts > 1 else ''}", load, found[hosts]))
            ratios.append(found[jobs].processor_ms / found[1].processor_ms)
    told = ", ".join(f"{one:.2f}" for one in ratios)
    click.echo(f"processor time of many hosts, of that of one: {statistics.median(ratios):.2f} (rounds: {told})")


@click.command()
@click.option("--jobs", default=10_000, show_default=True, type=click.IntRange(2, 100_000))
@click.option("--every-sec", default=10, show_default=True, help="The interval of each job.")
@click.option("--rounds", default=3, show_default=True, help="How often both are measured, in turn.")
@click.option("--seconds", default=10.0, show_default=True, help="How long each time.")
@with_senders
@with_quick
def main(jobs: int, every_sec: int, rounds: int, seconds: float, settings: dict[str, str], quick: bool) -> None:
    """Compare jobs that call a host each with jobs that call one."""
    where = machine()
    sizes = (40, 2, 1, 4.0, 1.0) if quick else (jobs, every_sec, rounds, seconds, WARM_UP_SEC)
    uvloop.run(_run(*sizes, settings))
    click.echo(told(where))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.hosts")
