"""What a call costs at different rates: `python -m benchmarks.rates`.

Executions that are due together are claimed, and their ends recorded, in one transaction. The more there are, the
fewer transactions, wake-ups of threads and commits each of them pays for.
"""

import click
import uvloop

from benchmarks.machine import machine, told
from benchmarks.options import with_quick, with_senders
from benchmarks.sink import running_sink
from benchmarks.steady import HEAD, WARM_UP_SEC, Load, row, steady


async def _run(rates: list[int], seconds: float, warm_up: float, settings: dict[str, str]) -> None:
    click.echo(HEAD)
    async with running_sink() as sink:
        for rate in rates:
            load = Load(rate)
            found = await steady(sink, load, seconds, warm_up=warm_up, settings=settings)
            click.echo(row(f"{rate:,} a second", load, found))


def _rates(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    found = [int(one) for one in value.split(",") if one.isdecimal() and int(one)]
    if len(found) != len(value.split(",")):
        raise click.BadParameter("write whole numbers with commas between them: 10,100,1000")
    return found


@click.command()
@click.option("--rates", callback=_rates, default="10,100,1000", show_default=True, help="Calls a second.")
@click.option("--seconds", default=12.0, show_default=True, help="How long each rate is watched.")
@with_senders
@with_quick
def main(rates: list[int], seconds: float, settings: dict[str, str], quick: bool) -> None:
    """Measure the processor time of a call at different rates."""
    where = machine()
    sizes = ([5, 20], 2.0, 1.0) if quick else (rates, seconds, WARM_UP_SEC)
    uvloop.run(_run(*sizes, settings))
    click.echo(told(where))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.rates")
