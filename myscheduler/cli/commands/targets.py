"""`myscheduler targets`."""

from collections.abc import Iterator
from typing import Any

import click

from myscheduler.cli.options import format_option
from myscheduler.cli.output.live import watch_option, watched
from myscheduler.cli.output.rows import texts, times
from myscheduler.cli.output.table import Cell, Column, table, terminal_width
from myscheduler.cli.output.terminal import json_text
from myscheduler.cli.server import connect, server_option

_COLOURS = {"closed": "green", "open": "red", "half-open": "yellow"}


@click.group()
def targets() -> None:
    """Show the shared targets of a running service.

    When MYSCHEDULER_API_TOKEN is set, or the profile has a token, it is sent along.
    """


@targets.command("list")
@watch_option
@server_option
@format_option
def list_targets(server: str, output: str, *, watch: bool) -> None:
    """List the shared targets with their limits, their circuits, and the calls on their way and waiting.

    \b
    Examples:
      myscheduler targets list
      myscheduler targets list --format json

    Exits with 0 on success, 1 when the service can't be reached or refuses.
    """
    client = connect(server)

    def lines() -> list[str]:
        answer = client.get("targets")
        return [json_text(answer)] if output == "json" else list(_table(answer["targets"], terminal_width()))

    watched(lines, watch=watch)


def _table(found: list[dict[str, Any]], room: int | None) -> Iterator[str]:
    columns = (
        Column("TARGET", [Cell(one["name"]) for one in found], is_elastic=True),
        texts("JOBS", [f"{one['jobs']:,}" for one in found], rank=2),
        Column("CIRCUIT", [Cell(one["circuit"] or "", _COLOURS.get(one["circuit"])) for one in found]),
        texts("IN FLIGHT", [_in_flight(one) for one in found]),
        texts("WAITING", [f"{one['waiting']:,}" if one["waiting"] else "" for one in found]),
        texts("RATE", [_rate(one["limits"]["rate"]) for one in found], rank=1),
        times("HELD UNTIL", [_held_until(one) for one in found]),
        texts("BASE URL", [one["base_url"] for one in found], rank=3),
    )
    return table(columns, room)


def _in_flight(one: dict[str, Any]) -> str:
    """`1 of 2` with a limit."""
    most = one["limits"]["concurrency"]
    return f"{one['in_flight']:,}" if most is None else f"{one['in_flight']:,} of {most:,}"


def _rate(rate: dict[str, Any] | None) -> str:
    return "" if rate is None else f"{rate['calls']:,} per {rate['per']}"


def _held_until(one: dict[str, Any]) -> str | None:
    """When the circuit becomes half-open, or the target may be called again that asked to wait."""
    return max((time for time in (one["open_until"], one["not_before"]) if time), default=None)
