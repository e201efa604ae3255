"""Targets that take their time: `python -m benchmarks.slow_targets`.

A call is in progress for as long as its target takes, so that rate times duration are in progress at once. The service
has at most 400 calls of a host in progress, and 2,000 in all: these limits bind where targets are slow, and the
processor where they are fast. Cases beyond a limit show that the rate stays at it.
"""

from dataclasses import dataclass, replace

import click
import uvloop

from benchmarks.machine import machine, told
from benchmarks.options import with_quick, with_senders
from benchmarks.sink import running_sink
from benchmarks.steady import HEAD, WARM_UP_SEC, Load, row, steady


@dataclass(frozen=True, slots=True)
class Case:
    title: str
    delay: float
    load: Load
    limit: float | None = None
    """Calls a second that the limits of calls in progress allow, if they bind."""


CASES = (
    Case("at once", 0, Load(1_000)),
    Case("50 ms", 0.05, Load(1_000)),
    Case("2 s, one host", 2, Load(600, every_sec=4)),
    Case("2 s, one host, beyond its limit", 2, Load(1_200, every_sec=4), limit=200),
    Case("2 s, ten hosts", 2, Load(3_200, every_sec=4, hosts=10)),
    Case("2 s, ten hosts, beyond the limit", 2, Load(4_800, every_sec=4, hosts=10), limit=1_000),
)
QUICK_RATE = 20


async def _run(cases: list[Case], seconds: float, warm_up: float, settings: dict[str, str]) -> None:
    click.echo(HEAD)
    for case in cases:
        async with running_sink(case.delay, has_many_hosts=case.load.hosts > 1) as sink:
            found = await steady(sink, case.load, seconds, warm_up=warm_up + case.delay, settings=settings)
        limit = "" if case.limit is None else f" ({case.limit:,.0f}/s)"
        click.echo(row(f"{case.title}{limit}", case.load, found))


@click.command()
@click.option("--seconds", default=12.0, show_default=True, help="How long each case is watched.")
@with_senders
@with_quick
def main(seconds: float, settings: dict[str, str], quick: bool) -> None:
    """Measure the rate, lateness and cost of calls whose targets take 50 ms and 2 s."""
    where = machine()
    few = [replace(one, load=replace(one.load, jobs=QUICK_RATE * one.load.every_sec), limit=None) for one in CASES]
    sizes = (few, 2.0, 1.0) if quick else (list(CASES), seconds, WARM_UP_SEC)
    uvloop.run(_run(*sizes, settings))
    click.echo(told(where))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.slow_targets")
