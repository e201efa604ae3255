"""Options that several benchmarks have."""

import click


def sending(senders: int) -> dict[str, str]:
    """The environment of a service with this many processes that send; with none, it sends itself."""
    return {"MYSCHEDULER_SENDERS": str(senders)}


def _settings(_: click.Context, __: click.Parameter, senders: int | None) -> dict[str, str]:
    return {} if senders is None else sending(senders)


with_senders = click.option(
    *("--senders", "settings"),
    type=click.IntRange(min=0),
    callback=_settings,
    help="Processes that send, as of `serve --senders`; the service's default if unset.",
)
"""Passes the environment of the service as `settings`."""

with_quick = click.option("--quick", is_flag=True, help="Tiny sizes: shows that the benchmark works, nothing more.")
